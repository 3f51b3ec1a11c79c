#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 300 s
#
# A volume that has snapshots grows, and its filters are changed, under a verifying load: each snapshot keeps its content
# and the size of its time, a revert to an earlier one keeps the volume's size with zeros behind, merging across the grow
# loses nothing, and io_control counts it as background.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
need_tools verify_load
one_lun_on_files 32M
BLOCKS=$((32 * 2048)) # of 512 bytes
SMALL=$(snapshot_uuid 1) LARGE=$(snapshot_uuid 2) LAST=$(snapshot_uuid 3)
filter_status() { ctl --json volume show v0 | jq ".volume.filters[] | select(.filter == \"$1\").status$2"; }
cache_serves() { [ "$(filter_status cache .state)" = '"serving"' ]; }
shows() { # SNAPSHOT BLOCKS COMMAND WANTED...
	local snapshot=$1 blocks=$2
	shift 2
	volume_new shown --datastore d0 --size $((blocks * 512)) --snapshot-of "v0:$snapshot"
	expect "the size of a shown snapshot" $((blocks * 512)) "$(ctl --json volume show shown | jq .volume.size_bytes)"
	lun_sluice a 1 9 shown
	while [ $# -gt 0 ]; do
		scsi_expect "$(url a 1 9)" "$1" "$2"
		shift 2
	done
	adm a --op delete --mode logicalunit --tid 1 --lun 9
	wait_until 20 "the shown volume to be deleted" ctl volume delete shown --yes
}

# The load has the middle; the ends are known.
mkdir "$T/flash"
scsi_expect "$URL" "write 0 8 0x11" good
scsi_expect "$URL" "write $((BLOCKS - 8)) 8 0x11" good
load_start load --lba 1024 --blocks $((BLOCKS - 2048)) --depth 8 --zero --max-stall-ms 20000 "$URL"
snapshot_new v0 "$SMALL" small
load_moves load 100

note "filters come, change and go above the snapshot's layers"
ctl filter attach v0 io_control >/dev/null
ctl datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=67108864 >/dev/null
ctl filter attach v0 "cache,mode=write_back,flash_bytes=16777216,destage_age_ms=100" >/dev/null
wait_until 20 "the cache to serve" cache_serves
load_moves load 100
ctl filter set v0 io_control,shares=500,shares_level=custom >/dev/null

note "it grows, is snapshotted, and written to behind its former end"
ctl volume grow v0 --size 64M >/dev/null
scsi_expect "$URL" "write 0 8 0x22" good
scsi_expect "$URL" "check $((BLOCKS + 800)) 8 0" good
scsi_expect "$URL" "write $((BLOCKS + 800)) 8 0x22" good
snapshot_new v0 "$LARGE" large
ctl filter set v0 cache,mode=write_through >/dev/null
scsi_expect "$URL" "write 0 8 0x33" good
scsi_expect "$URL" "write $((2 * BLOCKS - 8)) 8 0x33" good
load_moves load 100
snapshot_new v0 "$LAST" last
ctl filter detach v0 cache >/dev/null
load_moves load 100
shows "$SMALL" "$BLOCKS" "check 0 8 0x11" good "check $((BLOCKS - 8)) 8 0x11" good
shows "$LARGE" $((2 * BLOCKS)) "check 0 8 0x22" good "check $((BLOCKS + 800)) 8 0x22" good "check $((2 * BLOCKS - 8)) 8 0" good

note "the one before the grow is merged with what is above it"
before=$(filter_status io_control .background.served)
ctl snapshot delete v0 "$SMALL"
wait_until 120 "it to be merged" snapshots_are v0 2
[ "$(filter_status io_control .background.served)" -gt "$before" ] || die "io_control has seen nothing of the merge in its background"
shows "$LARGE" $((2 * BLOCKS)) "check 0 8 0x22" good "check $((BLOCKS - 8)) 8 0x11" good "check $((BLOCKS + 800)) 8 0x22" good
load_end load 120

note "back across another grow"
ctl volume grow v0 --size 96M >/dev/null
scsi_expect "$URL" "write $((2 * BLOCKS + 800)) 8 0x44" good
ctl snapshot revert v0 "$LARGE" --yes
expect "the size after the revert" $((96 << 20)) "$(ctl --json volume show v0 | jq .volume.size_bytes)"
scsi_expect "$URL" "check 0 8 0x22" good
scsi_expect "$URL" "check $((BLOCKS + 800)) 8 0x22" good
scsi_expect "$URL" "check $((2 * BLOCKS - 8)) 8 0" good
scsi_expect "$URL" "check $((2 * BLOCKS + 800)) 8 0" good
shows "$LAST" $((2 * BLOCKS)) "check 0 8 0x33" good "check $((2 * BLOCKS - 8)) 8 0x33" good
for s in "$LARGE" "$LAST"; do ctl snapshot delete v0 "$s"; done
wait_until 120 "all to be merged" snapshots_are v0 0
scsi_expect "$URL" "check 0 8 0x22" good
scsi_expect "$URL" "check $((BLOCKS - 8)) 8 0x11" good
scsi_expect "$URL" "check $((2 * BLOCKS + 800)) 8 0" good
