#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 1500 s
#
# kill -9 of the serving filterd under a verifying load: nothing acknowledged is lost, stale or torn, and
# the initiator sees no error. CYCLES=100 for the long form.
. "$(dirname "$0")/../lib/harness.sh"
need_tools verify_load
CYCLES=${CYCLES:-5}
# Reported always; a failure only far beyond the goal of 1 s, since other tests share the machine.
STALL_LIMIT_MS=${STALL_LIMIT_MS:-5000}

another_child_than() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$1" ]; }

expect_error "ended by signal 9|crash loop"
# shellcheck disable=SC2086 # VOLUME_OPTIONS are words
one_lun_on_files 64M ${VOLUME_OPTIONS:-}
load_start load --sessions 2 --depth 16 --zero --seed "$CYCLES" --max-stall-ms "$STALL_LIMIT_MS" "$URL" "$URL2"
for ((cycle = 1; cycle <= CYCLES; cycle++)); do
	load_moves load $((RANDOM % 1500 + 100))
	child=$(filterd_child)
	kill -KILL "$child"
	wait_until 15 "another serving child" another_child_than "$child"
done
load_moves load 1000
load_end load 120
note "$CYCLES kills: the longest stall was $(load_figure load max_stall_ms) ms (goal: 1000 ms)"
