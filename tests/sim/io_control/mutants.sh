#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# mutants.sh [NUMBER...] - every deliberate fault of I/O control's outer loop (CONTROL_MUTATION_n in
# filterd/filters/io_control) must be caught by sim_io_control.
#
# Of each mutation only the file that contains it is compiled again; the rest is the release build's.
set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tests/lib/mutants.sh
. tests/lib/mutants.sh

folder=filterd/filters/io_control
out=build/mutants_io_control
unit=sim_io_control
sim=build/release/tests/$unit
mkdir -p "$out"
make --no-print-directory -j2 "$sim" >"$out/make.log" 2>&1 || {
	tail -n 20 "$out/make.log"
	exit 1
}

# The line with which make links it; a mutant's object comes first, so the archive's is not used.
mv "$sim" "$out/kept"
link=$(make --no-print-directory -n V=1 "$sim" 2>/dev/null | grep -- "-o $sim ")
mv "$out/kept" "$sim"

# build NUMBER
build()
{
	local file obj

	file=$(grep -lE "CONTROL_MUTATION_$1\b" "$folder"/*.c) || return 1
	obj=$out/$1/obj/io_control_core/${file%.c}.o
	make --no-print-directory B="$out/$1" EXTRA_CFLAGS="-DCONTROL_MUTATION_$1" "$obj" >"$out/$1.log" 2>&1 || return 1
	bash -c "${link/-o ${sim//\//\\/} /-o $out/$1/$unit $obj }" >>"$out/$1.log" 2>&1
}

# check NUMBER: a line; status 0 when caught.
check()
{
	local what began

	what=$(sed -nE "s/.*CONTROL_MUTATION_$1 \/\* (.*) \*\//\1/p" "$folder"/*.c)
	if ! build "$1"; then
		printf '%2s %-42s BROKEN  see %s\n' "$1" "$what" "$out/$1.log"
		return 1
	fi
	began=$EPOCHREALTIME
	# In a shell of its own: that one says "Aborted" into the log.
	if bash -c "timeout 120 $out/$1/$unit; exit \$?" >>"$out/$1.log" 2>&1; then
		printf '%2s %-42s MISSED\n' "$1" "$what"
		return 1
	fi
	mutant_time 'outer loop' "$1" caught "$began" "$unit"
	printf '%2s %-42s caught  %s\n' "$1" "$what" \
		"$(grep -m1 -oE '(NOT MET|FAILED|Assertion).*' "$out/$1.log" | cut -c1-100)"
}

numbers=("$@")
if [ $# = 0 ]; then
	mapfile -t numbers < <(sed -nE 's/^#if(n?)def CONTROL_MUTATION_([0-9]+) .*/\2/p' "$folder"/*.c | sort -n)
	"$sim" >"$out/unmutated.log" 2>&1 || {
		echo "mutants: it fails without any fault, see $out/unmutated.log"
		exit 1
	}
fi
missed=0
for n in "${numbers[@]}"; do
	check "$n" || missed=$((missed + 1))
done
echo "mutants: ${#numbers[@]} faults, $((${#numbers[@]} - missed)) caught, $missed missed"
[ "$missed" = 0 ]
