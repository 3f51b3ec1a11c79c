#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 3600 s
#
# bench_layers.sh - reads of a volume with a tree of snapshots against those of one that never had any, over real iSCSI;
# interleaved, medians of the rounds. Prints a table; passes or fails nothing.
#
#     tests/perf/bench_layers.sh [--rounds 3] [--seconds 2] [--snapshots 64] [--smoke]
#
# After each snapshot a second of random writes of 4 KiB goes into the new head, so that any long read has blocks of
# many layers: that is worse than what a volume of an initiator looks like.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
# shellcheck source=tests/perf/measure.sh
. "$ROOT/tests/perf/measure.sh"
ROUNDS=3 SECONDS_EACH=2 SNAPSHOTS=64 SHAPES="4096-1 4096-32 65536-8" LUN_BYTES=$((256 << 20))
while [ $# -gt 0 ]; do
	case $1 in
	--rounds) ROUNDS=$2; shift ;;
	--seconds) SECONDS_EACH=$2; shift ;;
	--snapshots) SNAPSHOTS=$2; shift ;;
	--smoke) ROUNDS=1 SECONDS_EACH=1 SNAPSHOTS=3 SHAPES="4096-32" LUN_BYTES=$((32 << 20)) ;;
	*) die "unknown option $1" ;;
	esac
	shift
done
need_tools iscsi_bench
declare -A URL_OF=()

writes() { # VOLUME OPTION...
	local url=${URL_OF[$1]}
	shift
	timeout 120 "$(tool iscsi_bench)" --write-pct 100 --warm-ms 0 --region-bytes "$LUN_BYTES" "$@" "$url" </dev/null >/dev/null
}

WORKERS=1 filterd_start
datastore_dir d0
for v in none tree; do
	volume_new "$v" --datastore d0 --size "$LUN_BYTES"
	tgtd_start "$v"
	target_new "$v" 1
	lun_sluice "$v" 1 1 "$v"
	URL_OF[$v]=$(url "$v" 1 1)
	writes "$v" --bytes 262144 --depth 8 --sequential --seconds 3
done
for ((i = 1; i <= SNAPSHOTS; i++)); do
	snapshot_new tree "$(snapshot_uuid "$i")" "layer-$i"
	writes tree --bytes 4096 --depth 16 --seconds 1
done

for ((round = 1; round <= ROUNDS; round++)); do
	for shape in $SHAPES; do
		for v in none tree; do
			bench_once "$(tgtd_pid "$v")" "$(filterd_child)" "${URL_OF[$v]}" --bytes "${shape%-*}" --depth "${shape#*-}" \
				--seconds "$SECONDS_EACH" --warm-ms 300 --region-bytes "$LUN_BYTES"
			jq -r --arg s "$shape" --arg v "$v" '[$s, $v, .iops, .filterd_us] | @tsv' <<<"$RESULT" >>"$T/rows"
		done
	done
done

echo "| reads of | depth | IOPS without | IOPS with $SNAPSHOTS snapshots | ratio | filterd CPU us without | with |"
echo '|---:|---:|---:|---:|---:|---:|---:|'
awk -F'\t' '
function median(key, col, i, j, t, a, n) {
	n = count[key]
	for (i = 1; i <= n; i++) a[i] = v[key, col, i]
	for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (a[j] + 0 < a[i] + 0) { t = a[i]; a[i] = a[j]; a[j] = t }
	return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}
{
	if (!($1 in seen)) { order[++shapes] = $1; seen[$1] = 1 }
	key = $1 SUBSEP $2
	count[key]++
	v[key, 3, count[key]] = $3
	v[key, 4, count[key]] = $4
}
END {
	for (s = 1; s <= shapes; s++) {
		split(order[s], how, "-")
		none = order[s] SUBSEP "none"
		tree = order[s] SUBSEP "tree"
		printf "| %d | %d | %d | %d | %.2f | %.1f | %.1f |\n", how[1], how[2], median(none, 3), median(tree, 3), \
			median(tree, 3) / median(none, 3), median(none, 4), median(tree, 4)
	}
}' "$T/rows"
