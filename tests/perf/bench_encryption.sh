#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 300 s
#
# bench_encryption.sh [ROUNDS] - the same load over iSCSI on an encrypted volume and on one that is not, turn and turn
# about, both of 4096-byte blocks in memory; then EVP alone against the filter (bench_xts). Prints tables; passes or
# fails nothing. The goal is 97 % of the IOPS at 4 KiB and depth 32.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
need_tools iscsi_bench bench_xts
ROUNDS=${1:-5}

volume() { # NAME LUN
	volume_new "$1" --datastore m0 --size 256M --block-bytes 4096
	if [ "$1" = encrypted ]; then
		ctl filter attach "$1" encryption >/dev/null
		wait_until 5 "the filter to have looked for a header" encryption_is "$1" unformatted
		encryption "$1" format '' kek >/dev/null
	fi
	lun_sluice a 1 "$2" "$1"
	wait_until 10 "the LUN" lun_is_ready "$(url a 1 "$2")"
}
run() { # LUN option...
	local url
	url=$(url a 1 "$1")
	shift
	timeout 60 "$(tool iscsi_bench)" --region-bytes $((256 << 20)) --seconds 2 "$@" "$url" | tail -n 1 | jq .iops
}
median() { sort -n | sed -n "$(((ROUNDS + 1) / 2))p"; }

key_new kek
filterd_start
datastore_mem m0
tgtd_start a
target_new a 1
volume plain 1
volume encrypted 2
for lun in 1 2; do # every block is written once: no holes
	run "$lun" --bytes 1048576 --depth 8 --write-pct 100 --sequential >/dev/null
done
printf '%-42s %10s %10s %6s\n' "load" plain encrypted "%"
for shape in "--bytes 4096 --depth 32" "--bytes 4096 --depth 32 --write-pct 100" \
	"--bytes 262144 --depth 8" "--bytes 262144 --depth 8 --write-pct 100"; do
	: >"$T/1"
	: >"$T/2"
	for ((i = 0; i < ROUNDS; i++)); do
		# Who comes second finds the machine as the first has left it: so the order changes.
		for lun in $((i % 2 + 1)) $((2 - i % 2)); do
			# shellcheck disable=SC2086 # the shape is words
			run "$lun" $shape >>"$T/$lun"
		done
	done
	one=$(median <"$T/1") two=$(median <"$T/2")
	printf '%-42s %10.0f %10.0f %6.1f\n' "${shape//--/}" "$one" "$two" "$(jq -n "100 * $two / $one")"
done
"$(tool bench_xts)" "$FILTERS" 2>/dev/null
