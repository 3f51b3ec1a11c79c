#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 900 s
#
# kill -9 of tgtd under a verifying load: what was acknowledged is there, what was not is applied or not,
# and never later than the next tgtd's first answer.
. "$(dirname "$0")/../lib/harness.sh"
need_tools verify_load

one_lun_on_files 64M
load_start load --sessions 2 --depth 16 --zero --survive-reconnect "$URL" "$URL2"
for ((cycle = 1; cycle <= ${CYCLES:-5}; cycle++)); do
	load_moves load $((RANDOM % 1500 + 100))
	tgtd_kill a
	tgtd_start a
	target_new a 1
	lun_sluice a 1 1 v0
done
load_moves load 500
load_end load 120
note "$(load_figure load reconnects) reconnects, $(load_figure load unknown) commands without an answer"
