#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# mutants.sh [NAME...] - every deliberate fault of tests/sim/whole/seam.h, at the seams between the filters, must be caught
# by the simulator of the whole chain. The table says which seed did, and what was seen.
set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tests/lib/mutants.sh
. tests/lib/mutants.sh

sim=build/release/tests/sim_whole
seeds=${MUTANT_SEEDS:-1000}

catch()
{
	# In a shell of its own: that one says "Aborted" into the log.
	! bash -c "timeout 500 $sim --mutation $1 --count $seeds; exit \$?" >"$2" 2>&1 &&
		sed -nE '0,/^FAILED/s/^FAILED (seed [0-9]+).*/\1/p' "$2" | grep .
}

judge_simulated 'whole chain' "$sim" tests/sim/whole/seam.h SEAM "$@"
