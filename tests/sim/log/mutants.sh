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
# shellcheck source=tests/lib/mutants.sh
. tests/lib/mutants.sh

sim=build/release/bin/sim_log_mutants
seeds=60000
blind_seeds=20000000
is_long=
if [ "${1:-}" = --long ]; then
	is_long=1
	shift
fi

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

catch()
{
	local number=$1 log=$2 how

	if run "$number" "$log" --count "$seeds"; then
		how="seed $(seed_in "$log")"
	elif run "$number" "$log" --faults --count 2; then
		how="fault sweep"
	else
		return 1
	fi
	if [ -n "$is_long" ]; then
		if run "$number" "$log.blind" --blind --count "$blind_seeds"; then
			how+=", blind seed $(seed_in "$log.blind")"
		else
			how+=", not found blind"
		fi
	fi
	echo "$how"
}

judge_simulated "record log" "$sim" filterd/log/rlog_mutate.h RLOG "$@"
failed=$?
if [ $# -eq 0 ] && ! timeout 300 "$sim" --count "$seeds"; then
	failed=1
fi
exit "$failed"
