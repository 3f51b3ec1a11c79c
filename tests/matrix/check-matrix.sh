#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# check-matrix.sh - every combination of filters against every column of the matrix, and docs/matrix.md from it. As root:
#
#     make check-matrix [ROWS="rxc rc"] [CONFORMANCE=regex]
#     tests/matrix/check-matrix.sh --table       the table again from what has been run
#
# A row is one run of test-matrix-all-on-under-load.sh; what a cell ends is begun again with the next cell, so that one failure
# hides no other. What came out is in build/matrix/ROW, a line for each cell: "column verdict words"; rows that are not run
# again keep what they had. The exit status is 0 when no cell failed.
set -euo pipefail
cd "$(dirname "$0")/../.."
export ROOT=$PWD VARIANT=release
OUT=build/matrix
TEST=tests/integration/test-matrix-all-on-under-load.sh
ROW_LIMIT_S=${ROW_LIMIT_S:-3600}
# shellcheck disable=SC1090,SC2034 # the lists alone; sourcing the files would want a sandbox
eval "$(sed -n '/^MATRIX_ROWS=/p' tests/lib/matrix.sh; sed -n '/^MATRIX_COLUMNS=/p' tests/lib/matrix_columns.sh)"
ROWS=${ROWS:-$MATRIX_ROWS}
declare -A TITLE=([conformance]="conformance" [kill]="kill, hang" [grow]="grow" [snapshot]="snapshot, revert" [change]="filters changed"
	[handover]="planned failover" [failover]="forced failover" [rekey]="deep rekey" [full]="datastore full" [flash]="flash lost"
	[peer]="peer lost" [key]="key lost")

# ---------------------------------------------------------------- running

# The columns after this one.
behind() {
	local column found=
	for column in $MATRIX_COLUMNS; do
		[ -z "$found" ] || printf '%s ' "$column"
		[ "$column" != "$1" ] || found=1
	done
}
first_failure() { grep -m 1 '^FAIL' "$1" | cut -c 7-240 || true; }

run_row() {
	local row=$1 cells=$MATRIX_COLUMNS log last rc part=0
	rm -f "$OUT/$row"
	while [ -n "${cells// /}" ]; do
		part=$((part + 1))
		log=$OUT/$row.$part.log
		rc=0
		ROW=$row CELLS=$cells EACH_VERIFIED=1 CONFORMANCE=${CONFORMANCE:-.} timeout -k 5 "$ROW_LIMIT_S" "$TEST" >"$log" 2>&1 || rc=$?
		awk '$1 == "CELL" { $1 = $2 = ""; sub(/^ +/, ""); print }' "$log" >>"$OUT/$row"
		last=$(awk '$1 == "BEGIN" { print $3 }' "$log" | tail -n 1)
		[ "$rc" != 0 ] || return 0
		# The end of a run belongs to its last cell, and a run without any to its first.
		last=${last:-${cells%% *}}
		sed -i "/^$last /d" "$OUT/$row"
		echo "$last fail $(first_failure "$log")" >>"$OUT/$row"
		cells=$(behind "$last")
	done
}

# ---------------------------------------------------------------- the table

declare -a NOTES=()
# note_of WORDS: its number in $NOTE
note_of() {
	local i
	for i in "${!NOTES[@]}"; do
		if [ "${NOTES[i]}" = "$1" ]; then
			NOTE=$((i + 1))
			return
		fi
	done
	NOTES+=("$1")
	NOTE=${#NOTES[@]}
}
# cell ROW COLUMN: its text in $CELL
cell() {
	local line verdict words
	line=$(grep -E "^($2|all) " "$OUT/$1" 2>/dev/null | head -n 1) || true
	[ -n "$line" ] || line="$2 -"
	read -r _ verdict words <<<"$line"
	CELL=$verdict
	[ -n "$words" ] || return 0
	note_of "$words"
	CELL="$verdict ($NOTE)"
}
mark() { if [[ $1 != none && $1 == *$2* ]]; then echo "$3"; else echo "–"; fi; }
encryption_mark() {
	case $1 in
	*x*) echo "above" ;;
	*y*) echo "below" ;;
	*) echo "–" ;;
	esac
}
table() {
	local row column i
	cat <<-END
		<!-- SPDX-License-Identifier: MIT -->
		# All filters together

		Written by \`make check-matrix\`; do not edit. One volume for each row, on two appliances with real tgtd, real iSCSI and a load that
		knows what every block may hold. Replication is sync (it goes on alone when the peer is lost), the cache is write-back with its log on
		flash, io_control has a reservation and watches the datastore. Encryption "above": the property "allow filters before encryption" is
		false, and replication carries ciphertext; "below": it is true.

		*pass*: what the column does was done, and no acknowledged block was lost. *n.a.*: the row has nothing of the kind. *refused*: the
		product does not take the combination, and says why. *fail*: a defect. A dash: not run.

	END
	printf '| replication | encryption | cache | io_control |'
	for column in $MATRIX_COLUMNS; do printf ' %s |' "${TITLE[$column]}"; done
	printf '\n|---|---|---|---|'
	for column in $MATRIX_COLUMNS; do printf -- '---|'; done
	echo
	for row in $MATRIX_ROWS; do
		printf '| %s | %s | %s | %s |' "$(mark "$row" r sync)" "$(encryption_mark "$row")" "$(mark "$row" c write-back)" "$(mark "$row" i yes)"
		for column in $MATRIX_COLUMNS; do
			cell "$row" "$column"
			printf ' %s |' "$CELL"
		done
		echo
	done
	echo
	for i in "${!NOTES[@]}"; do
		echo "$((i + 1)). ${NOTES[i]}"
	done
	cat <<-'END'

		What each column does is in `tests/lib/matrix_columns.sh`. *Kill, hang*: SIGKILL and SIGSTOP of the serving sluice-filterd under load; a
		replicated volume's initiators wait until its peer has confirmed its role. *Key lost*: the appliance starts again
		with nobody to give it the key; it serves nothing until the key is there. A running volume asks nobody for its key.
	END
}

mkdir -p "$OUT"
if [ "${1:-}" != --table ]; then
	for row in $ROWS; do
		echo "row $row ..."
		from=$SECONDS
		run_row "$row"
		echo "row $row: $((SECONDS - from)) s: $(awk '{ n[$2]++ } END { for (v in n) printf "%s %s  ", n[v], v }' "$OUT/$row")"
		table >docs/matrix.md
	done
fi
table >docs/matrix.md
read -r -a rows <<<"$ROWS"
! grep -E '^[a-z]+ fail' "${rows[@]/#/$OUT/}"
