#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
#
# SIGSTOP of the serving filterd: the watching parent sees it, kills it and starts another; the load goes
# on without an error.
. "$(dirname "$0")/../lib/harness.sh"
need_tools verify_load
STALL_LIMIT_MS=${STALL_LIMIT_MS:-15000}

another_child_than() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$1" ]; }

expect_error "does not answer for|ended by a hang"
one_lun_on_files 64M
load_start load --sessions 2 --depth 16 --zero --max-stall-ms "$STALL_LIMIT_MS" "$URL" "$URL2"
for ((cycle = 1; cycle <= ${STOPS:-2}; cycle++)); do
	load_moves load 1000
	child=$(filterd_child)
	kill -STOP "$child"
	wait_until 20 "the hung child to be replaced" another_child_than "$child"
done
load_moves load 1000
load_end load 120
note "the longest stall was $(load_figure load max_stall_ms) ms (goal: 5000 ms)"
