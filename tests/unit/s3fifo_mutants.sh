#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 200 s
#
# s3fifo_mutants.sh [NAME...] - every deliberate fault of the cache's eviction must be caught by its test.
#
# The list is filterd/filters/cache/s3fifo_mutate.h. The test is compiled once and linked with the S3-FIFO of each
# fault; the table says which of its cases saw it first. Without a fault all of them must pass.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/mutants.sh
. tests/lib/mutants.sh

core=filterd/filters/cache
out=build/mutants/s3fifo
read -ra flags <<<"-std=c11 -D_GNU_SOURCE -O2 -Wall -Werror -I$core -Itests/unit -Itests/sim"

mkdir -p "$out"
for src in tests/unit/s3fifo_model.c tests/unit/test_cache_s3fifo.c; do
	gcc "${flags[@]}" -c "$src" -o "$out/$(basename "$src" .c).o" || exit 1
done

# first_to_fail NAME: builds S3-FIFO with that fault; prints the first case that fails, nothing when none does.
first_to_fail()
{
	local name=$1 dir=$out/$1 rc

	mkdir -p "$dir"
	for src in "$core"/s3fifo*.c; do
		gcc "${flags[@]}" -DS3FIFO_MUTATION="S3FIFO_MUTATION_$name" -c "$src" \
			-o "$dir/$(basename "$src" .c).o" || return 1
	done
	gcc -o "$dir/test" "$out/test_cache_s3fifo.o" "$out/s3fifo_model.o" "$dir"/s3fifo*.o -lcmocka || return 1
	# A fault may well end in a crash or an endless chain.
	(ulimit -c 0 && exec timeout 20 "$dir/test") >"$dir/log" 2>&1
	rc=$?
	[ "$rc" = 0 ] && return 0
	sed -nE 's/^\[  FAILED  \] ([a-z].*)/\1/p' "$dir/log" | head -n 1 | grep . || echo "a crash, status $rc"
}

if [ $# -gt 0 ]; then
	names=("$@")
else
	mapfile -t names < <(names_of_mutants "$core/s3fifo_mutate.h" S3FIFO)
fi
judge_mutants s3fifo '' "${names[@]}"
