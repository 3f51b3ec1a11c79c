#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 900 s
#
# The cache is attached, changes its mode, is flushed, dropped and detached under a verifying load, and the volume
# grows; no command fails and no block is lost. What the datastore has afterwards, without the cache, is checked by
# the load's last pass.
. "$(dirname "$0")/../lib/harness.sh"
need_tools verify_load
expect_error "cache_log_full|cache_clean"
state_is() { [ "$(ctl --json volume show v0 | jq -r '.volume.filters[] | select(.filter == "cache").status.state')" = "$1" ]; }
set_cache() {
	ctl filter set v0 "cache,$1" >/dev/null
	wait_until 20 "the state serving after $1" state_is serving
	load_moves load 200
}
mkdir "$T/flash"
filterd_start
datastore_dir d0
ctl datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=134217728 ram_bytes=67108864 >/dev/null
volume_new v0 --datastore d0 --size 64M
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
load_start load --depth 32 --zero --forbid-busy --max-stall-ms 15000 "$(url a 1 1)"
log=mode=write_back,flash_bytes=16777216
for ((cycle = 1; cycle <= ${CYCLES:-3}; cycle++)); do
	ctl filter attach v0 cache,ram_bytes=4194304 >/dev/null
	load_moves load 200
	set_cache "$log,destage_age_ms=100"
	ctl filter command v0 cache flush >/dev/null
	load_moves load 100
	ctl filter command v0 cache drop >/dev/null
	set_cache "mode=write_around,ram_bytes=2097152"
	set_cache "$log,destage=journaled,flash_read_bytes=33554432,ram_bytes=1048576"
	set_cache mode=read_only
	set_cache "$log,dirty_max_pct=10"
	ctl volume grow v0 --size $((64 + cycle))M >/dev/null
	load_moves load 200
	ctl filter detach v0 cache >/dev/null
	load_moves load 100
done
! ctl filter attach v0 cache,mode=write_back >"$T/refused" 2>&1 || die "write-back without a log was taken"
! ctl filter attach v0 cache,mode=write_back,flash_bytes=268435456 >>"$T/refused" 2>&1 || die "more flash than there is was given"
note "refusals: $(tr '\n' ' ' <"$T/refused")"
load_end load 120
