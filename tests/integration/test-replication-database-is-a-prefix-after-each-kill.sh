#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 7200 s
#
# A SQLite database on a replicated disk, over iSCSI: at any moment the primary is killed, often just after the replica
# was, and the replica is promoted. There the database opens, is sound, and is as after its first N transactions: in
# sync mode every acknowledged one is among them. It goes on there, and the killed side becomes its replica.
# FAILOVERS kills of a primary in each of MODES (1, "async sync"); every time another journal of SQLite's.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
FAILOVERS=${FAILOVERS:-1}
JOURNALS=(truncate wal persist delete)
URL=iscsi://127.0.0.1:3300/$IQN:two.1/1
need_tools sqlite_disk
expect_error 'the last sluice-filterd ended by|filter_hung'

some_moment() { sleep "$(awk -v r="$RANDOM" -v s="$1" 'BEGIN { print r / 32768 * s }')"; }
acked() { tail -n 1 "$T/acked" 2>/dev/null | grep -E '^[0-9]+$' || echo "$FOUND"; }
acked_more() { [ "$(acked)" -ge "$1" ]; }
is_copied() {
	[ "$(repl "$S" .role)" = secondary ] && [ "$(repl "$S" .is_consistent)" = true ] && [ "$(repl "$P" .peer_up)" = true ] &&
		{ [ "$1" = async ] || [ "$(repl "$P" .state)" = primary_pair ]; }
}
# Exit 1: it is no prefix. Anything else without an answer: nobody was there to log in to, or it took too long.
could_check() {
	CHECKED=0
	timeout 60 "$(tool sqlite_disk)" check "$JOURNAL" "$URL" >"$T/check" 2>&1 || CHECKED=$?
	! grep -q '^prefix' "$T/check" || CHECKED=0
	[ "$CHECKED" -le 1 ]
}

writes_until_killed() {
	: >"$T/acked"
	start_bg database bash -c "exec $(tool sqlite_disk) write $JOURNAL $URL >$T/acked"
	wait_until 60 "transactions (cycle $i)" acked_more $((FOUND + 10))
	if [ $((RANDOM % 3)) != 0 ]; then
		kill_filterd_on "$S"
		KILLS=$((KILLS + 1))
		some_moment 1
		filterd_on "$S"
		# In sync mode a replica that was left behind is refused, and rightly: it is waited for.
		if [ "$1" = sync ] || [ $((RANDOM % 2)) = 0 ]; then
			wait_until 60 "$S to be back (cycle $i)" is_copied "$1"
		fi
		wait_until 60 "more transactions (cycle $i)" acked_more $(($(acked) + 5))
	fi
	some_moment 1
	kill_filterd_on "$P"
	KILLS=$((KILLS + 1))
	switch_to none
	wait_bg database 30
}

fails_over() {
	local force=$2 had
	had=$(acked)
	wait_until 30 "$S to be promoted (cycle $i)" promoted "$S" "$force"
	switch_to "$S"
	wait_until 120 "the database to be reached on $S (cycle $i)" could_check
	[ "$CHECKED" = 0 ] || die "cycle $i, $1, $JOURNAL: $(cat "$T/check")"
	FOUND=$(sed -n 's/^prefix //p' "$T/check")
	note "cycle $i, $1, $JOURNAL: $had were acknowledged, $FOUND are there"
	[ "$FOUND" -le $((had + 1)) ] || die "there is more than was written"
	[ "$had" -le "$FOUND" ] || LOST=$((LOST + had - FOUND))
	[ "$1" = async ] || [ "$had" -le "$FOUND" ] || die "acknowledged transactions are lost"
}

campaign() {
	local mode=$1 force=$2
	P=a S=b FOUND=0 KILLS=0 LOST=0
	replica_pair 64M "\"mode\":\"$mode\""
	lun_on a 1 v0
	lun_on b 1 v0
	switch_start a
	for ((i = 1; i <= FAILOVERS; i++)); do
		JOURNAL=${JOURNALS[$((i % 4))]}
		wait_until 90 "$S to be a complete copy (cycle $i)" is_copied "$mode"
		writes_until_killed "$mode"
		fails_over "$mode" "$force"
		filterd_on "$P"
		[ $P = a ] && P=b S=a || P=a S=b
	done
	note "$mode: $KILLS kills, $FOUND transactions, $LOST acknowledged ones lost"
}

for mode in ${MODES:-async sync}; do
	campaign "$mode" "$([ "$mode" = async ] && echo '{"force":true}' || echo '{}')"
	# The next mode begins anew.
	kill_bg switch KILL
	for name in a b; do
		kill_bg "tgtd-$name" KILL
		kill_filterd_on "$name"
		rm -rf "${T:?}/$name/d0" "${T:?}/$name/state"
		rm -f "$T/$name/tgtd"*
		mkdir -p "$T/$name/state"
	done
done
