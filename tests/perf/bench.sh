#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 3600 s
#
# bench.sh - Sluice against plain tgt, in one run, interleaved, medians of rounds.
#
#     make bench                                   everything; the table goes into docs/performance.md
#     tests/perf/bench.sh [option...]
#       --rounds N --seconds N                     3 rounds of 2 s each
#       --stores "null sluice-mem"                 some of the stores
#       --shapes "4k-read-32 256k-write-1"         some of the shapes
#       --smoke                                    proves that the benchmark runs; no figures are kept
#       --no-write                                 print only
#
# Each store has a tgtd of its own; filterd serves all of ours. CPU time is what the kernel says the
# daemons' threads ran (/proc/PID/task/*/schedstat, ns) between the client's "begin" and "end", divided
# by the commands that ended meanwhile. Wall-clock figures suffer from the client sharing the machine;
# CPU per I/O does not. Nothing here passes or fails a build by a time.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/perf/report.sh
. "$ROOT/tests/perf/report.sh"
# shellcheck source=tests/perf/measure.sh
. "$ROOT/tests/perf/measure.sh"

ROUNDS=3 SECONDS_EACH=2 SMOKE='' WRITE=1 WARM_MS=300
STORES="null plain plain-sync plain-direct sluice-mem sluice-mem-4 sluice-volatile sluice-durable"
SHAPES="4k-read-1 4k-read-32 4k-write-1 4k-write-32 256k-read-1 256k-read-32 256k-write-1 256k-write-32"
LUN_BYTES=$((256 << 20))

while [ $# -gt 0 ]; do
	case $1 in
	--rounds) ROUNDS=$2; shift ;;
	--seconds) SECONDS_EACH=$2; shift ;;
	--stores) STORES=$2; WRITE=''; shift ;;
	--shapes) SHAPES=$2; WRITE=''; shift ;;
	--smoke) SMOKE=1 ROUNDS=1 SECONDS_EACH=1 WARM_MS=50 WRITE='' SHAPES="4k-write-32 256k-read-1" ;;
	--no-write) WRITE='' ;;
	*) die "unknown option $1" ;;
	esac
	shift
done
export BENCH_SETTINGS="rounds=$ROUNDS seconds=$SECONDS_EACH"
need_tools iscsi_bench

# ---------------------------------------------------------------- the stores

declare -A URL_OF=()

lun_plain() {
	local store=$1
	shift
	tgtd_start "$store" plain
	target_new "$store" 1
	adm "$store" --op new --mode logicalunit --tid 1 --lun 1 "$@"
	URL_OF[$store]=$(url "$store" 1 1)
}

image() {
	# Written, not sparse, so that plain tgt allocates nothing while it is measured.
	head -c "$LUN_BYTES" /dev/zero >"$T/$1.img"
	echo "$T/$1.img"
}

lun_ours() {
	local store=$1
	shift
	volume_new "$store" --size "$LUN_BYTES" "$@"
	tgtd_start "$store"
	target_new "$store" 1
	lun_sluice "$store" 1 1 "$store"
	URL_OF[$store]=$(url "$store" 1 1)
}

store_start() {
	case $1 in
	null) lun_plain null --bstype null --backing-store none ;;
	plain) lun_plain plain --bstype rdwr --backing-store "$(image plain)" ;;
	plain-sync) lun_plain plain-sync --bstype rdwr --bsoflags sync --backing-store "$(image plain-sync)" ;;
	plain-direct) lun_plain plain-direct --bstype rdwr --bsoflags direct --backing-store "$(image plain-direct)" ;;
	sluice-mem) lun_ours sluice-mem --datastore mem ;;
	sluice-mem-4)
		lun_ours sluice-mem-4 --datastore mem
		local filter
		for filter in passthru passthru_cache passthru_data_provider passthru_io_control; do
			ctl filter attach sluice-mem-4 "$filter" >/dev/null
		done
		;;
	sluice-volatile) lun_ours sluice-volatile --datastore buffered --write-cache volatile ;;
	sluice-durable) lun_ours sluice-durable --datastore direct --write-cache durable ;;
	*) die "unknown store $1" ;;
	esac
}

# Ours are written once, as the images of the others are.
fill() {
	[[ $1 == sluice-* ]] || return 0
	timeout 120 "$(tool iscsi_bench)" --bytes 262144 --depth 8 --write-pct 100 --sequential --seconds 3 \
		--warm-ms 0 "${URL_OF[$1]}" </dev/null >/dev/null
}

# ---------------------------------------------------------------- one measurement

options_of() { # 4k-read-32
	local bytes rw depth
	IFS=- read -r bytes rw depth <<<"$1"
	echo "--bytes ${bytes/k/}" | awk '{ print $1, $2 * 1024 }'
	[ "$rw" = read ] || echo "--write-pct 100"
	echo "--depth $depth"
}

# measure STORE SHAPE  appends a line of JSON to the results.
measure() {
	local store=$1 shape=$2 filterd=''
	[[ $store != sluice-* ]] || filterd=$(filterd_child)
	# shellcheck disable=SC2046 # options are words
	bench_once "$(tgtd_pid "$store")" "$filterd" "${URL_OF[$store]}" $(options_of "$shape") \
		--seconds "$SECONDS_EACH" --warm-ms "$WARM_MS" --region-bytes "$LUN_BYTES"
	jq -c --arg store "$store" --arg shape "$shape" '. + {store: $store, shape: $shape}' <<<"$RESULT" >>"$T/results"
}

# ---------------------------------------------------------------- the run

if [[ $STORES == *sluice* ]]; then
	WORKERS=1 filterd_start
	datastore_mem mem
	datastore_dir buffered --buffered
	datastore_dir direct
fi
for store in $STORES; do
	store_start "$store"
	fill "$store"
done
total=$((ROUNDS * $(wc -w <<<"$SHAPES") * $(wc -w <<<"$STORES"))) count=0
for ((round = 1; round <= ROUNDS; round++)); do
	for shape in $SHAPES; do
		for store in $STORES; do
			count=$((count + 1))
			[ ! -t 2 ] || printf '\r%d/%d %-16s %-14s' "$count" "$total" "$store" "$shape" >&2
			measure "$store" "$shape"
		done
	done
done
[ ! -t 2 ] || echo >&2
[ -z "${RESULTS:-}" ] || cp "$T/results" "$RESULTS"
report_all "$T/results" >"$T/table"
if [ -n "$SMOKE" ]; then
	note "the benchmark runs: $(wc -l <"$T/results") measurements (figures of so short a run mean nothing)"
	exit 0
fi
cat "$T/table"
if [ -n "$WRITE" ]; then
	report_write "$T/table" "$ROOT/docs/performance.md"
	echo "written to docs/performance.md"
fi
