#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 3600 s
#
# bench_cache.sh - what the cache does, over real iSCSI, beside plain tgt and beside itself without it; interleaved,
# medians of the rounds. Prints tables; passes or fails nothing.
#
#     tests/perf/bench_cache.sh [--rounds 5] [--seconds 3] [--scenes "hits writeback recovery"] [--smoke]
#
#   hits       4 KiB random reads that are all in the RAM tier, against tgt's null store and tgt's rdwr on page cache
#   writeback  4 KiB random writes with a FLUSH after every 32, on a datastore that takes 5 ms for each (delay filter)
#   recovery   sluice-filterd killed while its log holds RECOVERY_GIB of dirty data; a client reads all the time
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/perf/measure.sh
. "$ROOT/tests/perf/measure.sh"
ROUNDS=5 SECONDS_EACH=3 SCENES="hits writeback recovery" REGION=$((256 << 20)) RECOVERY_GIB=${RECOVERY_GIB:-10} SMOKE=''
while [ $# -gt 0 ]; do
	case $1 in
	--rounds) ROUNDS=$2; shift ;;
	--seconds) SECONDS_EACH=$2; shift ;;
	--scenes) SCENES=$2; shift ;;
	--smoke) SMOKE=1 ROUNDS=1 SECONDS_EACH=1 RECOVERY_GIB=1 SCENES="hits writeback" REGION=$((64 << 20)) ;;
	*) die "unknown option $1" ;;
	esac
	shift
done
need_tools iscsi_bench
declare -A URL_OF=()

note_row() { # TABLE ROW  the figures of $RESULT
	jq -r --arg t "$1" --arg r "$2" '[$t, $r, .iops, .p50_us, .p99_us, .tgtd_us, .filterd_us] | @tsv' <<<"$RESULT" >>"$T/rows"
}

# Medians by column; the last two columns are CPU per I/O.
report() {
	printf '\n| %s | IOPS | p50 us | p99 us | tgtd CPU us | filterd CPU us | IOPS against "%s" |\n' "$1" "$2"
	echo '|---|---:|---:|---:|---:|---:|---:|'
	awk -F'\t' -v table="$1" -v base="$2" '
	function median(row, col, i, j, t, n, a) {
		n = count[row]
		for (i = 1; i <= n; i++) a[i] = v[row, col, i]
		for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (a[j] + 0 < a[i] + 0) { t = a[i]; a[i] = a[j]; a[j] = t }
		return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
	}
	$1 == table {
		if (!($2 in count)) order[++rows] = $2
		k = ++count[$2]
		for (c = 3; c <= 7; c++) v[$2, c, k] = $c
	}
	END {
		for (r = 1; r <= rows; r++) {
			row = order[r]
			printf "| %s | %d | %.0f | %.0f | %.1f | %.1f | %.2f |\n", row, median(row, 3), median(row, 4), median(row, 5), \
				median(row, 6), median(row, 7), median(row, 3) / median(base, 3)
		}
	}' "$T/rows"
}

plain() { # NAME OPTION...
	local name=$1
	shift
	tgtd_start "$name" plain
	target_new "$name" 1
	adm "$name" --op new --mode logicalunit --tid 1 --lun 1 "$@"
	URL_OF[$name]=$(url "$name" 1 1)
}

# ours NAME DATASTORE SIZE [option...]
ours() {
	local name=$1 datastore=$2 size=$3
	shift 3
	volume_new "$name" --datastore "$datastore" --size "$size" "$@"
	tgtd_start "$name"
	target_new "$name" 1
	lun_sluice "$name" 1 1 "$name"
	URL_OF[$name]=$(url "$name" 1 1)
}

run() { # NAME OPTION...
	local name=$1 filterd=''
	shift
	[ -n "${IS_PLAIN[$name]:-}" ] || filterd=$(filterd_child)
	bench_once "$(tgtd_pid "$name")" "$filterd" "${URL_OF[$name]}" --seconds "$SECONDS_EACH" --region-bytes "$REGION" "$@"
}
declare -A IS_PLAIN=([null]=1 [plain]=1)

sweep() { # NAME PERCENT-WRITES
	timeout 300 "$(tool iscsi_bench)" --bytes 262144 --depth 8 --write-pct "$2" --sequential --seconds "${3:-3}" --warm-ms 0 \
		--region-bytes "${4:-$REGION}" "${URL_OF[$1]}" </dev/null >/dev/null
}

cache_attach() { # VOLUME NAME=VALUE...
	local volume=$1 spec=cache
	shift
	printf -v spec 'cache%s' "$(printf ',%s' "$@")"
	ctl filter attach "$volume" "$spec" >/dev/null
}

# ---------------------------------------------------------------- the scenes

scene_hits() {
	local store depth
	plain null --bstype null --backing-store none
	head -c "$REGION" /dev/zero >"$T/plain.img"
	plain plain --bstype rdwr --backing-store "$T/plain.img"
	ours uncached disk "$REGION"
	ours cached disk "$REGION"
	cache_attach cached mode=write_through ram_bytes=$((REGION * 5 / 4)) sequential_cutoff_bytes=0
	sweep uncached 100
	sweep cached 100
	sweep cached 0
	for ((round = 1; round <= ROUNDS; round++)); do
		for depth in 1 32; do
			for store in null plain uncached cached; do
				run "$store" --depth "$depth"
				note_row "4 KiB random reads, QD $depth" "$store"
			done
		done
	done
	for depth in 1 32; do
		report "4 KiB random reads, QD $depth" null
		report "4 KiB random reads, QD $depth" plain | tail -n 1 | sed 's/^/(against plain) /'
	done
	ctl --json volume show cached | jq -c '.chain[]? | select(.filter == "cache") | .status | {reads, read_hits}' 2>/dev/null || true
}

scene_writeback() {
	local store depth size=$REGION
	for store in through back back-small; do
		ours "$store" disk "$size" --write-cache volatile
		ctl filter attach "$store" delay,write_us=5000 >/dev/null
	done
	ours durable-through disk "$size" --write-cache durable
	ctl filter attach durable-through delay,write_us=5000 >/dev/null
	ours durable-back disk "$size" --write-cache durable
	ctl filter attach durable-back delay,write_us=5000 >/dev/null
	cache_attach through mode=write_through
	cache_attach durable-through mode=write_through
	cache_attach back mode=write_back flash_bytes=$((size * 4))
	cache_attach durable-back mode=write_back flash_bytes=$((size * 4))
	cache_attach back-small mode=write_back flash_bytes=$((64 << 20))
	for store in back durable-back back-small; do
		wait_until 120 "the log of $store" cache_is "$store" serving
	done
	for ((round = 1; round <= ROUNDS; round++)); do
		for depth in 1 32; do
			for store in through back back-small; do
				run "$store" --depth "$depth" --write-pct 100 --flush-every 32
				note_row "4 KiB random writes, QD $depth, FLUSH every 32" "$store"
			done
			for store in durable-through durable-back; do
				run "$store" --depth "$depth" --write-pct 100
				note_row "4 KiB random durable writes, QD $depth" "$store"
			done
		done
	done
	for depth in 1 32; do
		report "4 KiB random writes, QD $depth, FLUSH every 32" through
		report "4 KiB random durable writes, QD $depth" durable-through
	done
}

is_dirty() { [ "$(dirty_bytes "$1")" -ge "$2" ]; }
dirty_bytes() { ctl --json volume show "$1" | jq '[.. | .dirty_bytes? // empty] | max // 0'; }

scene_recovery() {
	local size=$((RECOVERY_GIB << 30))
	ours recover disk $((size + (1 << 30))) --write-cache volatile
	# Twice as large: from 54 % on data goes down.
	cache_attach recover mode=write_back flash_bytes=$((size * 2)) dirty_max_pct=90 destage_age_ms=3600000 \
		sequential_cutoff_bytes=0
	wait_until 600 "the log to be made" cache_is recover serving
	# Until the whole region is dirty, and not for long behind that: what is overwritten fills the log, too.
	sweep recover 100 280 "$size" &
	local writer=$!
	wait_until 280 "$RECOVERY_GIB GiB to be dirty" is_dirty recover "$size"
	kill "$writer" 2>/dev/null || true
	wait "$writer" 2>/dev/null || true
	echo "dirty before the kill: $(dirty_bytes recover) bytes"
	for ((round = 1; round <= ROUNDS; round++)); do
		timeout 60 "$(tool iscsi_bench)" --depth 1 --seconds 12 --warm-ms 0 --region-bytes "$size" "${URL_OF[recover]}" \
			</dev/null >"$T/reader" &
		local reader=$!
		sleep 3
		kill -KILL "$(filterd_child)"
		wait "$reader" || die "the reader failed: $(cat "$T/reader")"
		wait_until 60 "the cache to serve" cache_is recover serving
		echo "kill $round: longest stall $(tail -n 1 "$T/reader" | jq .max_us) us, log recovered in" \
			"$(ctl --json volume show recover | jq '[.. | .recovery_ms? // empty] | max') ms"
	done
}

cache_is() { ctl --json volume show "$1" | jq -e --arg s "$2" '[.. | objects | select(has("ram")) | .state] | index($s)'; }

expect_error "ended by signal 9"
mkdir -p "$T/flash"
WORKERS=1 filterd_start
datastore_dir disk
ctl datastore filter-set disk cache flash_path="$T/flash" flash_bytes=$((64 << 30)) ram_bytes=$((4 << 30)) >/dev/null
for scene in $SCENES; do
	echo "== $scene (rounds=$ROUNDS seconds=$SECONDS_EACH region=$((REGION >> 20)) MiB)"
	"scene_$scene"
done
[ -z "$SMOKE" ] || note "the benchmark runs (figures of so short a run mean nothing)"
