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

catch()
{
	# In a shell of its own: that one says "Aborted" into the log.
	! bash -c "timeout 300 $sim --mutation $1 --count $seeds; exit \$?" >"$2" 2>&1 &&
		sed -nE '0,/^FAILED/s/^FAILED (seed [0-9]+).*/\1/p' "$2" | grep .
}

judge_simulated replication "$sim" filterd/filters/replication/repl_mutate.h REPL "$@"
