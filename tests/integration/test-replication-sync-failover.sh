#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 400 s
# A primary is killed under load, its replica is promoted, and the load goes on there: no acknowledged write is lost.
# The killed one comes back, gets what it lacks, and is the next to be promoted. A killed replica only costs a pause.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
CYCLES=${FAILOVERS:-2}

replica_pair 64M
wait_until 30 "the pair to be in sync" repl_is a .state primary_pair
lun_on a 1 v0
lun_on b 1 v0
switch_start a
expect_error 'the last sluice-filterd ended by|filter_hung'
load_start --sessions 2 --depth 4 --mix read=3,write=6,unmap=1,sync=1

P=a
S=b
for ((i = 1; i <= CYCLES; i++)); do
	# Some load on the pair first.
	load_advances 200
	kill_filterd_on "$S"
	sleep 0.3
	filterd_on "$S"
	wait_until 60 "the replica $S to be back (cycle $i)" repl_is "$P" .state primary_pair
	load_advances 200

	BEFORE=$(now_ms)
	kill_filterd_on "$P"
	switch_to none
	wait_until 30 "$S to be promoted (cycle $i)" promoted "$S"
	switch_to "$S"
	load_advances 50
	note "cycle $i: $S served $(($(now_ms) - BEFORE)) ms after the kill of $P"
	filterd_on "$P"
	wait_until 60 "$P to be in sync again (cycle $i): $(repl "$S" .state)" repl_is "$S" .state primary_pair
	[ $P = a ] && P=b S=a || P=a S=b
done
# shellcheck disable=SC2119
load_stop
cmp "$(image_of a)" "$(image_of b)" || die "the two sides differ"
