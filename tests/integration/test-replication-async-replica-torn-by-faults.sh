#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
# An async replica whose process is killed, and whose connections are cut, garbled and truncated, in the middle of
# windows and resyncs: after each of these it catches up again, and what it holds when it is cut off for good is what
# the primary held at one moment.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
command -v qemu-io >/dev/null || skip "qemu-io is missing; install qemu-utils"
FAULT_ROUNDS=${FAULT_ROUNDS:-1}
BLOCKS=2000
COUNT=$((100000 * FAULT_ROUNDS))

replica_pair 64M '"mode":"async"'
proxy_start b
proxy_between a b
wait_until 40 "the replica to be complete" repl_is b .is_consistent true
lun_on a 1 v0
expect_error 'the last sluice-filterd ended by|filter_hung'
python3 "$ROOT/tests/tools/prefix_check.py" commands 7 $COUNT $BLOCKS >"$T/commands"
start_bg writer nsenter --net="/proc/${NODE_PID[a]}/ns/net" -- \
	bash -c "exec qemu-io -f raw iscsi://127.0.0.1:3260/$IQN:two.1/1 <$T/commands >/dev/null"
written() { [ "$(repl a .head_lsn)" -gt "$1" ]; }
# The replica is a point in time that lies behind the call. (What came with an open resync does not count: a promotion
# would give it up.)
MARK=0
caught_up() { [ "$(repl b .point_lsn)" -gt "$MARK" ] && [ "$(repl b .is_consistent)" = true ]; }
catches_up() {
	MARK=$(repl a .head_lsn)
	wait_until 60 "the replica to catch up after $1" caught_up
}
wait_until 30 "writes" written 500

for ((i = 1; i <= FAULT_ROUNDS; i++)); do
	for mode in cut "garble 200000" "truncate 300000" hold; do
		proxy_mode b "$mode"
		sleep 0.7
		proxy_mode b pass
		catches_up "\"$mode\" (cycle $i)"
	done
	kill_child_on b
	catches_up "a kill of its child (cycle $i)"
	kill_filterd_on b
	sleep 0.$((RANDOM % 9 + 1))
	filterd_on b
	catches_up "a kill of its filterd (cycle $i)"
done

# For good, in the middle of whatever goes on.
kill_filterd_on b
cable_cut
HEAD=$(repl a .head_lsn)
kill_bg writer KILL
filterd_on b
wait_until 20 "b to be promoted" promoted b '{"force":true}'
FOUND=$(python3 "$ROOT/tests/tools/prefix_check.py" check 7 $COUNT $BLOCKS "$(image_of b)") || die "no point in time: $FOUND"
note "the replica holds a $FOUND of about $HEAD, $(repl b .loss)"
[ "${FOUND#prefix }" -ge "$MARK" ] || die "the replica lost what it had: $FOUND, and it was at $MARK"
