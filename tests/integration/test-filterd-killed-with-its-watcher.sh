#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# Both processes of filterd are killed under load and started again: the volumes come back from the plan
# on disk, and nothing acknowledged is lost.
. "$(dirname "$0")/../lib/harness.sh"
need_tools verify_load

is_gone() { [ ! -e "/proc/$1" ]; }

one_lun_on_files 64M
load_start load --depth 16 --zero --limit-ms 60000 "$URL"
for ((cycle = 1; cycle <= ${RESTARTS:-3}; cycle++)); do
	load_moves load 500
	child=$(filterd_child)
	kill -KILL "${PID_OF[filterd]}" "$child"
	kill_bg filterd KILL
	wait_until 10 "the child to be gone" is_gone "$child"
	filterd_start
done
load_moves load 500
load_end load 120
note "the longest stall was $(load_figure load max_stall_ms) ms, with the restart by this script"
