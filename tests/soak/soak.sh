#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# soak.sh HOURS - all filters under mixed verified load for so long, with faults all the time, and a report. As root:
#
#     make soak HOURS=0.2
#
# Two periods of half the time, with eight volumes each: together every combination of replication, encryption, cache and
# I/O control. In a period a daemon is killed or hangs every minute, a snapshot of each volume is taken every five, and
# every ten all keys change and all replicas take over. Shorter than an hour, "a minute" is shorter, too, so that each of these comes.
# The report is on standard output and in build/soak/report.json. The exit status is 0 if nothing was lost and nothing grew.
set -euo pipefail
cd "$(dirname "$0")/../.."
HOURS=${1:?say: soak.sh HOURS}
OUT=build/soak
mkdir -p "$OUT"
PERIOD_S=$(awk -v h="$HOURS" 'BEGIN { s = int(h * 1800); print (s < 60 ? 60 : s) }')
MINUTE_S=$(awk -v h="$HOURS" 'BEGIN { s = int(h * 60); print (s > 60 ? 60 : s < 10 ? 10 : s) }')
rc=0
rm -f "$OUT"/period-*.json "$OUT"/period-*.step "$OUT/report.json"
number=0
for rows in "none ci xc xi r rci rxc rxi" "i c x xci ri rc rx rxci"; do
	number=$((number + 1))
	ROWS=$rows PERIOD_S=$PERIOD_S MINUTE_S=$MINUTE_S REPORT=$PWD/$OUT/period-$number.json VARIANT=release \
		tests/soak/period.sh >"$OUT/period-$number.log" 2>&1 || {
		rc=1
		echo "period $number ($rows) failed in: $(cat "$OUT/period-$number.json.step" 2>/dev/null || echo "its end")"
		grep -E '^FAIL' "$OUT/period-$number.log" || tail -n 20 "$OUT/period-$number.log"
		echo "  all of it is in $OUT/period-$number.log"
	}
done
if ! ls "$OUT"/period-*.json >/dev/null 2>&1; then
	echo "soak: no period came to its end"
	exit 1
fi
jq -s '[.[].processes] as $all | map(del(.processes)) | reduce .[] as $p ({}; reduce ($p | to_entries[]) as $e (.; .[$e.key] =
	if $e.key | startswith("max_") then [.[$e.key] // 0, $e.value] | max else (.[$e.key] // 0) + $e.value end))
	| .faults = .kills + .hangs + .failovers_forced
	| .failure_rate_below = (if .faults > 0 then 3 / .faults else null end)
	| .processes = $all' "$OUT"/period-*.json >"$OUT/report.json" || rc=1
jq -r 'del(.processes) | to_entries[] | "  \(.key): \(.value)"' "$OUT/report.json"
echo "  memory in KiB and descriptors, of each period: first, last, per hour by a line through all samples"
jq -r '.processes | to_entries[] | (.key + 1) as $p | .value[] | "  \($p) \(.who) (\(.samples)): \(.kib_first) \(.kib_last) \(.kib_per_hour)  "
	+ "\(.descriptors_first) \(.descriptors_last) \(.descriptors_per_hour)"' "$OUT/report.json"
if [ "$rc" = 0 ]; then
	jq -r '"soak: \(.faults) faults without a lost block: a fault loses one in less than \(.failure_rate_below * 1000 | round / 10) % of cases (3/n, 95 %)"' "$OUT/report.json"
else
	echo "soak: failed"
fi
exit "$rc"
