#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# demo-noisy-neighbour.sh - as root: two volumes on one slow datastore, real iSCSI, a greedy client beside a quiet one.
#
# The datastore is RAM behind a queue of 4 servers of 2 ms each (--type slow): a device of 2,000 I/Os a second whose
# latency rises with its queue, as a disk array's does. The quiet client reads 4 KiB, one at a time; the greedy one
# keeps 64 reads under way. Nothing here needs a disk, and nothing outlives the script.
#
#     make demo-noisy-neighbour [SECONDS_EACH=5]
. "$(dirname "$0")/../tests/lib/harness.sh"
# shellcheck source=tests/lib/io_control.sh
. "$ROOT/tests/lib/io_control.sh"
need_tools iscsi_bench
each_s=${SECONDS_EACH:-5}
threshold_us=4000

line() { printf '  %-44s %10s %10s %8s | %10s\n' "$@"; }
ms() { awk -v us="$1" 'BEGIN { printf "%.1f ms", us / 1000 }'; }

# run "words" [alone]
run() {
	local greedy=-
	[ "${2:-}" = alone ] || load greedy 64 "$each_s"
	load quiet 1 "$each_s"
	load_wait
	[ "${2:-}" = alone ] || greedy=$(figure greedy iops)
	line "$1" "$(ms "$(figure quiet mean_us)")" "$(ms "$(figure quiet p99_us)")" "$(figure quiet iops)" "$greedy"
}

slow_datastore slow 4 2000 quiet greedy
echo
line "" "quiet mean" "quiet p99" "IOPS" "greedy IOPS"
run "the quiet client alone" alone
run "beside the greedy one, no I/O control"
controlled quiet greedy
datastore_control slow enabled=true threshold_mode=manual threshold_us=$threshold_us
run "I/O control, threshold $((threshold_us / 1000)) ms, equal shares"
share greedy shares_level=high
share quiet shares_level=low
run "the same, greedy has 4 times the shares"
share quiet shares_level=low,reservation_iops=250
run "the same, 250 IOPS reserved for the quiet one"
echo
ctl events | sed -n 's/.*io_control_/  event: io_control_/p'
