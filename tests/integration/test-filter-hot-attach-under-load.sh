#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# Filters are attached, changed and detached under a verifying load; no command fails, none is lost.
. "$(dirname "$0")/../lib/harness.sh"
need_tools verify_load
one_lun_on_files 64M
load_start load --depth 32 --zero --forbid-busy --max-stall-ms 10000 "$URL"
for ((cycle = 1; cycle <= ${CYCLES:-10}; cycle++)); do
	ctl filter attach v0 passthru >/dev/null
	load_moves load 200
	ctl filter attach v0 delay,read_us=200,write_us=200 >/dev/null
	load_moves load 200
	ctl filter set v0 delay,read_us=50,write_us=50 >/dev/null
	load_moves load 100
	ctl filter detach v0 passthru >/dev/null
	load_moves load 100
	ctl filter detach v0 delay >/dev/null
	load_moves load 200
done
# What does not exist, or has a wrong parameter, is refused with a sentence and changes nothing.
! ctl filter attach v0 nosuchfilter >"$T/refused" 2>&1 || die "an unknown filter was attached"
! ctl filter attach v0 delay,read_us=banana >>"$T/refused" 2>&1 || die "a wrong parameter was taken"
note "refusals: $(tr '\n' ' ' <"$T/refused")"
load_moves load 200
load_end load 60
