# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# mutants.sh - for scripts that break a pure algorithm on purpose, one fault at a time, to see its tests notice.
#
# The script defines first_to_fail NAME, which builds the code with that fault and prints what saw it first, nothing when
# nothing did; it fails when the build does. Without a fault (NONE) everything must pass.

# names_of_mutants HEADER PREFIX: the faults that the header lists as PREFIX_MUTATION_<NAME>, a line each.
names_of_mutants()
{
	sed -nE "s/^\t$2_MUTATION_([A-Z_]+),.*/\1/p" "$1" | grep -vx 'NONE\|END'
}

# judge_mutants TITLE BY NAME...: the table, and the sum as the last line; fails when one was missed. BY stands before what saw it.
judge_mutants()
{
	local title=$1 by=$2 name seen verdict missed=0

	shift 2
	for name in "$@"; do
		if ! seen=$(first_to_fail "$name"); then
			seen='' verdict=BROKEN
		else
			verdict=$([ -n "$seen" ] && echo caught || echo MISSED)
		fi
		[ "$verdict" = caught ] || missed=$((missed + 1))
		printf '%-22s %s   %s\n' "$name" "$verdict" "${seen:+by $by$seen}"
	done
	if ! seen=$(first_to_fail NONE) || [ -n "$seen" ]; then
		echo "without a fault: FAILED $seen"
		missed=$((missed + 1))
	fi
	echo "$title mutants: $# faults, $(($# - missed)) caught, $missed missed"
	[ "$missed" = 0 ]
}
