# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# measure.sh - one measurement over iSCSI: figures of the client, and CPU time of the daemons. Sourced by benches.
#
#   cpu_ns PID...                          ns that all threads of these processes have run
#   bench_once TGTD-PID FILTERD-PID|"" URL OPTION...
#                                          runs iscsi_bench; its JSON with tgtd_us and filterd_us, CPU per I/O, is in $RESULT
#   BENCH_ON=NODE PEER_PID=PID             for that: the client runs in a node of two.sh; peer_us is this process's share
#
# CPU time is what the kernel says the threads ran (/proc/PID/task/*/schedstat) between the client's "begin" and
# "end", divided by the commands that ended meanwhile.
cpu_ns() {
	local pid
	for pid in "$@"; do
		cat "/proc/$pid"/task/*/schedstat 2>/dev/null || true
	done | awk '{ s += $1 } END { printf "%.0f\n", s }'
}

bench_once() {
	local tgtd=$1 filterd=$2 url=$3 word t0 t1 f0 f1 p0 p1
	shift 3
	coproc BENCH { ${BENCH_ON:+on "$BENCH_ON"} timeout 300 "$(tool iscsi_bench)" "$@" "$url" 2>>"$T/bench.err"; }
	# The array vanishes when the client ends, so its descriptors are kept.
	local pid=$BENCH_PID in=${BENCH[0]} out=${BENCH[1]}
	read -r -t 60 word <&"$in" || die "$url: no start: $(cat "$T/bench.err")"
	t0=$(cpu_ns "$tgtd") f0=$(cpu_ns ${filterd:+"$filterd"}) p0=$(cpu_ns ${PEER_PID:+"$PEER_PID"})
	echo go >&"$out"
	read -r -t 200 word <&"$in" || die "$url: no end: $(cat "$T/bench.err")"
	t1=$(cpu_ns "$tgtd") f1=$(cpu_ns ${filterd:+"$filterd"}) p1=$(cpu_ns ${PEER_PID:+"$PEER_PID"})
	echo go >&"$out"
	read -r -t 60 RESULT <&"$in" || die "$url: no result: $(cat "$T/bench.err")"
	wait "$pid" || die "$url: the client failed: $RESULT"
	[ "$word" = end ] || die "$url: $word"
	RESULT=$(jq -c --argjson t $((t1 - t0)) --argjson f $((f1 - f0)) --argjson p $((p1 - p0)) \
		'. + {n: ([.ended, 1] | max)} | . + {tgtd_us: ($t / 1000 / .n), filterd_us: ($f / 1000 / .n), peer_us: ($p / 1000 / .n)}' <<<"$RESULT")
}
