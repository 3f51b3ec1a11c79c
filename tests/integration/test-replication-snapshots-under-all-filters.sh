#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 7200 s
#
# Snapshots back to back, and made and deleted in pairs, under a verifying load with everything on: replicated in sync,
# encrypted above that, write-back, I/O control. No error, no wrong block, bounded memory on either side; each snapshot
# is on the replica or the primary says why not; what is deleted goes there, too.
# SNAPSHOTS=1000 PAIRS=1000 for the long form.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/matrix.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
need_tools verify_load
SNAPSHOTS=${SNAPSHOTS:-8}
PAIRS=${PAIRS:-8}

matrix_start
matrix_volume rxci v0 1 32M || die "the volume: $(cat "$T/refused")"
matrix_ready rxci v0 a
memory_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$(filterd_child_on "$1")/status"; }
row() { # N
	ctl_on a --json snapshot create "v0:$(snapshot_uuid "$1")" --name "s-$1" >"$T/snapshot.json" || die "no snapshot $1"
	jq .held_us "$T/snapshot.json" >>"$T/held.v0"
}
gone() { # N
	ctl_on a snapshot delete v0 "$(snapshot_uuid "$1")" || die "snapshot $1 is not deleted"
}
count_on() { ctl_on "$1" --json snapshot list v0 | jq '.items | length'; }
lost() { grep -c replication_snapshot_lost "$T/filterd-a.log"; }
settled() { repl_is a '[.snapshots[] | select(.state != "lost" and .state != "on_replica")] | length' 0; }
are_on() { [ "$(count_on "$1")" = "$2" ]; }

wait_until 20 "the replica to have the header" state_of_key b v0 locked
load_start --depth 8 --mix read=4,write=6,unmap=1,sync=1
load_advances 300
BEFORE_A=$(memory_kib a) BEFORE_B=$(memory_kib b)
for ((i = 1; i <= SNAPSHOTS; i++)); do
	row "$i"
done
load_advances 200
are_on a "$SNAPSHOTS" || die "there are $(count_on a) snapshots, not $SNAPSHOTS"
wait_until 120 "the replica to have answered for all" settled
note "$SNAPSHOTS snapshots: $(count_on b) on the replica, $(lost) said to be lost there; memory $(memory_kib a) and $(memory_kib b) KiB"
[ "$(lost)" = 0 ] || die "lost: $(grep -m 1 replication_snapshot_lost "$T/filterd-a.log")"
are_on b "$SNAPSHOTS" || die "the replica has $(count_on b) of $SNAPSHOTS, and none is said to be lost"
for ((i = 1; i <= SNAPSHOTS; i++)); do
	gone "$i"
done
for ((i = SNAPSHOTS + 1; i <= SNAPSHOTS + PAIRS; i++)); do
	row "$i"
	gone "$i"
done
load_advances 200
load_stop
wait_until "${MERGE_LIMIT_S:-120}" "all to be merged on the primary" are_on a 0
wait_until "${MERGE_LIMIT_S:-120}" "all to be merged on the replica" are_on b 0
AFTER_A=$(memory_kib a) AFTER_B=$(memory_kib b)
note "I/O was held for $(held_max v0) us at most, $(held_median v0) us as a rule"
note "memory of a: $BEFORE_A KiB, then $AFTER_A; of b: $BEFORE_B, then $AFTER_B"
[ "$VARIANT" != release ] || [ "$AFTER_A" -lt $((BEFORE_A + 131072)) ] || die "memory of a grew from $BEFORE_A to $AFTER_A KiB"
[ "$VARIANT" != release ] || [ "$AFTER_B" -lt $((BEFORE_B + 131072)) ] || die "memory of b grew from $BEFORE_B to $AFTER_B KiB"
matrix_ready rxci v0 a
wait_until 30 "the cache to be clean" status_is a v0 cache .dirty_bytes 0
repl_say a verify >/dev/null
wait_until 60 "the two sides to be compared" repl_is a .verify.state 'done'
[ "$(repl a '"\(.verify.different_blocks) \(.verify.failed_bytes)"')" = "0 0" ] || die "the two sides differ: $(repl a .verify)"
