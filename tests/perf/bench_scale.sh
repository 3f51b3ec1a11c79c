#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 7200 s
#
# bench_scale.sh - does it matter how many volumes there are? With 1, 10, 100 and 1,000 volumes on one appliance, each with
# encryption, a cache and I/O control of its own: CPU per I/O of one of them, memory per idle volume, and how long it
# takes to make the next one, to attach its filters and to show it as a LUN. Prints a table; passes or fails nothing.
#
#     tests/perf/bench_scale.sh [--counts "1 10 100 1000"] [--seconds 2] [--rounds 3] [--write]
#
# Memory is what the serving process has more than before the volumes came. The last ten volumes of a step are the ones that are timed.
# --write: into docs/performance.md, between its marks.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
# shellcheck source=tests/perf/measure.sh
. "$ROOT/tests/perf/measure.sh"
# shellcheck source=tests/perf/report.sh
. "$ROOT/tests/perf/report.sh"
need_tools iscsi_bench
COUNTS="1 10 100 1000" SECONDS_EACH=2 ROUNDS=3 WRITE=
while [ $# -gt 0 ]; do
	case $1 in
	--counts) COUNTS=$2 && shift ;;
	--seconds) SECONDS_EACH=$2 && shift ;;
	--rounds) ROUNDS=$2 && shift ;;
	--write) WRITE=1 ;;
	*) die "unknown option $1" ;;
	esac
	shift
done
CTL_LIMIT_S=60

memory_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$(filterd_child)/status"; }
# Seconds of each of the three steps of making volume N go to $T/made.
one_more() {
	local n=$1 from made attached shown
	from=$(now_ms)
	volume_new "v$n" --datastore d0 --size 64M
	made=$(now_ms)
	ctl filter attach "v$n" encryption,key_id=kek >/dev/null
	ctl filter attach "v$n" cache,mode=write_back,flash_bytes=16777216,ram_bytes=8388608 >/dev/null
	ctl filter attach "v$n" io_control,shares_level=high,reservation_iops=1 >/dev/null
	attached=$(now_ms)
	wait_until 30 "v$n to have looked for a header" encryption_is "v$n" unformatted
	encryption "v$n" format '{"key_id": "kek"}' kek >/dev/null || die "format of v$n"
	target_new a "$n"
	shown=$(now_ms)
	lun_sluice a "$n" 1 "v$n"
	echo "$((made - from)) $((attached - made)) $(($(now_ms) - shown))" >>"$T/made"
}
mean_of_last() { tail -n "$1" "$T/made" | awk -v c="$2" '{ s += $c; n++ } END { printf "%.0f", s / n }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
cpu_of() { # OPTIONS: median of the rounds of tgtd's and filterd's CPU per I/O of volume 1
	local i
	for ((i = 0; i < ROUNDS; i++)); do
		bench_once "$(tgtd_pid a)" "$(filterd_child)" "$(url a 1 1)" --bytes 4096 --depth 8 --region-bytes 8388608 \
			--seconds "$SECONDS_EACH" --warm-ms 300 "$@"
		jq -r '.tgtd_us + .filterd_us' <<<"$RESULT"
	done | median
}

key_new kek
mkdir "$T/flash"
filterd_start
datastore_dir d0
ctl datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=64G ram_bytes=32G >/dev/null
ctl datastore filter-set d0 io_control enabled=true threshold_mode=manual threshold_us=20000 >/dev/null
tgtd_start a
before_kib=$(memory_kib)
table() {
	local count last idle_kib
	printf '%s cores, %s, Linux %s; load average %s; %s; rounds=%s seconds=%s\n\n' "$(nproc)" \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)" "$(cut -d ' ' -f 1-3 /proc/loadavg)" \
		"$(date -u +%F)" "$ROUNDS" "$SECONDS_EACH"
	printf '| volumes | CPU µs/IO read | CPU µs/IO write | memory MiB per volume | made in ms | three filters attached in ms | LUN in ms |\n|---:|---:|---:|---:|---:|---:|---:|\n'
	made=0
	for count in $COUNTS; do
		while [ "$made" -lt "$count" ]; do
			made=$((made + 1))
			one_more "$made"
		done
		last=$((count < 10 ? count : 10))
		idle_kib=$(($(memory_kib) - before_kib))
		# Blocks that were never written are not decrypted: the first step would read other ones than the last.
		[ "$count" != "${COUNTS%% *}" ] || cpu_of --write-pct 100 --sequential >/dev/null
		printf '| %d | %.1f | %.1f | %.2f | %s | %s | %s |\n' "$count" "$(cpu_of)" "$(cpu_of --write-pct 100)" \
			"$(awk -v k="$idle_kib" -v n="$count" 'BEGIN { print k / 1024 / n }')" "$(mean_of_last "$last" 1)" "$(mean_of_last "$last" 2)" \
			"$(mean_of_last "$last" 3)"
	done
}
table >"$T/table"
cat "$T/table"
[ -z "$WRITE" ] || report_write "$T/table" "$ROOT/docs/performance.md" scale
