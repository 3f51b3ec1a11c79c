# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# report.sh - from the measurements of bench.sh to the tables of docs/performance.md. Sourced by bench.sh.
#
# A measurement is one line of JSON: store, shape, iops, mb_per_s, p50_us, p99_us, tgtd_us, filterd_us.

# shellcheck disable=SC2016 # jq's variables
JQ_MEDIANS='
def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2] + .[length / 2 - 1]) / 2 end;
group_by([.shape, .store]) | map({key: (.[0].shape + "/" + .[0].store), value: {
	store: .[0].store, shape: .[0].shape,
	iops: (map(.iops) | median), mb: (map(.mb_per_s) | median),
	p50: (map(.p50_us) | median), p99: (map(.p99_us) | median),
	tgtd: (map(.tgtd_us) | median), filterd: (map(.filterd_us) | median),
	rounds: length}}) | from_entries'

# report_shape MEDIANS SHAPE  one table; ratios are to what a user of plain tgt has with the same promise.
report_shape() {
	echo
	echo "### $2"
	echo
	echo "| store | IOPS | MB/s | p50 µs | p99 µs | tgtd µs/IO | filterd µs/IO | CPU µs/IO | IOPS ratio | CPU ratio | to |"
	echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|"
	# shellcheck disable=SC2016
	jq -r --arg shape "$2" '
	def r(d): . * pow(10; d) | round / pow(10; d);
	def base: {"sluice-mem": "plain", "sluice-mem-4": "plain", "sluice-volatile": "plain",
		"sluice-durable": "plain-sync"}[.];
	. as $all | ["null", "plain", "plain-sync", "plain-direct", "sluice-mem", "sluice-mem-4", "sluice-volatile",
		"sluice-durable"][] | $all[$shape + "/" + .] | select(.) | . as $x |
	($all[$shape + "/" + ((.store | base) // "")] | if . and .iops > 0 then . else null end) as $b |
	[.store, (.iops | r(0)), (.mb | r(0)), (.p50 | r(0)), (.p99 | r(0)), (.tgtd | r(1)),
	 (if .store | startswith("sluice") then .filterd | r(1) else "" end), (.tgtd + .filterd | r(1)),
	 (if $b then $x.iops / $b.iops | r(2) else "" end),
	 (if $b then ($x.tgtd + $x.filterd) / ($b.tgtd + $b.filterd) | r(2) else "" end),
	 (if $b then $b.store else "" end)] | "| " + (map(tostring) | join(" | ")) + " |"' "$1"
}

# report_goals MEDIANS  the goals, each with what was measured.
report_goals() {
	echo
	echo "### Goals"
	echo
	echo "| goal | measured | met |"
	echo "|---|---:|---|"
	# shellcheck disable=SC2016
	jq -r '
	def r(d): . * pow(10; d) | round / pow(10; d);
	def cpu: .tgtd + .filterd;
	. as $m |
	def row(name; value; ok): if value == null then empty else "| \(name) | \(value | r(2)) | \(if ok then "yes" else "no" end) |" end;
	def ratio(shape; a; b): if $m[shape + "/" + a] and ($m[shape + "/" + b].iops // 0) > 0 then $m[shape + "/" + a].iops / $m[shape + "/" + b].iops else null end;
	def cratio(shape; a; b): if $m[shape + "/" + a] and ($m[shape + "/" + b].iops // 0) > 0 then ($m[shape + "/" + a] | cpu) / ($m[shape + "/" + b] | cpu) else null end;
	(["4k-read-32", "4k-write-32"][] as $s | ["sluice-mem-4", "sluice-volatile"][] as $st |
	  (ratio($s; $st; "plain") as $v | row("\($s) \($st): IOPS ≥ 1.3 × plain"; $v; $v >= 1.3)),
	  (cratio($s; $st; "plain") as $v | row("\($s) \($st): CPU per I/O ≤ 0.6 × plain"; $v; $v <= 0.6))),
	(["256k-read-32", "256k-write-32"][] as $s | ["sluice-mem-4", "sluice-volatile"][] as $st |
	  (ratio($s; $st; "plain") as $v | row("\($s) \($st): IOPS ≥ 1.5 × plain"; $v; $v >= 1.5))),
	(ratio("4k-write-32"; "sluice-durable"; "plain-sync") as $v | row("4k-write-32 sluice-durable: IOPS ÷ plain opened O_SYNC (group commit)"; $v; $v >= 1.3)),
	(["4k-read-32", "4k-write-32"][] as $s | ratio($s; "sluice-mem"; "null") as $v |
	  row("\($s) sluice-mem: IOPS ≥ 0.85 × null"; $v; $v >= 0.85)),
	(if $m["4k-read-32/sluice-mem-4"] and $m["4k-read-32/sluice-mem"] then
	  (($m["4k-read-32/sluice-mem-4"].filterd - $m["4k-read-32/sluice-mem"].filterd) / 4) as $v |
	  row("a filter hop ≤ 0.1 µs (filterd CPU of 4 passthru, ÷ 4)"; $v; $v <= 0.1) else empty end),
	(["4k-read-1", "4k-write-1"][] as $s | if $m[$s + "/sluice-mem"] and $m[$s + "/null"] then
	  ($m[$s + "/sluice-mem"].p50 - $m[$s + "/null"].p50) as $v |
	  row("\($s) sluice-mem: p50 ≤ 15 µs over null"; $v; $v <= 15) else empty end)' "$1"
}

report_machine() {
	local model
	model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	echo "$(nproc) × ${model:-unknown CPU}, Linux $(uname -r), tgt $(tgtd -V 2>/dev/null | head -n 1), client on the same machine," \
		"$(date +%F); $BENCH_SETTINGS, medians."
}

# report_all RESULTS  everything to standard output.
report_all() {
	local shape
	jq -s "$JQ_MEDIANS" "$1" >"$1.medians"
	report_machine
	report_goals "$1.medians"
	for shape in $SHAPES; do
		report_shape "$1.medians" "$shape"
	done
}

# report_write TABLE FILE [MARK]  puts the table between the two marks of the file, and leaves the rest alone; MARK: bench.
report_write() {
	local table=$1 file=$2 mark=${3:-bench}
	[ "$(grep -cE "^<!-- $mark:(begin|end)" "$file")" = 2 ] || die "$file lacks its $mark:begin and $mark:end marks"
	awk -v table="$table" -v mark="$mark" '
		index($0, "<!-- " mark ":begin") == 1 { print; print ""; while ((getline line < table) > 0) print line; print ""; skip = 1; next }
		index($0, "<!-- " mark ":end") == 1 { skip = 0 }
		!skip { print }' "$file" >"$file.new"
	cat "$file.new" >"$file"
	rm -f "$file.new"
}
