#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
#
# More is written than the link may carry: a limit of the bandwidth holds the replica back, and a limit for the day takes
# its place at its hours; the journal fills, writes are slowed for as long as was agreed, then changes are only noted:
# the gap is shown with an alert, the replica stays at its last mark; and with the limit gone it is brought up to date.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
. "$(dirname "$0")/../lib/replicated.sh"
expect_error 'replication'
MIB=1048576
need_tools iscsi_bench

appliances_start
appliances_pair
api_ok_on a POST /volumes "{\"name\":\"web1\",\"datastore\":\"d0\",\"size_bytes\":$((64 * MIB)),\"hosts\":[\"h1\"]}" >/dev/null
task_done_on a
api_ok_on a POST /replications "{\"name\":\"r-web1\",\"peer\":\"b\",\"volumes\":[\"web1\"],\"mode\":\"async\",
	\"journal_bytes\":$((16 * MIB)),\"backpressure_max_ms\":50}" >/dev/null
task_done_on a
wait_until 30 "a to serve" rep_is a r-web1 .status.is_serving true
wait_until 30 "b to be a replica that is complete" rep_is b r-web1 .status.is_consistent true
wait_until 20 "a to export it" exports a web1
# What it has under way at its end counts as an error: only that it wrote matters here. Not more than a stage of the replica takes, or it
# would be no point in time while that comes.
writes() { on a timeout 60 "$(tool iscsi_bench)" --bytes 65536 --write-pct 100 --depth 4 --seconds "$1" --region-bytes $((8 * MIB)) \
	"$(disk_url a web1)" >"$T/bench.out" 2>&1 || true; }
changed() { api_ok_on a PATCH /replications/r-web1 "$1" >/dev/null; }
# A record that holds no data may stay in the journal till the next write.
caught_up() { rep_is a r-web1 '.status | .dirty_bytes == 0 and .journal_used_bytes <= 4096' true; }
alerted() { (api_on a GET /alerts) | jq -e '[.items[] | select(.rule == "replication-gap" and .state != "cleared")] | length > 0'; }

note "a limit, and the day's in its place"
changed '{"bandwidth_bytes_per_s":65536}'
SENT=$(rep a r-web1 .status.sent_wire_bytes)
on a bash -c "for i in 0 1 2 3; do echo write \$((i * 2048)) 1024 \$((i + 1)); done | $(tool scsi_sh) $(disk_url a web1)" >"$T/out"
lags() { [ "$(rep a r-web1 .status.lag_ms)" -gt 3000 ]; }
wait_until 30 "the replica to lag" lags
[ $(($(rep a r-web1 .status.sent_wire_bytes) - SENT)) -lt $((3 * MIB / 2)) ] || die "the limit does not hold: $(rep a r-web1 .status)"
changed "{\"bandwidth_day_bytes_per_s\":$((1024 * MIB)),\"day_from_h\":0,\"day_to_h\":24}"
wait_until 30 "everything to be there by day" caught_up

note "the journal overflows"
changed '{"bandwidth_day_bytes_per_s":65536}'
writes 3
has_gap() { [ "$(rep a r-web1 '.status.gap_since_ms > 0')" = true ]; }
tries() { has_gap || { writes 2 && has_gap; }; }
wait_until 60 "the journal to overflow" tries
wait_until 30 "an alert" alerted
rep_is b r-web1 .status.is_consistent true || die "the replica is no point in time any more: $(rep b r-web1 .status)"
[ "$(rep a r-web1 .status.dirty_bytes)" -gt 0 ] || die "nothing is noted: $(rep a r-web1 .status)"
rep_is a r-web1 .status.is_serving true || die "a does not serve"
note "$(rep a r-web1 '.status | "lag \(.lag_ms) ms, \(.dirty_bytes) bytes noted, \(.journal_used_bytes) in the journal"')"

note "with the limit gone the replica is brought up to date"
changed '{"bandwidth_bytes_per_s":0,"bandwidth_day_bytes_per_s":0}'
gap_is_over() { rep_is a r-web1 .status.gap_since_ms 0 && caught_up; }
wait_until 90 "the gap to be over" gap_is_over
api_ok_on a POST /replications/r-web1/verify >/dev/null
task_done_on a
# No write was held for longer than was agreed, so no change of the limits had to wait for one.
! grep 'is not drained' "$T"/policyd-?.log || die "a chain was not drained"
