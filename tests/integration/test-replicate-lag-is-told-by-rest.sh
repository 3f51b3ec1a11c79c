#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# How far a replica is behind is told: above the replication's own warning and above its error by an event and an alert
# each, and when it has caught up again, too.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
. "$(dirname "$0")/../lib/replicated.sh"
expect_error 'replication'
MIB=1048576
need_tools scsi_sh

appliances_start
appliances_pair
replicated web1 $((32 * MIB)) '"mode":"async","rpo_target_ms":500,"rpo_warning_ms":1000,"rpo_error_ms":20000'
wait_until 30 "a to serve" rep_is a r-web1 .status.is_serving true
wait_until 30 "b to be a replica that is complete" rep_is b r-web1 .status.is_consistent true
wait_until 20 "a to export it" exports a web1
writes() { on a bash -c "echo write $1 8 $2 | $(tool scsi_sh) $(disk_url a web1)" >"$T/out"; }
event_is() { (api_on a GET "/events?kind=$1") | jq -e ".items | length > 0" >/dev/null; }
alert() { (api_on a GET /alerts) | jq -e --arg s "$1" '[.items[] | select(.rule == "replication-rpo" and .state != "cleared" and .severity == $s)] | length > 0' >/dev/null; }
no_alert() { ! (api_on a GET /alerts) | jq -e '[.items[] | select(.rule == "replication-rpo" and .state != "cleared")] | length > 0' >/dev/null; }
# A record that holds no data may stay in the journal till the next write.
caught_up() { rep_is a r-web1 '.status | .lag_ms == 0 and .journal_used_bytes <= 4096' true; }
lags() { [ "$(rep a r-web1 .status.lag_ms)" -ge "$1" ]; }
writes 0 1
wait_until 20 "the replica to have it" caught_up
event_is replication_lag_warning && die "it was behind before anything happened"

note "behind by more than the warning"
api_ok_on a POST /replications/r-web1/pause >/dev/null
task_done_on a
writes 8 2
wait_until 20 "the lag to be above the warning" lags 1000
wait_until 20 "the event of the warning" event_is replication_lag_warning
wait_until 30 "the alert of the warning" alert warning
event_is replication_lag_error && ! lags 20000 && die "the error was told early"

note "behind by more than the error"
wait_until 60 "the lag to be above the error" lags 20000
wait_until 20 "the event of the error" event_is replication_lag_error
wait_until 30 "the alert of the error" alert error

note "and it comes down"
event_is replication_lag_ok && die "it was said to have caught up"
api_ok_on a POST /replications/r-web1/resume >/dev/null
task_done_on a
wait_until 30 "the replica to catch up" caught_up
wait_until 20 "the event that it has" event_is replication_lag_ok
wait_until 60 "the alert to be over" no_alert
[ "$(rep a r-web1 .status.gap_since_ms)" = 0 ] || die "there was a gap: $(rep a r-web1 .status)"
