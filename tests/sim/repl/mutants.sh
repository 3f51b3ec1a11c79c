#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# mutants.sh [NAME...] - every deliberate fault of filterd/filters/replication/repl_mutate.h must be caught by the
# two-node simulator. The table says which seed did, and which rule was seen broken.
set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tests/lib/mutants.sh
. tests/lib/mutants.sh

mkdir -p build/mutants
sim=build/release/bin/sim_repl_mutants
seeds=${MUTANT_SEEDS:-12000}

# What takes two things in the same moment is tried step by step, by the tests of one file each.
declare -A by_unit=(
	[GIVE_UNDER_LEASE]=repl_node
	[YIELD_TO_OUTDATED]=repl_node_roles
	[CLEAN_TOO_EARLY]=repl_node_roles
	[TAKEN_TOO_LATE]=repl_node_roles
	[PROMOTE_GIVER]=repl_node_roles
	[EMPTIED_ONCE]=repl_journal
	[PASS_IN_A_PAIR]=repl_journal
	[DOUBT_ONCE]=repl_gate
	[COOLED_VOLATILE]=repl_hot
	[MIX_LEFT]=repl_advance
	[COMPARE_ASKED_ONCE]=repl_advance
	[REIGN_FORGOTTEN]=repl_node_roles
	[GIVE_UP_FORGOTTEN]=repl_receiver_resync
)

# Some are rare in ordinary runs: two that both write need operators who take risks, and a window overtakes a read only
# where reading takes long. So some seeds of such runs come first.
catch()
{
	local how unit=${by_unit[$(basename "$2" .log)]:-}

	if [ -n "$unit" ]; then
		! MUTATION=$1 timeout 60 "build/release/bin/${unit}_mutants" >"$2" 2>&1 &&
			sed -nE "0,/FAILED/s/^\[  FAILED  \] (.*)/test_$unit: \1/p" "$2" | grep .
		return
	fi
	for how in "--splits --count 300" "--splits --slow-disks --count 1000" "--count 2000" "--slow-disks --count 2000" \
		"--slow-reads --count 800" "--slow-disks --first 2001 --count 10000" "--first 2001 --count $seeds"; do
		# In a shell of its own: that one says "Aborted" into the log.
		if ! bash -c "timeout 500 $sim --mutation $1 $how; exit \$?" >"$2" 2>&1; then
			sed -nE "0,/^FAILED/s/^FAILED (seed [0-9]+).*/\1 ${how%%--count*}/p" "$2" | grep .
			return
		fi
	done
	return 1
}

make --no-print-directory -j2 build/release/bin/repl_{node,node_roles,journal,gate,hot,advance,receiver_resync}_mutants >build/mutants/repl_units.log 2>&1 || {
	tail -n 20 build/mutants/repl_units.log
	exit 1
}
judge_simulated replication "$sim" filterd/filters/replication/repl_mutate.h REPL "$@"
