#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 900 s
#
# mutants.sh [--long | NAME...] - every deliberate fault of filterd/layer/layer_mutate.h must be caught by the simulator of layers.
#
# Three are tried with --long alone, since 4,000 seeds do not see them. NO_FLUSH_AT_OPEN: a page must be written and not
# flushed at a kill, its block written again by the next process, and the power go then. COPY_LEAVES_REST and
# RECORD_LEFT: tests/unit/test_layer_merge.c makes just what they need.
set -u
cd "$(dirname "$0")/../../.." || exit 1
. tests/lib/mutants.sh

out=build/mutants_layer
sim=build/release/bin/sim_layer_mutants
seeds=4000
rare='^(NO_FLUSH_AT_OPEN|COPY_LEAVES_REST|RECORD_LEFT)$'
if [ "${1:-}" = --long ]; then
	shift
	seeds=200000 rare='^$'
fi
mkdir -p "$out"
make --no-print-directory -j2 "$sim" >"$out/make.log" 2>&1 || {
	tail -n 20 "$out/make.log"
	exit 1
}

# In the order of the enum, whose first, 0, is none.
mapfile -t all < <(names_of_mutants filterd/layer/layer_mutate.h LAYER)

# The seed that saw it, or the script whose every call was tried. A crash is a catch too.
first_to_fail()
{
	local number=0 i log=$out/$1.log count=$seeds

	for i in "${!all[@]}"; do
		[ "${all[i]}" != "$1" ] || number=$((i + 1))
	done
	[ "$number" != 0 ] || count=300
	timeout 600 "$sim" --mutation "$number" --jobs 2 --count "$count" >"$log" 2>&1 && return
	sed -nE 's/.*first failed seed ([0-9]+).*/\1/p' "$log" | grep . || echo 'an assertion'
}

# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(printf '%s\n' "${all[@]}" | grep -vE "$rare")
judge_mutants 'layer' 'seed ' "$@"
