#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 7200 s
#
# bench_all_on.sh - all filters together against plain tgt, in one run, turn and turn about, medians of the rounds. Prints
# tables; passes or fails nothing.
#
#     tests/perf/bench_all_on.sh [--quick | --medium] [--rounds 3] [--seconds 2] [--stores "..."] [--shapes "..."]
#                                [--log-in-memory] [--write]
#
# Stores: plain tgt's rdwr with page cache, O_DIRECT and O_SYNC; "bare", Sluice without a filter; "alone", encryption
# (AES-XTS), write-back cache and I/O control with a reservation; "all-on", the same with sync replication to a second appliance
# over TLS. Ours acknowledge what is durable. 64 MiB each,
# which every cache holds. Shapes: bytes-what-depth; "mixed" is 70 % reads. All of it is on one disk and shares the machine's
# cores with the client and, for all-on, with the whole second appliance. --quick: one round, the shapes of the goals.
# --medium: all shapes, about ten minutes on a quiet machine. --log-in-memory: the cache's log is not on the datastore's disk but in
# memory, as the fastest flash there can be. --write: into docs/performance.md, between its marks.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/matrix.sh
. "$ROOT/tests/lib/matrix.sh"
# shellcheck source=tests/perf/measure.sh
. "$ROOT/tests/perf/measure.sh"
# shellcheck source=tests/perf/report.sh
. "$ROOT/tests/perf/report.sh"
need_tools iscsi_bench
ROUNDS=3 SECONDS_EACH=2 SIZE=64M WRITE='' IN_MEMORY=''
STORES="plain plain-direct plain-sync bare alone all-on"
COMPUTED="4k-read-32 4k-write-1 4k-write-32 256k-read-8 256k-write-8"
SHAPES=$(for b in 4k 256k; do for w in read write mixed; do for d in 1 8 32; do echo "$b-$w-$d"; done; done; done)
while [ $# -gt 0 ]; do
	case $1 in
	--quick) ROUNDS=1 SHAPES="4k-read-1 4k-read-32 4k-write-1 4k-write-32 4k-mixed-32 256k-read-8 256k-write-8" ;;
	--medium) ROUNDS=3 SECONDS_EACH=1.2 ;;
	--log-in-memory) IN_MEMORY=1 ;;
	--write) WRITE=1 ;;
	--rounds) ROUNDS=$2 && shift ;;
	--seconds) SECONDS_EACH=$2 && shift ;;
	--stores) STORES=$2 && shift ;;
	--shapes) SHAPES=$2 && shift ;;
	*) die "unknown option $1" ;;
	esac
	shift
done
export JOURNAL_BYTES=67108864 BENCH_ON=a
SIZE_BYTES=$(numfmt --from=iec $SIZE)
CACHE_PARAMETERS=mode=write_back,flash_bytes=268435456,ram_bytes=268435456
declare -A URL_OF=() ROW_OF=([bare]=none [alone]=xci [all-on]=rxci)

# ---------------------------------------------------------------- stores

# Each plain one has a tgtd of its own in a's namespace, so that the client's way is the same.
plain_start() { # STORE NUMBER [flags]
	local store=$1 number=$2 port=$((3270 + $2))
	start_bg "tgtd-$store" nsenter --net="/proc/${NODE_PID[a]}/ns/net" -- \
		env TGT_IPC_SOCKET="$T/a/tgtd" tgtd -f -C "$number" --iscsi "portal=127.0.0.1:$port"
	wait_until 10 "tgtd $store to answer" plain_adm "$number" --op show --mode sys
	head -c "$SIZE_BYTES" /dev/zero >"$T/$store.img"
	plain_adm "$number" --op new --mode target --tid 1 -T "$IQN:$store"
	plain_adm "$number" --op bind --mode target --tid 1 -I ALL
	plain_adm "$number" --op new --mode logicalunit --tid 1 --lun 1 --bstype rdwr --backing-store "$T/$store.img" \
		${3:+--bsoflags "$3"}
	URL_OF[$store]=iscsi://127.0.0.1:$port/$IQN:$store/1
}
plain_adm() {
	local number=$1
	shift
	TGT_IPC_SOCKET="$T/a/tgtd" timeout 20 tgtadm -C "$number" --lld iscsi "$@"
}
ours_start() { # STORE TID
	matrix_volume "${ROW_OF[$1]}" "$1" "$2" "$SIZE" || die "$1: $(cat "$T/refused")"
	matrix_ready "${ROW_OF[$1]}" "$1" a
	URL_OF[$1]=$(url_on a "$2")
	# Written once, as the images of the others are.
	on a timeout 300 "$(tool iscsi_bench)" --bytes 262144 --depth 8 --write-pct 100 --sequential --seconds 4 --warm-ms 0 \
		--region-bytes "$SIZE_BYTES" "${URL_OF[$1]}" </dev/null >/dev/null
	# Plain tgt's page cache is warm, too: read at random, so that no block counts as part of a scan.
	on a timeout 300 "$(tool iscsi_bench)" --bytes 65536 --depth 8 --seconds 4 --warm-ms 0 --region-bytes "$SIZE_BYTES" \
		"${URL_OF[$1]}" </dev/null >/dev/null
}
stores_start() {
	local store number=1
	for store in $STORES; do
		number=$((number + 1))
		case $store in
		plain) plain_start "$store" "$number" ;;
		plain-*) plain_start "$store" "$number" "${store#plain-}" ;;
		*) ours_start "$store" "$number" ;;
		esac
	done
}

# ---------------------------------------------------------------- one measurement

options_of() { # 4k-read-32
	local bytes what depth
	IFS=- read -r bytes what depth <<<"$1"
	echo "--bytes $((${bytes%k} * 1024)) --depth $depth"
	case $what in
	write) echo "--write-pct 100" ;;
	mixed) echo "--write-pct 30" ;;
	esac
}
# What each layer and all below it took so far, and how many commands there were.
layers_of() {
	ask_on a '{"request":"figures"}' | jq -c --arg n "$1" '[.. | objects | select(.name? == $n and .layers?)][0] | {layers, ios: ([.. | objects | .ios? // empty | numbers] | add)}'
}
measure() {
	local store=$1 shape=$2 tgtd=${PID_OF[tgtd-$1]:-} filterd='' PEER_PID='' before='' after=''
	if [[ $store != plain* ]]; then
		tgtd=${PID_OF[tgtd-a]} filterd=$(filterd_child_on a)
		before=$(layers_of "$store")
	fi
	[ "$store" != all-on ] || PEER_PID=$(filterd_child_on b)
	# shellcheck disable=SC2046 # options are words
	bench_once "$tgtd" "$filterd" "${URL_OF[$store]}" $(options_of "$shape") --seconds "$SECONDS_EACH" --warm-ms 300 \
		--region-bytes "$SIZE_BYTES"
	[ -z "$before" ] || after=$(layers_of "$store")
	jq -c --arg store "$store" --arg shape "$shape" --argjson b "${before:-null}" --argjson a "${after:-null}" \
		'. + {store: $store, shape: $shape, before: $b, after: $a}' <<<"$RESULT" >>"$T/results"
}

# ---------------------------------------------------------------- tables

# shellcheck disable=SC2016 # jq's variables
JQ_ALL='def r(d): . * pow(10; d) | round / pow(10; d);
def median: sort | .[(length - 1) / 2 | floor];
def of(store; shape): map(select(.store == store and .shape == shape));
def value(store; shape; f): [of(store; shape)[] | f] | if length > 0 then median else null end;
def cpu: .tgtd_us + .filterd_us;'
table_of() { # SHAPE
	printf '\n### %s\n\n| store | IOPS | MB/s | p50 µs | p99 µs | p99.9 µs | tgtd µs/IO | filterd µs/IO | peer µs/IO | IOPS against O_SYNC |\n' "$1"
	echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
	# shellcheck disable=SC2016
	jq -rs --arg shape "$1" --arg stores "$STORES" "$JQ_ALL"' . as $all | $stores | split(" ")[] | . as $s | $all |
		def v(f): value($s; $shape; f);
		"| \($s) | \(v(.iops) | r(0)) | \(v(.mb_per_s) | r(1)) | \(v(.p50_us) | r(0)) | \(v(.p99_us) | r(0)) | \(v(.p999_us) | r(0)) | \(v(.tgtd_us) | r(1)) | \(v(.filterd_us) | r(1)) | \(v(.peer_us) | r(1)) | \(
		value("plain-sync"; $shape; .iops) as $b | if $b and $b > 0 then v(.iops) / $b | r(2) else "" end) |"' "$T/results"
}
# What filterd computes for a command, by layer: from the chain's samples; the rest is the ring, SCSI, the log's and the
# network's system calls, and threads that help. A bar's character is a 50th of the whole.
computing_of() { # STORE SHAPE
	# shellcheck disable=SC2016
	jq -rs --arg store "$1" --arg shape "$2" "$JQ_ALL"' def bar: (. * 50 | round) as $n | if $n > 0 then "█" * $n else "" end;
		[.[] | select(.store == $store and .shape == $shape and .after)] | if length == 0 then empty else
		(map(.filterd_us) | median) as $whole | .[0].after.layers as $names |
		[range($names | length) as $i | {layer: $names[$i].layer, us: ([.[] |
			(.after.layers[$i].cpu_ns - .before.layers[$i].cpu_ns) / 1000 / ([.after.ios - .before.ios, 1] | max)] | median)}] |
		. + [{layer: "rest of filterd", us: ([$whole - (map(.us) | add), 0] | max)}] |
		"\n\($store), \($shape): \($whole | r(1)) µs of CPU in filterd for a command\n\n```",
		(.[] | "\(.layer + " " * ([16 - (.layer | length), 0] | max)) \(.us | r(2)) µs \((.us / ([$whole, 0.001] | max)) | bar)" | sub(" +$"; "")), "```" end' "$T/results"
}
# With perf, the same of one run: what filterd's threads did, by the file that the code is in.
perf_of() { # STORE SHAPE
	local pid
	command -v perf >/dev/null || return 0
	pid=$(filterd_child_on a)
	perf record -q -o "$T/perf.data" -p "$pid" -- sleep 1.5 2>/dev/null &
	measure "$1" "$2"
	wait $! || return 0
	perf report -i "$T/perf.data" --stdio --no-children -q --sort dso 2>/dev/null | awk -v what="$1, $2" '
		NF >= 2 && $1 ~ /%$/ && $1 + 0 >= 0.5 { text = text (text ? ", " : "") $2 " " $1 }
		END { if (text) print "\nperf, " what ": " text }'
}
# Where the time of a command goes: a layer's time less that of the one below it.
stack_of() { # SHAPE
	# shellcheck disable=SC2016
	jq -rs --arg shape "$1" "$JQ_ALL"' [.[] | select(.store == "all-on" and .shape == $shape and .after)] | if length == 0 then empty else .[0] |
		(.after.ios - .before.ios) as $n | [.after.layers, .before.layers] | transpose |
		map({layer: .[0].layer, us: ((.[0].latency_ns - .[1].latency_ns) / 1000 / ([$n, 1] | max))}) |
		. as $l | [range(length) | {layer: $l[.].layer, us: ($l[.].us - ($l[. + 1].us // 0))}] |
		"| \($shape) | " + (map("\(.layer) \(.us | r(1))") | join(" · ")) + " |" end' "$T/results"
}
goals() {
	printf '\n| goal | measured | met |\n|---|---:|---|\n'
	# shellcheck disable=SC2016
	jq -rs "$JQ_ALL"' . as $all |
		def ratio(f; a; b; shape): ($all | value(a; shape; f)) as $x | ($all | value(b; shape; f)) as $y | if $x and $y and $y > 0 then $x / $y else null end;
		def row(name; v; ok): if v == null then empty else "| \(name) | \(v | r(2)) | \(if ok then "yes" else "no" end) |" end;
		("4k-read-1", "4k-read-32", "256k-read-8" | . as $s | ratio(.iops; "all-on"; "plain"; $s) as $v | row("\($s): all-on from its cache ≥ 1.3 × plain with page cache"; $v; $v >= 1.3)),
		("4k-write-1", "4k-write-32", "256k-write-8" | . as $s | ratio(.iops; "all-on"; "plain-sync"; $s) as $v | row("\($s): all-on ≥ 1.0 × plain O_SYNC"; $v; $v >= 1)),
		("4k-write-1", "4k-write-32", "256k-write-8" | . as $s | ratio(.iops; "alone"; "plain-sync"; $s) as $v | row("\($s): without replication ≥ 3 × plain O_SYNC"; $v; $v >= 3)),
		("4k-read-32", "4k-write-32" | . as $s | ratio(cpu; "all-on"; "plain"; $s) as $v | row("\($s): CPU of all-on (tgtd, filterd) ≤ 0.8 × plain"; $v; $v <= 0.8))' "$T/results"
}

# ---------------------------------------------------------------- the report

report() {
	echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r); load average $(cut -d ' ' -f 1-3 /proc/loadavg); $(date -u +%F); rounds=$ROUNDS seconds=$SECONDS_EACH"
	for shape in $SHAPES; do
		table_of "$shape"
	done
	printf '\n### Where the time of a command of all-on goes, µs (the chain'"'"'s counters: waiting; what a filter computes is in the CPU time; what a filter writes itself, as the cache does what it destages, counts in the layers below it)\n\n| shape | layers, top to bottom |\n|---|---|\n'
	for shape in $SHAPES; do
		stack_of "$shape"
	done
	printf '\n### What filterd computes for a command\n'
	for shape in $COMPUTED; do
		for store in alone all-on; do
			computing_of "$store" "$shape"
		done
	done
	for shape in 4k-read-32 4k-write-32; do
		[[ " $STORES " != *" all-on "* || " $SHAPES " != *" $shape "* ]] || perf_of all-on "$shape"
	done
	goals
}

# ---------------------------------------------------------------- the run

matrix_start ''
# What one volume may have of the memory, all of them may: the scene's 256 MiB are one volume's.
for node in a b; do
	[ -z "$IN_MEMORY" ] || mount -t tmpfs -o size=3G tmpfs "$T/$node/flash"
	ctl_on "$node" datastore filter-set d0 cache "flash_path=$T/$node/flash" flash_bytes=2G ram_bytes=1G >/dev/null
done
stores_start
for ((round = 1; round <= ROUNDS; round++)); do
	for shape in $SHAPES; do
		for store in $STORES; do
			measure "$store" "$shape"
		done
	done
done
report >"$T/report"
cat "$T/report"
[ -z "$WRITE" ] || report_write "$T/report" "$ROOT/docs/performance.md" all-on
[ -z "$IN_MEMORY" ] || umount -l "$T"/[ab]/flash
