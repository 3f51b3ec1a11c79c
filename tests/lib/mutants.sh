# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# mutants.sh - for scripts that break an algorithm on purpose, one fault at a time, to see its tests notice.
#
# judge_mutants: the script defines first_to_fail NAME, which builds the code with that fault and prints what saw it first,
# nothing when nothing did; it fails when the build does. Without a fault (NONE) everything must pass.
#
# judge_simulated: one program takes the fault by its number. The script defines catch NUMBER LOG, which runs it, succeeds
# when the fault was caught, and prints how; what was seen stands in LOG after the word FAILED.

# With MUTANT_TIMES=FILE each script also appends there, for scripts/mutation-table.sh, what it found of each fault:
# list, name, caught or not, seconds until then, and by what; with tabs in between.

# mutant_time LIST NAME VERDICT BEGAN BY: BEGAN as $EPOCHREALTIME was then.
mutant_time()
{
	[ -n "${MUTANT_TIMES:-}" ] || return 0
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" \
		"$(awk -v a="$4" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')" "$5" >>"$MUTANT_TIMES"
}

# names_of_mutants HEADER PREFIX: the faults that the header lists as PREFIX_MUTATION_<NAME>, a line each.
names_of_mutants()
{
	sed -nE "s/^\t$2_MUTATION_([A-Z0-9_]+),.*/\1/p" "$1" | grep -vx 'NONE\|END'
}

# judge_mutants TITLE BY NAME...: the table, and the sum as the last line; fails when one was missed. BY stands before what saw it.
judge_mutants()
{
	local title=$1 by=$2 name seen verdict began missed=0

	shift 2
	for name in "$@"; do
		began=$EPOCHREALTIME
		if ! seen=$(first_to_fail "$name"); then
			seen='' verdict=BROKEN
		else
			verdict=$([ -n "$seen" ] && echo caught || echo MISSED)
		fi
		[ "$verdict" = caught ] || missed=$((missed + 1))
		mutant_time "$title" "$name" "$verdict" "$began" "$by$seen"
		printf '%-22s %s   %s\n' "$name" "$verdict" "${seen:+by $by$seen}"
	done
	if ! seen=$(first_to_fail NONE) || [ -n "$seen" ]; then
		echo "without a fault: FAILED $seen"
		missed=$((missed + 1))
	fi
	echo "$title mutants: $# faults, $(($# - missed)) caught, $missed missed"
	[ "$missed" = 0 ]
}

# judge_simulated TITLE PROGRAM HEADER PREFIX NAME...: makes the program, then two faults at a time; no NAME: all.
judge_simulated()
{
	local title=$1 program=$2 header=$3 prefix=$4 all names missed=0 i name pid pids out

	shift 4
	out=build/mutants/$(basename "$program")
	mkdir -p "$out"
	make --no-print-directory -j2 "$program" >"$out/make.log" 2>&1 || {
		tail -n 20 "$out/make.log"
		return 1
	}
	mapfile -t all < <(names_of_mutants "$header" "$prefix")
	names=("$@")
	[ $# -gt 0 ] || names=("${all[@]}")
	for ((i = 0; i < ${#names[@]}; i += 2)); do
		pids=()
		for name in "${names[@]:i:2}"; do
			row_of "$title" "$name" "$out/$name.log" "${all[@]}" >"$out/$name.row" &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do
			wait "$pid" || missed=$((missed + 1))
		done
		for name in "${names[@]:i:2}"; do
			cat "$out/$name.row"
		done
	done
	echo "$title mutants: ${#names[@]} faults, $((${#names[@]} - missed)) caught, $missed missed"
	[ "$missed" = 0 ]
}

# row_of TITLE NAME LOG ALL...: its line of the table; status 0 when it was caught. A fault's number is its place in the header.
row_of()
{
	local title=$1 name=$2 log=$3 number=0 began=$EPOCHREALTIME how each suite

	shift 3
	for each in "$@"; do
		number=$((number + 1))
		[ "$each" != "$name" ] || break
	done
	if [ "$each" != "$name" ]; then
		printf '%-22s there is no such fault\n' "$name"
		return 1
	fi
	if ! how=$(catch "$number" "$log"); then
		mutant_time "$title" "$name" MISSED "$began" ''
		printf '%-22s MISSED\n' "$name"
		return 1
	fi
	suite=$(basename "${sim:-$title}")
	mutant_time "$title" "$name" caught "$began" "${suite%_mutants}, $how"
	printf '%-22s caught   %-11s  %s\n' "$name" "$how" \
		"$(grep -m1 -oE '(FAILED|Assertion).*' "$log" | sed -E 's/^FAILED[^:]*: //' | cut -c1-90)"
}
