#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# bench_encryption.sh [ROUNDS] - the same load over iSCSI on an encrypted volume and on one that is not, turn and turn
# about, both of 4096-byte blocks in memory; then what a deep rekey of a volume costs its own load, paused and going on
# in turns, on files; then EVP alone against the filter (bench_xts). Medians; beside the IOPS the CPU time that filterd's
# child took per I/O, which other work of the machine disturbs less. Prints tables; passes or fails nothing. The goals:
# 97 % of the IOPS at 4 KiB and depth 32, 90 % of them while a volume is given a new key.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
need_tools iscsi_bench bench_xts
ROUNDS=${1:-9}
HZ=$(getconf CLK_TCK)

volume() { # NAME LUN DATASTORE SIZE
	volume_new "$1" --datastore "$3" --size "$4" --block-bytes 4096
	if [ "$1" != plain ]; then
		ctl filter attach "$1" encryption >/dev/null
		wait_until 5 "the filter to have looked for a header" encryption_is "$1" unformatted
		encryption "$1" format '' kek >/dev/null
	fi
	lun_sluice a 1 "$2" "$1"
	wait_until 10 "the LUN" lun_is_ready "$(url a 1 "$2")"
}
cpu_ticks() { # of filterd's child
	local fields
	read -r -a fields <<<"$(sed 's/.*) //' "/proc/$(filterd_child)/stat")"
	echo $((fields[11] + fields[12]))
}
# run LUN SIZE option...: "IOPS, microseconds of CPU per I/O"
run() {
	local url region=$2 before after
	url=$(url a 1 "$1")
	shift 2
	before=$(cpu_ticks)
	timeout 60 "$(tool iscsi_bench)" --region-bytes "$region" --seconds 2 --warm-ms 0 "$@" "$url" | tail -n 1 >"$T/bench.json"
	after=$(cpu_ticks)
	jq -r --argjson t $((after - before)) --argjson hz "$HZ" '"\(.iops) \(1e6 * $t / $hz / (.iops * 2))"' "$T/bench.json"
}
median() { cut -d ' ' -f "$1" "$2" | sort -n | sed -n "$(((ROUNDS + 1) / 2))p"; }
line() { # NAME: the medians of $T/1 and $T/2
	local one two
	one=$(median 1 "$T/1") two=$(median 1 "$T/2")
	printf '%-42s %10.0f %10.0f %6.1f %9.2f %9.2f\n' "$1" "$one" "$two" "$(jq -n "100 * $two / $one")" \
		"$(median 2 "$T/1")" "$(median 2 "$T/2")"
}
head_line() { printf '%-42s %10s %10s %6s %9s %9s\n' "$1" "$2" "$3" "%" "us CPU" "us CPU"; }

key_new kek
key_new new
filterd_start
datastore_mem m0
datastore_dir d0
tgtd_start a
target_new a 1
volume plain 1 m0 256M
volume encrypted 2 m0 256M
for lun in 1 2; do # every block is written once: no holes
	run "$lun" $((256 << 20)) --bytes 1048576 --depth 8 --write-pct 100 --sequential >/dev/null
done
head_line load plain encrypted
for shape in "--bytes 4096 --depth 32" "--bytes 4096 --depth 32 --write-pct 100" \
	"--bytes 262144 --depth 8" "--bytes 262144 --depth 8 --write-pct 100"; do
	: >"$T/1"
	: >"$T/2"
	for ((i = 0; i < ROUNDS; i++)); do
		# Who comes second finds the machine as the first has left it: so the order changes.
		for lun in $((i % 2 + 1)) $((2 - i % 2)); do
			# shellcheck disable=SC2086 # the shape is words
			run "$lun" $((256 << 20)) $shape >>"$T/$lun"
		done
	done
	line "${shape//--/}"
done

# ---- a deep rekey beside the volume's own load
SIZE=$((1 << 30))
volume files 3 d0 1G
run 3 $SIZE --bytes 1048576 --depth 8 --write-pct 100 --sequential --seconds 8 >/dev/null
kek=kek
next=new
done_bytes() { encryption files status | jq -r '.reencrypt.done_bytes // 0'; }
walks() { # word: pause or resume
	local swap
	if ! encryption files "reencrypt_$1" >/dev/null 2>&1; then # there is none (any more)
		encryption files rekey_deep '{"key_id": "x"}' "$kek" "$next" >/dev/null
		swap=$kek kek=$next next=$swap
		encryption files "reencrypt_$1" >/dev/null
	fi
}
head_line "a deep rekey, on files" "paused" "going on"
for shape in "--bytes 4096 --depth 32" "--bytes 4096 --depth 32 --write-pct 30" "--bytes 262144 --depth 8 --write-pct 30"; do
	: >"$T/1"
	: >"$T/2"
	walked=0
	for ((i = 0; i < ROUNDS; i++)); do
		for way in $((i % 2 + 1)) $((2 - i % 2)); do
			if [ "$way" = 1 ]; then walks pause; else walks resume; fi
			before=$(done_bytes)
			# shellcheck disable=SC2086 # the shape is words
			run 3 $SIZE $shape >>"$T/$way"
			after=$(done_bytes)
			# A walk that came to its end meanwhile says nothing.
			[ "$way" = 1 ] || [ "$after" -lt "$before" ] || walked=$((walked + after - before))
		done
	done
	line "${shape//--/}"
	echo "   the walk did $((walked / ROUNDS / 2 >> 10)) KiB/s beside it"
done
"$(tool bench_xts)" "$FILTERS" 2>/dev/null
