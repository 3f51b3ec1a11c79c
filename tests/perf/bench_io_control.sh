#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 3600 s
#
# bench_io_control.sh - what I/O control does, over real iSCSI: the uncontrolled run beside the controlled one, in
# every round, interleaved; medians of the rounds with least and most. Prints tables; passes or fails nothing.
#
#     tests/perf/bench_io_control.sh [--rounds 5] [--seconds 4] [--scenes "idle threshold six shares return reservation limit"]
#
# The slow datastores (--type slow) are RAM behind a queue of 4 servers. "Device" is the latency that io_control
# measures below itself, read five times in the run; it measures also while it is switched off.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/io_control.sh
. "$ROOT/tests/lib/io_control.sh"
ROUNDS=5 SECONDS_EACH=4 SCENES="idle threshold six shares return reservation limit"
while [ $# -gt 0 ]; do
	case $1 in
	--rounds) ROUNDS=$2 ;;
	--seconds) SECONDS_EACH=$2 ;;
	--scenes) SCENES=$2 ;;
	*) die "unknown option $1" ;;
	esac
	shift 2
done
need_tools iscsi_bench
export WARM_MS=2000 # longer than throttling takes to settle

# ---------------------------------------------------------------- figures

# shellcheck source=tests/perf/figures.sh
. "$ROOT/tests/perf/figures.sh"

# The mean of five readings in the run; all loads are under way.
device_us() {
	local sum=0 i us
	sleep "$(awk -v w="$WARM_MS" 'BEGIN { print w / 1000 }')"
	for ((i = 0; i < 5; i++)); do
		sleep "$(awk -v s="$SECONDS_EACH" 'BEGIN { print s / 6 }')"
		us=$(group_control "$1" latency_us)
		sum=$((sum + us))
	done
	echo $((sum / 5))
}

sum_iops() {
	local name sum=0
	for name in "$@"; do sum=$((sum + $(figure "$name" iops))); done
	echo "$sum"
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", (b ? a / b : 0) }'; }

# ---------------------------------------------------------------- the scenes

# cpu_us_per_io: filterd's, from what the kernel says its threads ran.
cpu_ns() { cat "/proc/$(filterd_child)"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f", s }'; }

idle_run() {
	local before after
	before=$(cpu_ns)
	load ram 32 "$SECONDS_EACH"
	load_wait
	after=$(cpu_ns)
	note_figure "$1: IOPS" "$(figure ram iops)"
	note_figure "$1: mean latency, us" "$(figure ram mean_us)"
	# The warm-up's are in both.
	note_figure "$1: filterd CPU, us per I/O" "$(awk -v ns=$((after - before)) -v n="$(figure ram ended)" \
		-v s="$SECONDS_EACH" -v w="$WARM_MS" 'BEGIN { printf "%.2f", ns / 1000 / (n * (s + w / 1000) / s) }')"
}
scene_idle() {
	idle_run "no filter"
	controlled ram
	datastore_control ram enabled=true
	idle_run "io_control, below the threshold"
	ctl filter detach ram io_control >/dev/null
}

# crowd DATASTORE THRESHOLD_US DEPTH WORDS VOLUME...
crowd() {
	local datastore=$1 threshold_us=$2 depth=$3 words=$4 name mode free_iops iops
	shift 4
	for mode in uncontrolled controlled; do
		datastore_control "$datastore" enabled="$([ $mode = controlled ] && echo true || echo false)" \
			threshold_mode=manual threshold_us="$threshold_us"
		for name in "$@"; do load "$name" "$depth" "$SECONDS_EACH" --bytes 16384; done
		note_figure "$words, $mode: device latency, us" "$(device_us "$datastore")"
		load_wait
		iops=$(sum_iops "$@")
		note_figure "$words, $mode: IOPS" "$iops"
		[ $mode = controlled ] || free_iops=$iops
	done
	note_figure "$words: IOPS controlled / uncontrolled" "$(ratio "$iops" "$free_iops")"
	datastore_control "$datastore" enabled=false
}
scene_threshold() {
	crowd s500 1000 32 "4 clients, 1 ms" f1 f2 f3 f4
	crowd s500 5000 32 "4 clients, 5 ms" f1 f2 f3 f4
	crowd s2000 30000 32 "4 clients, 30 ms" s1 s2 s3 s4
}
scene_six() { crowd s2000 30000 32 "6 clients, 30 ms" s1 s2 s3 s4 s5 s6; }

# two WORDS SHARES_A SHARES_B WANTED
two() {
	local mode
	share s1 "shares_level=custom,shares=$2"
	share s2 "shares_level=custom,shares=$3"
	for mode in false true; do
		datastore_control s2000 enabled=$mode threshold_mode=manual threshold_us=10000
		load s1 32 "$SECONDS_EACH"
		load s2 32 "$SECONDS_EACH"
		load_wait
		note_figure "$1, $([ $mode = true ] && echo controlled || echo uncontrolled): ratio" \
			"$(ratio "$(figure s1 iops)" "$(figure s2 iops)")"
	done
	datastore_control s2000 enabled=false
	share s1 ''
	share s2 ''
}
scene_shares() {
	two "shares 2:1" 2000 1000
	two "shares 1:1" 1000 1000
	two "shares 4:2" 4000 2000
}

# settle_ms VOLUME IOPS: how long until it has done 95 % of this for a quarter of a second; 20000: never.
settle_ms() {
	local from at before now
	from=$(now_ms)
	while [ $(($(now_ms) - from)) -lt 20000 ]; do
		at=$(now_ms)
		before=$(volume_control "$1" served)
		sleep 0.25
		now=$(volume_control "$1" served)
		if awk -v n=$((now - before)) -v ms=$(($(now_ms) - at)) -v want="$2" 'BEGIN { exit !(n * 1000 / ms >= 0.95 * want) }'; then
			echo $((at - from))
			return
		fi
	done
	echo 20000
}
# Two clients of 2:1; the one with fewer shares goes and comes back.
scene_return() {
	share s1 "shares_level=custom,shares=2000"
	share s2 "shares_level=custom,shares=1000"
	datastore_control s2000 enabled=true threshold_mode=manual threshold_us=10000
	load s1 32 20
	load s2 32 4
	wait "${LOAD_PID[s2]}" || die "the load on s2 failed"
	unset "LOAD_PID[s2]"
	note_figure "a client has gone: the other has nine tenths of the device, ms" "$(settle_ms s1 1800)"
	sleep 2
	load s2 32 8
	note_figure "it is back: nine tenths of its third, ms" "$(settle_ms s2 600)"
	load_wait
	datastore_control s2000 enabled=false
	share s1 ''
	share s2 ''
}

scene_reservation() {
	local mode name
	for mode in uncontrolled controlled; do
		datastore_control s2000 enabled="$([ $mode = controlled ] && echo true || echo false)" \
			threshold_mode=manual threshold_us=10000
		[ $mode = uncontrolled ] || share s1 "shares_level=low,reservation_iops=800"
		load s1 32 "$SECONDS_EACH"
		for name in s2 s3 s4; do load "$name" 64 "$SECONDS_EACH"; done
		load_wait
		note_figure "800 of 2,000 IOPS reserved, $mode: IOPS" "$(figure s1 iops)"
	done
	datastore_control s2000 enabled=false
	share s1 ''
}

# limit_is WORDS PARAMETERS BYTES MEMBER WANTED
limit_is() {
	share f1 "$2"
	load f1 16 "$SECONDS_EACH" --bytes "$3"
	load_wait
	note_figure "$1: measured / limit" "$(ratio "$(grep '^{' "$T/load.f1" | jq ".$4")" "$5")"
	share f1 ''
}
scene_limit() {
	limit_is "500 IOPS, 512 B" limit_iops=500 512 iops 500
	limit_is "500 IOPS, 64 KiB" limit_iops=500 65536 iops 500
	limit_is "100 IOPS, 1 MiB" limit_iops=100 1048576 iops 100
	limit_is "2 MB/s, 512 B" limit_bytes_per_s=2000000 512 mb_per_s 2
	limit_is "20 MB/s, 64 KiB" limit_bytes_per_s=20000000 65536 mb_per_s 20
	limit_is "40 MB/s, 1 MiB" limit_bytes_per_s=40000000 1048576 mb_per_s 40
}

# ---------------------------------------------------------------- the run

slow_datastore s2000 4 2000 s1 s2 s3 s4 s5 s6
slow_datastore s500 4 500 f1 f2 f3 f4
datastore_mem ram
lun_on ram ram
controlled s1 s2 s3 s4 s5 s6 f1 f2 f3 f4
echo "$(nproc) CPUs, client on the same machine, $(date +%F); $ROUNDS rounds of $SECONDS_EACH s"
for scene in $SCENES; do
	for ((round = 1; round <= ROUNDS; round++)); do
		"scene_$scene"
	done
	report "$scene"
done
