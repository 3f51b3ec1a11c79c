#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 2400 s
#
# kill -9 of the serving filterd under a verifying load on a write-back volume, whose log is small, so that writers
# wait and windows are under way at most kills: nothing acknowledged is lost, stale or torn, and the initiator sees
# no error. Then the mode changes: all of it is on the datastore. CYCLES=200 for the long form.
. "$(dirname "$0")/../lib/harness.sh"
need_tools verify_load
CYCLES=${CYCLES:-4}
STALL_LIMIT_MS=${STALL_LIMIT_MS:-8000}

another_child_than() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$1" ]; }
# cache_is MEMBER VALUE   of volume v0's cache
cache_is() { [ "$(ctl --json volume show v0 | jq -r ".volume.filters[] | select(.filter == \"cache\").status.$1")" = "$2" ]; }

expect_error "ended by signal 9|crash loop|cache_log_full|cache_recovered"
mkdir "$T/flash"
filterd_start
datastore_dir d0
ctl datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=268435456 >/dev/null
# shellcheck disable=SC2086 # VOLUME_OPTIONS are words
volume_new v0 --datastore d0 --size 64M ${VOLUME_OPTIONS:-} \
	--filter "cache,mode=write_back,flash_bytes=${LOG_BYTES:-33554432},ram_bytes=8388608,destage_age_ms=300${CACHE_OPTIONS:-}"
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
URL=$(url a 1 1)
wait_until 20 "write-back" cache_is state serving
load_start load --sessions 2 --depth 16 --zero --seed "$CYCLES" --max-stall-ms "$STALL_LIMIT_MS" "$URL" "$(url a 1 1 2)"
for ((cycle = 1; cycle <= CYCLES; cycle++)); do
	load_moves load $((RANDOM % 1500 + 100))
	child=$(filterd_child)
	kill -KILL "$child"
	wait_until 15 "another serving child" another_child_than "$child"
done
load_moves load 1000
# Under load, too: all goes down, and the same load goes on.
ctl filter command v0 cache flush >/dev/null
ctl filter set v0 cache,mode=write_through >/dev/null
load_moves load 300
ctl filter set v0 "cache,mode=write_back,flash_bytes=${LOG_BYTES:-33554432}" >/dev/null
load_moves load 300
load_end load 180
note "$CYCLES kills: the longest stall was $(load_figure load max_stall_ms) ms"
