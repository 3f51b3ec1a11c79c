# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# snapshot.sh - snapshots by sluice-filterctl. Source it after harness.sh.
#
#   snapshot_uuid N                  the UUID of a test's snapshot number N
#   snapshot_new VOLUME UUID NAME    makes it; how long I/O was held goes to $T/held.VOLUME
#   snapshot_count VOLUME            how many there are, those being deleted too
#   snapshots_are VOLUME N           for wait_until
#   held_max VOLUME                  the longest hold in us
#   lun_answers URL COMMAND          good
snapshot_uuid() { printf '00000000-0000-4000-8000-%012d' "$1"; }
snapshot_new() {
	ctl --json snapshot create "$1:$2" --name "$3" >"$T/snapshot.json" || die "no snapshot $3 of $1"
	jq .held_us "$T/snapshot.json" >>"$T/held.$1"
}
snapshot_count() { ctl --json snapshot list "$1" | jq '.items | length'; }
snapshots_are() { [ "$(snapshot_count "$1")" = "$2" ]; }
held_max() { sort -n "$T/held.$1" | tail -n 1; }
held_median() { sort -n "$T/held.$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
lun_answers() { [ "$(scsi "$1" "$2" 2>/dev/null)" = good ]; }
