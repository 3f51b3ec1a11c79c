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

# Some are rare in ordinary runs: two that both write need operators who take risks, and a window overtakes a read only
# where reading takes long. So some seeds of such runs come first.
catch()
{
	local how

	# The peer has to take the role just when the giver's lease is asked for: the machine alone, step by step.
	if [ "$(basename "$2" .log)" = GIVE_UNDER_LEASE ]; then
		! MUTATION=$1 timeout 60 build/release/bin/repl_node_mutants >"$2" 2>&1 &&
			sed -nE '0,/FAILED/s/^\[  FAILED  \] (.*)/test_repl_node: \1/p' "$2" | grep .
		return
	fi
	for how in "--splits --count 300" "--count 2000" "--slow-reads --count 800" "--first 2001 --count $seeds"; do
		# In a shell of its own: that one says "Aborted" into the log.
		if ! bash -c "timeout 500 $sim --mutation $1 $how; exit \$?" >"$2" 2>&1; then
			sed -nE "0,/^FAILED/s/^FAILED (seed [0-9]+).*/\1 ${how%%--count*}/p" "$2" | grep .
			return
		fi
	done
	return 1
}

make --no-print-directory -j2 build/release/bin/repl_node_mutants >build/mutants/repl_node.log 2>&1 || {
	tail -n 20 build/mutants/repl_node.log
	exit 1
}
judge_simulated replication "$sim" filterd/filters/replication/repl_mutate.h REPL "$@"
