#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# An async replica is always a little behind. A verify reports and repairs nothing that is only on its way there, finds
# what is wrong beside it, and says what it could not read, on either side.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
need_tools iscsi_bench
MIB=1048576

replica_pair 32M '"mode":"async","rpo_target_ms":5000'
wait_until 30 "the replica to be complete" repl_is b .is_consistent true
lun_on a 1 v0
verified() { # [ARGS]; its figures: blocks that differ, that were repaired, bytes that could not be read
	repl_say a verify "$@" >/dev/null
	wait_until 40 "the verify" repl_is a .verify.state 'done'
	repl a '"\(.verify.different_blocks) \(.verify.repaired_blocks) \(.verify.failed_bytes)"'
}
is_verified() { [ "$(repl a .verify.state)" != running ]; }
# A record that holds no data may stay in the journal till the next write. What they say is shown if it fails.
LOG_FILES+=("$T/status-a.log" "$T/status-b.log")
caught_up() {
	repl a . >"$T/status-a.log"
	repl b . >"$T/status-b.log"
	jq -e '.lag_ms == 0 and .journal_used_bytes <= 4096' "$T/status-a.log"
}

note "under a load that overwrites all of it"
start_bg load on a timeout 120 "$(tool iscsi_bench)" --bytes 4096 --write-pct 100 --depth 4 --seconds 40 "$(url_on a 1)"
written() { [ "$(repl a .head_lsn)" -gt "$1" ]; }
wait_until 30 "writes" written 2000
for args in '{}' '{"repair":true}' '{}'; do
	figures=$(verified "$args")
	[ "$figures" = "0 0 0" ] || die "it found what was only on its way: $figures"
done
kill_bg load TERM
wait_until 30 "the replica to have all of it" caught_up
wait_until 20 "both sides to be equal" cmp -s "$(image_of a)" "$(image_of b)"

note "what is wrong is found"
printf 'wrong' | dd of="$(image_of b)" bs=4096 seek=100 conv=notrunc,fsync status=none
[ "$(verified)" = "1 0 0" ] || die "verify: $(repl a .verify)"
[ "$(verified '{"repair":true}')" = "1 1 0" ] || die "repair: $(repl a .verify)"
cmp "$(image_of a)" "$(image_of b)" || die "the block was not repaired"

begins() { (repl_say a verify) >/dev/null 2>&1; }
event_on() { ctl_on "$1" events | finds replication_verify_failed; }
for side in a b; do
	note "what $side cannot read is said"
	expect_error 'inject|replication|read of|read failed'
	ask_on $side "{\"request\":\"filter.attach\",\"name\":\"v0\",\"filter\":\"inject_data_capture\",\"params\":{\"action\":\"fail\",\"op\":\"read\",
		\"offset_bytes\":$((8 * MIB)),\"length_bytes\":4096}}" >"$T/attach.json"
	wait_until 20 "a to serve" repl_is a .is_serving true
	wait_until 20 "the verify to begin" begins
	wait_until 40 "the verify to end" is_verified
	[ "$(repl a '"\(.verify.state) \(.verify.different_blocks) \(.verify.failed_bytes)"')" = "done 0 $MIB" ] || die "verify: $(repl a .verify)"
	wait_until 10 "an event" event_on a
	ask_on $side '{"request":"filter.detach","name":"v0","filter":"inject_data_capture"}' >"$T/detach.json"
	wait_until 20 "a to serve" repl_is a .is_serving true
done
