#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 2400 s
#
# kill -9 of the serving filterd while snapshots of a group of two volumes, on different workers and datastores, are
# made, deleted and reverted to under a verifying load: the group is all or nothing, nothing acknowledged is lost, and
# each change is there or not, never between. CYCLES=200 for the long form.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
need_tools verify_load
CYCLES=${CYCLES:-4}

another_child_than() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$1" ]; }
both_serve() { [ "$(ctl --json status | jq '[.volumes[] | select(.state == "serving")] | length')" = 3 ]; }
no_record_is_left() { [ -z "$(ls "$STATE_DIR/groups" 2>/dev/null)" ]; }
has_snapshot() { ctl --json snapshot list "$1" | jq -e ".items[] | select(.snapshot == \"$2\")" >/dev/null; }

expect_error "ended by signal 9|crash loop"
WORKERS=2 filterd_start
datastore_dir d0 --worker 0
datastore_dir d1 --worker 1
volume_new v0 --datastore d0 --size 32M
volume_new v1 --datastore d1 --size 32M
volume_new v2 --datastore d1 --size 32M
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
lun_sluice a 1 2 v1
lun_sluice a 1 3 v2
load_start load0 --depth 8 --zero --seed "$CYCLES" --max-stall-ms 20000 "$(url a 1 1)"
load_start load1 --depth 8 --zero --seed "$((CYCLES + 1))" --max-stall-ms 20000 "$(url a 1 2)"
session_open "$(url a 1 3)"
in_time=0
for ((cycle = 1; cycle <= CYCLES; cycle++)); do
	S=$(snapshot_uuid "$cycle")
	child=$(filterd_child)
	session_do "write 0 8 0x$(printf %02x $((cycle % 250 + 1)))"
	kill_after_ms=$((RANDOM % 120))
	ctl snapshot create "v0:$S" "v1:$S" "v2:$S" --name "cycle-$cycle" --group "$(snapshot_uuid $((cycle + 100000)))" \
		>"$T/created" 2>&1 &
	creating=$!
	case $((cycle % 3)) in
	1) ;;
	2) [ "$cycle" -lt 3 ] || ctl snapshot delete v0 "$(snapshot_uuid $((cycle - 2)))" >/dev/null 2>&1 || true ;;
	*) wait "$creating" && ctl snapshot revert v2 "$S" --yes >/dev/null 2>&1 & ;;
	esac
	sleep "$(printf '0.%03d' "$kill_after_ms")"
	kill -KILL "$child"
	# A client that lost its server says so; what it was told before must be true.
	if wait "$creating" 2>/dev/null && grep -q "held for" "$T/created"; then
		in_time=$((in_time + 1))
		must_be=1
	else
		must_be=
	fi
	wait_until 20 "another serving child" another_child_than "$child"
	wait_until 20 "all volumes to serve" both_serve
	n=0
	for v in v0 v1 v2; do ! has_snapshot "$v" "$S" || n=$((n + 1)); done
	[ "$n" = 0 ] || [ "$n" = 3 ] || die "cycle $cycle: $n of 3 volumes have the group's snapshot"
	[ -z "$must_be" ] || [ "$n" = 3 ] || die "cycle $cycle: the snapshot was answered for, and is not there"
	session_do tur
	session_do "check 0 8 0x$(printf %02x $((cycle % 250 + 1)))"
	[ "$REPLY" = good ] || session_do "check 0 8 0x$(printf %02x $((cycle % 250 + 1)))"
	expect "what was written before the snapshot" good "$REPLY"
	load_moves load0 100
	load_moves load1 100
	# No more than a few are kept, so that each cycle meets a merge that a kill has interrupted.
	for v in v0 v1 v2; do
		[ "$cycle" -lt 4 ] || ctl snapshot delete "$v" "$(snapshot_uuid $((cycle - 3)))" >/dev/null 2>&1 || true
	done
done
session_close
load_end load0 180
load_end load1 180
wait_until 30 "no record of a group to be left" no_record_is_left
note "$CYCLES kills, $in_time snapshots were answered for before"
