#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mutation-table.sh [SUITE...] - runs the mutation gates (all, or those of whole, repl, log, layer, sim, io_control, mclock,
# s3fifo, models) and writes docs/mutations.md: each deliberate fault, the invariant that it breaks, what caught it and in
# how many seconds. What is not run keeps its rows of the last time, from build/mutants/times.tsv.
set -u
cd "$(dirname "$0")/.." || exit 1

times=build/mutants/times.tsv
suites=("$@")
[ $# -gt 0 ] || suites=(whole repl log layer sim io_control mclock s3fifo models)
mkdir -p build/mutants
touch "$times"

# run LIST COMMAND...: its rows take the place of the former ones.
run()
{
	local list=$1 fresh=build/mutants/times.new

	shift
	rm -f "$fresh"
	MUTANT_TIMES=$fresh "$@" || echo "mutation-table: $*: not all were caught" >&2
	[ -s "$fresh" ] || return 0
	grep -v "^$list	" "$times" >"$times.kept"
	cat "$times.kept" "$fresh" >"$times"
	rm -f "$times.kept" "$fresh"
}

# The models' script prints what it needs by itself: an expected error is a fault that was caught.
models()
{
	tests/models/run-models.sh >build/mutants/models.log 2>&1
	sed -nE 's/^(ring|doorbell|repl) +(.*-DM?(_|[0-9]|NO)[^ ]*) +error +[^ ]+ states +([0-9.-]+) s.*/models\t\1 \2\tcaught\t\4\tspin/p' \
		build/mutants/models.log | sed -E 's/ +\t/\t/g' >"$MUTANT_TIMES"
	grep '^models:' build/mutants/models.log | grep -q '; 0 wrong'
}

for suite in "${suites[@]}"; do
	case $suite in
	whole) run 'whole chain' tests/sim/whole/mutants.sh ;;
	repl) run replication tests/sim/repl/mutants.sh ;;
	log) run 'record log' tests/sim/log/mutants.sh ;;
	layer) run layer tests/sim/layer/mutants.sh ;;
	sim) run 'data path' tests/sim/mutants.sh ;;
	io_control) run 'outer loop' tests/sim/io_control/mutants.sh ;;
	mclock) run mclock tests/unit/mclock_mutants.sh ;;
	s3fifo) run s3fifo tests/unit/s3fifo_mutants.sh ;;
	models) run models models ;;
	*)
		echo "mutation-table: there is no suite $suite" >&2
		exit 2
		;;
	esac
done
scripts/mutation-table.py "$times" docs/mutations.md
