#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# One volume with replication, encryption, write-back and I/O control together: conformance, kill and hang, growth,
# snapshot and revert, filters changed, planned and forced failover, deep rekey, a full datastore, lost flash, a lost peer and a
# lost key, each under verified load or beside it; no acknowledged block is lost. "make check-matrix" runs it for all
# combinations:
#
#     ROW=rxc CELLS="kill rekey" CONFORMANCE=. tests/integration/test-matrix-all-on-under-load.sh
#
# Prints "BEGIN row column" and "CELL row column pass|refused|n.a. words".
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/matrix.sh
. "$ROOT/tests/lib/matrix.sh"
# shellcheck source=tests/lib/conformance.sh
. "$ROOT/tests/lib/conformance.sh"
# shellcheck source=tests/lib/matrix_columns.sh
. "$ROOT/tests/lib/matrix_columns.sh"
need_tools verify_load scsi_sh
command -v iscsi-test-cu >/dev/null || skip "iscsi-test-cu is not installed; apt-get install libiscsi-bin"
ROW=${ROW:-rxci}
CELLS=${CELLS:-$MATRIX_COLUMNS}
CONFORMANCE=${CONFORMANCE:-'(Write16|Unmap|CompareAndWrite)[.]Simple$'}
SIZE_MIB=32
P=a S=b
export JOURNAL_BYTES=33554432 WALK_BYTES_PER_S=16777216
expect_error 'the last sluice-filterd ended by|filter_hung|does not answer for|ended by (a hang|signal 9)|crash loop|cache_|destage|No space|full'

matrix_start 640M
for n in a b; do
	adm_on $n --op new --mode portal --param "portal=$(address_of $n):3261"
done
if ! matrix_volume "$ROW" v0 1 "${SIZE_MIB}M"; then
	grep -q "refuses" "$T/refused" || die "row $ROW: $(tr '\n' ' ' <"$T/refused")"
	echo "CELL $ROW all refused $(cat "$T"/attach-*.json | jq -r '.error.text // empty' | head -n 1)"
	exit 0
fi
matrix_ready "$ROW" v0 a
for cell in $CELLS; do
	echo "BEGIN $ROW $cell"
	from=$(now_ms) IS_HERE=1 SAID=
	"column_$cell"
	[ -z "${EACH_VERIFIED:-}" ] || quiet
	if [ -n "$IS_HERE" ]; then
		note "$cell: $(($(now_ms) - from)) ms"
		echo "CELL $ROW $cell pass $SAID"
	else
		echo "CELL $ROW $cell n.a. $SAID"
	fi
done
quiet
