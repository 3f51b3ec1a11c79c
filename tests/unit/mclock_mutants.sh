#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 300 s
#
# mclock_mutants.sh [NAME...] - every deliberate fault of the I/O control scheduler must be caught by its tests.
#
# The list is filterd/filters/io_control/mclock_mutate.h. The tests are compiled once and linked with the scheduler
# of each fault; the table says which test saw it first. Without a fault all of them must pass.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/mutants.sh
. tests/lib/mutants.sh

core=filterd/filters/io_control
out=build/mutants/mclock
# The fastest first.
tests="order time background reservations shares limits random"
read -ra flags <<<"-std=c11 -D_GNU_SOURCE -O2 -Wall -Werror -I$core -Itests/unit"

mkdir -p "$out"
for src in tests/unit/mclock_{rig,model}.c tests/unit/test_mclock_*.c; do
	gcc "${flags[@]}" -c "$src" -o "$out/$(basename "$src" .c).o" || exit 1
done
for src in tests/unit/test_mclock_*.c; do
	name=$(basename "$src" .c)
	[[ " $tests " == *" ${name#test_mclock_} "* ]] || tests+=" ${name#test_mclock_}"
done

# first_to_fail NAME: builds the scheduler with that fault; prints the first test that fails, nothing when none does.
first_to_fail()
{
	local name=$1 dir=$out/$1 t

	mkdir -p "$dir"
	for src in "$core"/mclock*.c; do
		gcc "${flags[@]}" -DMCLOCK_MUTATION="MCLOCK_MUTATION_$name" -c "$src" \
			-o "$dir/$(basename "$src" .c).o" || return 1
	done
	for t in $tests; do
		gcc -o "$dir/$t" "$out/test_mclock_$t.o" "$out"/mclock_{rig,model}.o "$dir"/mclock*.o -lcmocka || return 1
		if ! timeout 60 "$dir/$t" >"$dir/$t.log" 2>&1; then
			echo "$t"
			return 0
		fi
	done
}

if [ $# -gt 0 ]; then
	names=("$@")
else
	mapfile -t names < <(names_of_mutants "$core/mclock_mutate.h" MCLOCK)
fi
judge_mutants mclock 'test_mclock_' "${names[@]}"
