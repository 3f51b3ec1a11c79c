#!/bin/bash
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/io_control.sh"
slow_datastore 4 2000 quiet greedy
for mode in none idle on; do
case $mode in idle) controlled quiet greedy;; on) datastore_control enabled=true threshold_mode=manual threshold_us=5000;; esac
load greedy 64 6; load quiet 1 6
sleep 3
[ $mode = none ] || { ctl --json datastore filters slow; ctl --json volume show greedy; }
load_wait
echo "$mode: quiet $(figure quiet mean_us) us p99 $(figure quiet p99_us) iops $(figure quiet iops); greedy $(figure greedy mean_us) us iops $(figure greedy iops)"
done
ctl events
