#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# mutants.sh [NAME...] - every deliberate fault of filterd/filters/replication/repl_mutate.h must be caught by the
# two-node simulator. The table says which seed did, and which rule was seen broken.
set -u
cd "$(dirname "$0")/../../.." || exit 1

out=build/mutants_repl
sim=build/release/bin/sim_repl_mutants
seeds=${MUTANT_SEEDS:-6000}
mkdir -p "$out"
make --no-print-directory -j2 "$sim" >"$out/make.log" 2>&1 || {
	tail -n 20 "$out/make.log"
	exit 1
}

# In the order of the enum, whose first, 0, is none.
mapfile -t all < <(sed -nE 's/^\tREPL_MUTATION_([A-Z0-9_]+),.*/\1/p' filterd/filters/replication/repl_mutate.h |
	grep -vxE 'NONE|END')

number_of()
{
	local i

	for i in "${!all[@]}"; do
		[ "${all[i]}" != "$1" ] || echo $((i + 1))
	done
}

# check NAME: its row; status 0 when it was caught.
check()
{
	local name=$1 log=$out/$1.log number

	number=$(number_of "$name")
	[ -n "$number" ] || {
		echo "$name: there is no such fault"
		return 1
	}
	# In a shell of its own: that one says "Aborted" into the log.
	if bash -c "timeout 300 $sim --mutation $number --count $seeds; exit \$?" >"$log" 2>&1 ||
		! grep -q '^FAILED' "$log"; then
		printf '%-24s MISSED\n' "$name"
		return 1
	fi
	printf '%-24s caught  %s\n' "$name" "$(grep -m1 '^FAILED' "$log" | cut -c8-110)"
}

names=("$@")
[ $# -gt 0 ] || names=("${all[@]}")
missed=0
for ((i = 0; i < ${#names[@]}; i += 2)); do
	pids=()
	for name in "${names[@]:i:2}"; do
		check "$name" >"$out/$name.row" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || missed=$((missed + 1))
	done
	for name in "${names[@]:i:2}"; do
		cat "$out/$name.row"
	done
done
echo "mutants: ${#names[@]} faults of replication, $((${#names[@]} - missed)) caught, $missed missed"
[ "$missed" = 0 ]
