#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A datastore's filter parameters change while a verifying load runs on two volumes that share its group, and the
# group holds their I/O and lets it go by its own timer; no command fails, none is lost.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/probe.sh"
expect_error "level_changed"
need_tools verify_load
filterd_with_probe group_probe
filterd_start
datastore_dir d0
tgtd_start a
target_new a 1
for i in 1 2; do
	volume_new "v$i" --datastore d0 --size 32M --filter group_probe
	lun_sluice a 1 "$i" "v$i"
	load_start "load$i" --depth 16 --forbid-busy --max-stall-ms 10000 "$(url a 1 "$i")"
done
for ((cycle = 1; cycle <= ${CYCLES:-5}; cycle++)); do
	level=$((cycle % 12)) # the probe refuses 13
	ctl datastore filter-set d0 group_probe holds_io=true
	load_moves load1 50
	load_moves load2 50
	ctl filter detach v2 group_probe >/dev/null
	ctl datastore filter-set d0 group_probe level_pct="$level"
	load_moves load1 100
	ctl filter attach v2 group_probe >/dev/null
	load_moves load2 100
	group_is d0 .status.volumes 2
	group_is d0 .status.level_pct "$level"
done
load_end load1 60
load_end load2 60
