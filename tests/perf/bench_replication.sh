#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 1800 s
#
# bench_replication.sh - what replication costs and how soon it is there, between two appliances in network namespaces of
# one machine with real TLS: no replication, async and sync beside each other in every round, medians of the rounds. Prints
# tables; passes or fails nothing.
#
#     tests/perf/bench_replication.sh [--rounds 3] [--seconds 3] [--scenes "cost apart rpo resync handover failover"]
#
# All of it shares the machine's cores: client, tgtd, filterd, and the peer's filterd, which with replication writes every
# block a second time to the same disk. In the scene "apart" the first core has the client and the primary's daemons, in
# every mode, and the second one the replica's, whose disk is memory: as if that were a machine of its own.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/two.sh
. "$ROOT/tests/lib/two.sh"
# shellcheck source=tests/lib/replica.sh
. "$ROOT/tests/lib/replica.sh"
ROUNDS=3 SECONDS_EACH=3 SCENES="cost apart rpo resync handover failover"
while [ $# -gt 0 ]; do
	case $1 in
	--rounds) ROUNDS=$2 ;;
	--seconds) SECONDS_EACH=$2 ;;
	--scenes) SCENES=$2 ;;
	*) die "unknown option $1" ;;
	esac
	shift 2
done
need_tools iscsi_bench verify_load
expect_error 'the last sluice-filterd ended by|filter_hung|replication'
SIZE=256M
PIN=()

# shellcheck source=tests/perf/figures.sh
. "$ROOT/tests/perf/figures.sh"
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", (b ? a / b : 0) }'; }

# ---------------------------------------------------------------- set up

volumes() { # the pair's volume v0, in mode $1 or "none"
	replica_volume a "$SIZE"
	if [ -n "${IS_APART:-}" ]; then
		mkdir -p "$T/b/d0"
		mount -t tmpfs -o size=2G tmpfs "$T/b/d0"
		ctl_on b datastore add d0 --type dir --path "$T/b/d0" --buffered >/dev/null
		ctl_on b volume create v0 --datastore d0 --size "$SIZE" >/dev/null
	else
		replica_volume b "$SIZE"
	fi
	[ "$1" = none ] && return
	replica_attach b a secondary "\"mode\":\"$1\""
	replica_attach a b primary "\"mode\":\"$1\""
	if [ "$1" = sync ]; then
		wait_until 60 "the pair to be in sync" repl_is a .state primary_pair
	else
		wait_until 60 "the replica to be complete" repl_is b .is_consistent true
	fi
}
up() {
	# shellcheck disable=SC2119
	two_start
	JOURNAL_BYTES=${JOURNAL_BYTES:-268435456} volumes "$1"
	lun_on a 1 v0
	lun_on b 1 v0
}
sockets_are_gone() { ! ss -xl | finds -- "$T/$1/run/"; }
down() {
	local name
	for name in a b; do
		kill_bg "tgtd-$name" KILL
		kill_filterd_on "$name" 2>/dev/null || true # one may have been killed by its scene
		wait_until 20 "filterd of $name to be gone" sockets_are_gone "$name"
		umount -l "$T/$name/d0" 2>/dev/null || true
		rm -rf "${T:?}/$name/d0" "${T:?}/$name/state"
		rm -f "$T/$name/tgtd"*
		mkdir -p "$T/$name/state"
	done
}
bench_of() {
	local bytes=$1
	shift
	on a "${PIN[@]}" timeout 120 "$(tool iscsi_bench)" --bytes "$bytes" --write-pct 100 --seconds "$SECONDS_EACH" --warm-ms 500 "$@" \
		"$(url_on a 1)" </dev/null | tail -n 1
}
bench() { bench_of 4096 "$@"; }

# ---------------------------------------------------------------- scenes

# Packets, too: a sends into the wire, and what lies behind its end of it is the other machine's.
receive_on() { # MASK DEVICE [NODE]
	local how=(unshare --mount)
	[ -z "${3:-}" ] || how=(on "$3" unshare --mount)
	# shellcheck disable=SC2016
	"${how[@]}" bash -c 'mount -t sysfs none /sys && echo "$1" >"/sys/class/net/$2/queues/rx-0/rps_cpus"' _ "$1" "$2"
}
keep_apart() {
	local name pid processor=0
	receive_on 1 eth0 a
	receive_on 2 to-a
	receive_on 2 to-b
	receive_on 2 eth0 b
	for name in a b; do
		for pid in "${PID_OF[tgtd-$name]}" "${PID_OF[filterd-$name]}" "$(filterd_child_on "$name")"; do
			taskset -a -p -c $processor "$pid" >/dev/null
		done
		processor=1
	done
	PIN=(taskset -c 0)
}
apart() {
	[ "$(nproc)" -ge 2 ] || return 0
	IS_APART=1 cost
	PIN=()
}
cost() {
	local i mode base1 base32 one many title=cost
	[ -z "${IS_APART:-}" ] || title="cost, the replica on a processor of its own"
	for ((i = 0; i < ROUNDS; i++)); do
		for mode in none async sync; do
			up $mode
			[ -z "${IS_APART:-}" ] || keep_apart
			# Image and journal have their blocks then, and extents are hot.
			bench_of 262144 --depth 8 --sequential --seconds 4 >/dev/null
			[ $mode = none ] || wait_until 30 "the replica to have it" repl_is a '(.lag_ms == 0)' true
			bench --depth 32 --seconds 1 >/dev/null
			one=$(bench --depth 1 | jq .p50_us)
			many=$(bench --depth 32 | jq .iops)
			note_figure "$mode: write 4 KiB QD 1, p50 us" "$one"
			note_figure "$mode: write 4 KiB QD 32, IOPS" "$many"
			if [ $mode = none ]; then
				base1=$one base32=$many
			else
				note_figure "$mode: added to QD 1, us" "$(awk -v a="$one" -v b="$base1" 'BEGIN { printf "%.0f", a - b }')"
				note_figure "$mode: QD 32 against none" "$(ratio "$many" "$base32")"
			fi
			down
		done
	done
	report "$title"
}

# A steady 50 MB/s of 64 KiB writes: a limit of the volume's, at the lowest layer. Percentiles are those of the last
# minute, so the load lasts longer: what was before it would make them better than they are.
rpo() {
	up async
	ask_on a '{"request":"filter.attach","name":"v0","filter":"io_control","params":{"limit_bytes_per_s":50000000}}' >"$T/limit.json"
	wait_until 10 "the group to be open again" repl_is a .is_serving true
	local load
	load=$(bench_of 65536 --depth 8 --seconds 65)
	note_figure "rate, MB/s" "$(jq .mb_per_s <<<"$load")"
	note_figure "lag p50, ms" "$(repl a .lag_p50_ms)"
	note_figure "lag p99, ms" "$(repl a .lag_p99_ms)"
	down
	report "RPO: lag each 100 ms under a steady load"
}

resync() {
	JOURNAL_BYTES=33554432 up async
	kill_filterd_on b
	bench_of 65536 --depth 8 --seconds 8 >/dev/null
	wait_until 20 "the journal to overflow" repl_is a '.gap_since_ms > 0' true
	local dirty from
	dirty=$(repl a '.dirty_bytes + .suspect_bytes')
	from=$(now_ms)
	filterd_on b
	wait_until 120 "the gap to be over" repl_is a .gap_since_ms 0
	note_figure "dirty, bytes" "$dirty"
	note_figure "sent / dirty" "$(ratio "$(repl a .resync.sent_bytes)" "$dirty")"
	note_figure "from the peer's start to a point in time, ms" "$(($(now_ms) - from))"
	down
	report "resync"
}

handover() {
	local i p=a s=b
	up sync
	switch_start a
	load_start --sessions 1 --depth 8 --mix read=3,write=7
	for ((i = 0; i < 2 * ROUNDS; i++)); do
		load_advances 300
		local from
		from=$(now_ms)
		repl_say $p handover >/dev/null
		wait_until 10 "$s to serve" repl_is $s .is_serving true
		note_figure "planned: from the command to the other side serving (polled), ms" "$(($(now_ms) - from))"
		switch_to $s
		wait_until 30 "the pair" repl_is $s .state primary_pair
		[ $p = a ] && p=b s=a || p=a s=b
	done
	kill -TERM "${PID_OF[load]}"
	wait_bg load 60
	note_figure "planned: the load's longest stall, ms" "$(tail -n 1 "$T/load.log" | jq .max_stall_ms)"
	kill_bg switch KILL || true
	down
	report "hand-over"
}

failover() {
	up sync
	switch_start a
	load_start --sessions 1 --depth 8 --mix read=3,write=7
	load_advances 300
	local from
	from=$(now_ms)
	kill_filterd_on a
	switch_to none
	wait_until 30 "b to be promoted" promoted b
	switch_to b
	load_advances 1
	note_figure "unplanned: from the kill to the first I/O on the other side, ms" "$(($(now_ms) - from))"
	filterd_on a
	kill_bg load KILL
	kill_bg switch KILL || true
	down
	report "failover without a witness (an operator's command, tried until it is accepted)"
}

for scene in $SCENES; do
	$scene
done
