#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# mutants.sh [--long] [NAME...] - every deliberate fault of filterd/log/rlog_mutate.h must be caught by
# the record log's simulator. The table says how many seeds it took and which rule was seen broken.
#
# --long: and without watching the order of I/O, by what is found after a crash alone. Two cannot be
# expected there: NO_EPOCH_RECORD shows a few times in a million seeds, and a failed flush needs the
# fault sweep, whose rule is about order.
set -u
cd "$(dirname "$0")/../../.." || exit 1

out=build/mutants_log
sim=build/release/bin/sim_log_mutants
seeds=60000
blind_seeds=20000000
is_long=
if [ "${1:-}" = --long ]; then
	is_long=1
	shift
fi
mkdir -p "$out"
make --no-print-directory -j2 "$sim" >"$out/make.log" 2>&1 || {
	tail -n 20 "$out/make.log"
	exit 1
}

# In the order of the enum, whose first, 0, is none.
mapfile -t all < <(sed -nE 's/^\tRLOG_MUTATION_([A-Z0-9_]+),.*/\1/p' filterd/log/rlog_mutate.h | grep -vxE 'NONE|END')

number_of()
{
	local i

	for i in "${!all[@]}"; do
		[ "${all[i]}" != "$1" ] || echo $((i + 1))
	done
}

# run NUMBER LOG ARGUMENT...: status 0 when something was broken.
run()
{
	local number=$1 log=$2

	shift 2
	# In a shell of its own: that one says "Aborted" into the log.
	! bash -c "timeout 3000 $sim --mutation $number $*; exit \$?" >"$log" 2>&1
}

seed_in()
{
	sed -nE 's/.*first failed seed ([0-9]+).*/\1/p' "$1"
}

# check NAME: its row; status 0 when it was caught.
check()
{
	local name=$1 log=$out/$1.log number how blind=

	number=$(number_of "$name")
	[ -n "$number" ] || {
		echo "$name: there is no such fault"
		return 1
	}
	if run "$number" "$log" --count "$seeds"; then
		how="seed $(seed_in "$log")"
	elif run "$number" "$log" --faults --count 2; then
		how="fault sweep"
	else
		printf '%-24s MISSED\n' "$name"
		return 1
	fi
	if [ -n "$is_long" ]; then
		blind="not found blind; "
		! run "$number" "$log.blind" --blind --count "$blind_seeds" || blind="blind seed $(seed_in "$log.blind"); "
	fi
	printf '%-24s caught  %-11s  %s%s\n' "$name" "$how" "$blind" \
		"$(grep -m1 -oE '(FAILED|Assertion).*' "$log" | sed -E 's/^FAILED[^:]*: //' | cut -c1-90)"
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
if [ $# -eq 0 ] && ! timeout 300 "$sim" --count "$seeds"; then
	missed=$((missed + 1))
fi
echo "mutants: ${#names[@]} faults of the record log, $((${#names[@]} - missed)) caught, $missed missed"
[ "$missed" = 0 ]
