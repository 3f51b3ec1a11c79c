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

sim=build/release/bin/sim_repl_mutants
seeds=${MUTANT_SEEDS:-12000}

# Two that both write are rare where operators take no risks, so some seeds with such operators come first.
catch()
{
	local how

	for how in "--splits --count 300" "--count $seeds"; do
		# In a shell of its own: that one says "Aborted" into the log.
		if ! bash -c "timeout 500 $sim --mutation $1 $how; exit \$?" >"$2" 2>&1; then
			sed -nE "0,/^FAILED/s/^FAILED (seed [0-9]+).*/\1 ${how%%--count*}/p" "$2" | grep .
			return
		fi
	done
	return 1
}

judge_simulated replication "$sim" filterd/filters/replication/repl_mutate.h REPL "$@"
