#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# Current figures are what an initiator does, they end with it, and ten seconds later they are history.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
need_tools iscsi_bench

start_appliance
host_make one iqn.2025-01.test.sluice:initiator
volume_make v0 67108864 '"hosts":["one"]'
URL=$(lun_url v0)
sees_load() {
	api GET /stats >/dev/null
	jq -e '[.volumes[] | select(.name == "v0")][0] | .read_iops + .write_iops > 50 and (.read_p99_us + .write_p99_us) > 0
		and ([.layers[].latency_share_pct] | add) > 90' "$T/api.body"
}
is_idle() {
	api GET /stats >/dev/null
	jq -e '.total.read_iops == 0 and .total.write_iops == 0' "$T/api.body"
}
start_bg load "$(tool iscsi_bench)" --bytes 4096 --depth 4 --write-pct 50 --seconds 12 "$URL"
wait_until 30 "the load to be seen" sees_load
jq -e '.at_ms > 1700000000000 and .total.read_iops + .total.write_iops > 50' "$T/api.body" >/dev/null ||
	die "the total: $(cat "$T/api.body")"
api_ok GET /iscsi-sessions >/dev/null
wait_bg load 60
wait_until 20 "the figures to end with the load" is_idle
has_history() {
	api GET "/stats/history?points=100" >/dev/null
	jq -e '[.points[] | .read_iops + .write_iops] | max > 0' "$T/api.body"
}
wait_until 30 "the load to be history" has_history
api_ok GET "/volumes/v0/history" >/dev/null
jq -e '[.points[] | .read_iops + .write_iops] | max > 0' "$T/api.body" >/dev/null || die "v0's history: $(cat "$T/api.body")"
api_refused 422 GET "/stats/history?from_ms=5&to_ms=4" >/dev/null
api_refused 422 GET "/stats/history?points=many" >/dev/null

# a restart of filterd begins its counters anew: no figure may be absurd
expect_error "filterd"
kill -KILL "$(filterd_child)"
start_bg load "$(tool iscsi_bench)" --bytes 4096 --depth 4 --write-pct 50 --seconds 12 "$URL"
wait_until 30 "the load after the restart" sees_load
jq -e '.total.read_iops + .total.write_iops < 1000000' "$T/api.body" >/dev/null || die "absurd: $(cat "$T/api.body")"
wait_bg load 60
policyd_stop
stop_daemons
