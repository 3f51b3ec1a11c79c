#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 900 s
#
# mutants.sh [--long | NAME...] - every deliberate fault of filterd/layer/layer_mutate.h must be caught by the simulator of layers.
#
# Some need more luck than 4,000 seeds have (a kill, a write of the same block by the next process, a power cut):
# tests/unit/test_layer_merge.c makes just what they need, or sees the missing flush itself. --long: the simulator alone,
# with more seeds.
set -u
cd "$(dirname "$0")/../../.." || exit 1
. tests/lib/mutants.sh

out=build/mutants_layer
sim=build/release/bin/sim_layer_mutants
unit=build/release/bin/test_layer_merge_mutants
seeds=4000
scripted='^(COPY_LEAVES_REST|RECORD_LEFT|NO_FLUSH_AT_OPEN|TORN_SLOT_STAYS|MERGE_SOURCE_NOT_FLUSHED|MERGED_LET_GO|IMAGE_NOT_FLUSHED|CHAIN_READ_ONCE)$'
if [ "${1:-}" = --long ]; then
	shift
	seeds=200000 scripted='^$'
fi
mkdir -p "$out"
make --no-print-directory -j2 "$sim" "$unit" >"$out/make.log" 2>&1 || {
	tail -n 20 "$out/make.log"
	exit 1
}

# In the order of the enum, whose first, 0, is none.
mapfile -t all < <(names_of_mutants filterd/layer/layer_mutate.h LAYER)

# The seed or the unit test that saw it. A crash is a catch too, and so is a test that hangs.
first_to_fail()
{
	local number=0 i log=$out/$1.log count=$seeds

	for i in "${!all[@]}"; do
		[ "${all[i]}" != "$1" ] || number=$((i + 1))
	done
	[ "$number" != 0 ] || count=300
	if [ "$number" = 0 ] || [[ $1 =~ $scripted ]]; then
		LAYER_MUTATION=$number timeout 60 "$unit" >"$log" 2>&1 || {
			# The last one that began, where it died of it.
			sed -nE 's/^\[ *FAILED *\] ([a-z_]+)$/\1/p' "$log" | head -n 1 | grep . ||
				sed -nE 's/^\[ RUN *\] //p' "$log" | tail -n 1
			return
		}
		[ "$number" = 0 ] || return 0
	fi
	timeout 600 "$sim" --mutation "$number" --jobs 2 --count "$count" >"$log" 2>&1 && return
	sed -nE 's/.*first failed seed ([0-9]+).*/seed \1/p' "$log" | grep . || echo 'an assertion'
}

[ $# -gt 0 ] || set -- "${all[@]}"
judge_mutants 'layer' '' "$@"
