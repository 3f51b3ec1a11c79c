#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 300 s
#
# run-models.sh [--long] - verifies the models of the ring and of replication with spin, and that each of their mutations gives an error.
#
# The short form takes less than two minutes; the long one adds a second kill, two rings whose filterd is killed, and a
# tgtd and a filterd that die in one run, and takes about five minutes more. Prints states and seconds of each.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v spin >/dev/null || {
	echo "SKIP: spin is not installed: apt-get install spin"
	exit 77
}
bad=0
states_sum=0

# verify MODEL EXPECTED LIMIT_S OPTIONS...: EXPECTED is ok or error.
verify()
{
	local model=$1 expected=$2 limit_s=$3 verdict states seconds why dir optimize=-O2
	shift 3

	# Most errors are found in less time than the compiler would take to make the search for them fast; not with two rings.
	if [ "$expected$model" != okring ] && [ "$expected$model" != okrepl ] && [[ "$*" != *-DR=2* ]]; then
		optimize=-O0
	fi

	dir=$(mktemp -d -p "$work")
	cp "$here/$model"*.pml "$dir/"
	(cd "$dir" && spin -a "$@" "$model.pml" </dev/null >spin.log 2>&1 &&
		gcc $optimize -w -DSAFETY -DCOLLAPSE -DMEMLIM=7000 -o pan pan.c >>spin.log 2>&1 &&
		timeout "$limit_s" ./pan -m200000 -w22 >pan.log 2>&1)
	states=$(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' "$dir/pan.log" | head -n1)
	seconds=$(sed -nE 's/^pan: elapsed time ([0-9.]+) seconds/\1/p' "$dir/pan.log")
	why=$(sed -nE 's/^pan:[0-9]+: (.*) \(at depth.*/\1/p' "$dir/pan.log" | head -n1)
	if grep -q 'errors: 0' "$dir/pan.log" && ! grep -qE 'out of memory|max search depth too small' "$dir/pan.log"; then
		verdict=ok
	elif grep -qE 'errors: [1-9]' "$dir/pan.log"; then
		verdict=error
	else
		verdict=unfinished
	fi
	printf '%-9s %-42s %-10s %12s states %8s s  %s\n' "$model" "$*" "$verdict" "${states:--}" "${seconds:--}" "$why"
	states_sum=$(awk -v a="$states_sum" -v b="${states:-0}" 'BEGIN { printf "%d", a + b }')
	if [ "$verdict" != "$expected" ]; then
		echo "FAIL: $model $*: $verdict, expected $expected" >&2
		[ "$verdict" != unfinished ] || tail -n 5 "$dir"/*.log
		bad=$((bad + 1))
	fi
	rm -rf "$dir"
}

verify doorbell ok 60
verify ring ok 120
verify ring ok 60 -DR=2 -DKILLS=0
verify ring ok 60 -DTK -DKILLS=0

verify repl ok 60 -DW=2
verify repl ok 60 -DASYNC
verify repl ok 240 -DOPERATOR -DW=2 -DMAXT=5 -DCRASHES=0

for fault in NOFENCE_SUBMIT NOFENCE_SERVER_SLEEP NOFENCE_DONE NOFENCE_CLIENT_SLEEP NOLOOK_SERVER NOLOOK_CLIENT; do
	verify doorbell error 60 "-D$fault"
	verify doorbell ok 60 "-D$fault" -DRESCAN
done
for fault in NOTE UNLOCK ORDER BLIND HINT REPLAY_DONE REPLAY_CANCELLED CANCEL_CLAIMED HUP_EARLY NOLOCK LOSE_DONE \
	COMPARED_LAST; do
	verify ring error 60 "-DM_$fault"
done
verify ring error 60 -DTK -DKILLS=0 -DM_NOFENCE
verify ring error 60 -DR=2 -DCANCELS=0 -DM_RINGS_ALONE
verify ring error 60 -DR=2 -DCANCELS=0 -DM_NO_CLAIM_SEQ

for fault in 1 2 3 4 5 6 7 8 9 10; do
	verify repl error 60 -DW=2 "-DM$fault"
done
for fault in 5 11 12; do
	verify repl error 60 -DOPERATOR -DW=2 "-DM$fault"
done
for fault in 15 16; do
	verify repl error 60 -DOPERATOR -DW=2 -DMAXT=5 -DCRASHES=0 "-DM$fault"
done
for fault in 7 8 13 14; do
	verify repl error 60 -DASYNC "-DM$fault"
done

if [ "${1:-}" = --long ]; then
	verify repl ok 900 -DW=3 -DMAXT=6
	verify repl ok 900 -DOPERATOR -DW=2 -DMAXT=5
	verify repl ok 900 -DOPERATOR -DW=2 -DMAXT=6 -DCRASHES=0
	verify ring ok 600 -DN=2 -DKILLS=2
	verify ring ok 600 -DR=2 -DCANCELS=0
	verify ring ok 600 -DTK -DCANCELS=0
fi
echo "models: $states_sum states; $bad wrong"
[ "$bad" = 0 ]
