#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# check-matrix.sh - every combination of filters against every column of the matrix, and docs/matrix.md from it. As root:
#
#     make check-matrix [ROWS="rxc rc"] [CELLS="kill rekey"] [CONFORMANCE=regex] [JOBS=2] [RESUME=1]
#     tests/matrix/check-matrix.sh --table       the table again from what has been run
#
# A row is one run of test-matrix-all-on-under-load.sh; what a cell ends is begun again with the next cell, so that one failure
# hides no other. JOBS rows run side by side. What came out is in build/matrix/ROW, a line for each cell: "column verdict commit
# words"; what is not run again keeps what it had, of a clean tree what docs/matrix.md says. RESUME=1 runs what has not passed
# yet. The exit status is 0 when no cell of these rows failed.
set -euo pipefail
cd "$(dirname "$0")/../.."
export ROOT=$PWD VARIANT=release
OUT=build/matrix
TEST=tests/integration/test-matrix-all-on-under-load.sh
ROW_LIMIT_S=${ROW_LIMIT_S:-3600}
# shellcheck disable=SC1090,SC2034 # the lists alone; sourcing the files would want a sandbox
eval "$(sed -n '/^MATRIX_ROWS=/p' tests/lib/matrix.sh; sed -n '/^MATRIX_COLUMNS=/p' tests/lib/matrix_columns.sh)"
ROWS=${ROWS:-$MATRIX_ROWS} CELLS=${CELLS:-$MATRIX_COLUMNS} MATRIX_JOBS=${JOBS:-1}
COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || COMMIT+=+
declare -A TITLE=([conformance]="conformance" [kill]="kill, hang" [grow]="grow" [snapshot]="snapshot, revert" [change]="filters changed"
	[handover]="planned failover" [failover]="forced failover" [rekey]="deep rekey" [full]="datastore full" [flash]="flash lost"
	[peer]="peer lost" [key]="key lost")

# ---------------------------------------------------------------- running

# Of these columns, those after this one.
behind() { # COLUMN COLUMNS
	local column found=
	for column in $2; do
		[ -z "$found" ] || printf '%s ' "$column"
		[ "$column" != "$1" ] || found=1
	done
}
# What is to be run of a row.
wanted() {
	local column
	for column in $CELLS; do
		[ -n "${RESUME:-}" ] && grep -qE "^($column|all) (pass|n\.a\.|refused)" "$OUT/$1" 2>/dev/null || printf '%s ' "$column"
	done
}
forget() { # ROW COLUMNS
	local column
	touch "$OUT/$1"
	for column in all $2; do
		sed -i "/^$column /d" "$OUT/$1"
	done
}
first_failure() { grep -m 1 '^FAIL' "$1" | cut -c 7-240 || true; }

run_row() {
	local row=$1 cells log last rc part=0
	cells=$(wanted "$row")
	[ -z "${cells// /}" ] || forget "$row" "$cells"
	while [ -n "${cells// /}" ]; do
		part=$((part + 1))
		log=$OUT/$row.$part.log
		rc=0
		ROW=$row CELLS=$cells EACH_VERIFIED=1 CONFORMANCE=${CONFORMANCE:-.} timeout -k 5 "$ROW_LIMIT_S" "$TEST" >"$log" 2>&1 || rc=$?
		awk -v commit="$COMMIT" '$1 == "CELL" { $1 = $2 = ""; sub(/^ +/, ""); $2 = $2 " " commit; print }' "$log" >>"$OUT/$row"
		[ "$rc" != 0 ] || return 0
		last=$(awk '$1 == "BEGIN" { print $3 }' "$log" | tail -n 1)
		# The end of a run belongs to its last cell, and a run without any to its first.
		last=${last:-${cells%% *}}
		sed -i "/^$last /d" "$OUT/$row"
		if [ "$rc" = 77 ]; then
			tail -n 1 "$log"
			exit 77
		fi
		echo "$last fail $COMMIT $(first_failure "$log")" >>"$OUT/$row"
		cells=$(behind "$last" "$cells")
	done
}
row_with_words() {
	local from=$SECONDS
	run_row "$1"
	echo "row $1: $((SECONDS - from)) s: $(awk '{ n[$2]++ } END { for (v in n) printf "%s %s  ", n[v], v }' "$OUT/$1")"
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
	read -r _ verdict _ words <<<"$line"
	CELL=$verdict
	[ -n "$words" ] || return 0
	note_of "$words"
	CELL="$verdict ($NOTE)"
}
mark() { if [[ $1 != none && $1 == *$2* ]]; then echo "$3"; else echo "–"; fi; }
run_on() { awk '!seen[$3]++ { printf "%s%s", (n++ ? ", " : ""), $3 } END { if (!n) printf "–" }' "$OUT/$1" 2>/dev/null || echo "–"; }
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
		product does not take the combination, and says why. *fail*: a defect. A dash: not run. *run on*: the commits that the row's cells
		were run on, with a plus what was not committed.

	END
	printf '| replication | encryption | cache | io_control |'
	for column in $MATRIX_COLUMNS; do printf ' %s |' "${TITLE[$column]}"; done
	printf ' run on |\n|---|---|---|---|'
	for column in $MATRIX_COLUMNS run_on; do printf -- '---|'; done
	echo
	for row in $MATRIX_ROWS; do
		printf '| %s | %s | %s | %s |' "$(mark "$row" r sync)" "$(encryption_mark "$row")" "$(mark "$row" c write-back)" "$(mark "$row" i yes)"
		for column in $MATRIX_COLUMNS; do
			cell "$row" "$column"
			printf ' %s |' "$CELL"
		done
		printf ' %s |\n' "$(run_on "$row")"
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

# What docs/matrix.md says of rows of which nothing is kept: its lines have the order of the rows.
take_up_docs() {
	local row number=0
	for row in $MATRIX_ROWS; do
		number=$((number + 1))
		[ -e "$OUT/$row" ] || awk -v number="$number" -v columns="$MATRIX_COLUMNS" '
			NR == FNR { if (match($0, /^[0-9]+\. /)) note[int($1)] = substr($0, RLENGTH + 1); next }
			/^\|/ && ++lines == number + 2 {
				n = split($0, cell, / *\| */); count = split(columns, column, " ")
				commit = n > count + 6 ? cell[count + 6] : "-"
				gsub(/, */, "/", commit) # one word
				for (i = 1; i <= count; i++) {
					split(cell[i + 5], word, / *[()] */)
					if (word[1] != "-") print column[i], word[1], commit, note[int(word[2])]
				}
			}' docs/matrix.md docs/matrix.md >"$OUT/$row"
	done
}

mkdir -p "$OUT"
take_up_docs
if [ "${1:-}" != --table ]; then
	running=0 failed=
	for row in $ROWS; do
		if [ "$running" -ge "$MATRIX_JOBS" ]; then
			wait -n || failed=1
			table >docs/matrix.md
		else
			running=$((running + 1))
		fi
		echo "row $row ..."
		row_with_words "$row" &
	done
	while [ "$running" -gt 0 ]; do
		wait -n || failed=1
		running=$((running - 1))
		table >docs/matrix.md
	done
	[ -z "$failed" ] || exit 1
fi
table >docs/matrix.md
read -r -a rows <<<"$ROWS"
! grep -E '^[a-z]+ fail' "${rows[@]/#/$OUT/}"
