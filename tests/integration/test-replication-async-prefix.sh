#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
# An async replica is a point in time whenever it is promoted: of writes that were done one after the other it holds the
# first N, and no other. The old primary gives up the rest when it comes back, and is equal then.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
command -v qemu-io >/dev/null || skip "qemu-io is missing; install qemu-utils"
BLOCKS=2000
COUNT=60000

replica_pair 64M '"mode":"async"'
wait_until 30 "the replica to be complete" repl_is b .is_consistent true
lun_on a 1 v0
lun_on b 1 v0
switch_start a
expect_error 'the last sluice-filterd ended by|filter_hung'
python3 "$ROOT/tests/tools/prefix_check.py" commands 7 $COUNT $BLOCKS >"$T/commands"
start_bg writer bash -c "exec qemu-io -f raw iscsi://127.0.0.1:3300/$IQN:two.1/1 <$T/commands"
written() { [ "$(repl a .head_lsn)" -gt "$1" ]; }
wait_until 30 "writes" written 3000
note "lag $(repl a .lag_ms) ms, p99 $(repl a .lag_p99_ms) ms, $(repl a .journal_used_bytes) bytes in the journal"
kill_filterd_on a
switch_to none
kill_bg writer KILL
wait_until 20 "b to be promoted" promoted b '{"force":true}'
FOUND=$(python3 "$ROOT/tests/tools/prefix_check.py" check 7 $COUNT $BLOCKS "$(image_of b)") || die "no point in time: $FOUND"
note "the replica holds a $FOUND, $(repl b '.loss')"
[ "${FOUND#prefix }" -gt 500 ] || die "the replica was too far behind: $FOUND"

filterd_on a
equal() {
	[ "$(repl a .role)" = secondary ] && [ "$(repl a .is_consistent)" = true ] && [ "$(repl b .resync.state)" = idle ] &&
		[ "$(repl b .dirty_bytes)$(repl b .suspect_bytes)" = 00 ] && cmp -s "$(image_of a)" "$(image_of b)"
}
wait_until 30 "a to be equal to b" equal
note "a is b's replica again: $(repl b .resync)"
