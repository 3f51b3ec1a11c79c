#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# An alert rises at its rule's number, is acknowledged, goes on through a restart of policyd without a second one, and
# ends when the number is changed or the cause is gone.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
expect_error "filterd"

alerts_of() {
	api GET "/alerts?rule=$1" >/dev/null
	jget "[.items[] | select(.state $2)] | length"
}
one_open() { [ "$(alerts_of "$1" '!= "cleared"')" = 1 ]; }
none_open() { [ "$(alerts_of "$1" '!= "cleared"')" = 0 ]; }

start_appliance
api_ok GET /alert-rules >/dev/null
jq -e '[.items[].name] | contains(["datastore-capacity", "thin-overcommit", "volume-latency", "replication-lag", "filter-hung",
	"daemon-restarted", "task-failed", "daemon-down"])' "$T/api.body" >/dev/null || die "rules: $(cat "$T/api.body")"
api_refused 422 PATCH /alert-rules/thin-overcommit '{"warning":300,"error":200}' >/dev/null
api_refused 422 PATCH /alert-rules/thin-overcommit '{"metric":"mine"}' >/dev/null
api_refused 404 PATCH /alert-rules/nothing '{"warning":1}' >/dev/null

# more than this machine's disk has, several times
volume_make big 8796093022208
wait_until 30 "the overcommit to be seen" one_open thin-overcommit
id=$(jget '.items[0].id')
jget '.items[0].text' | finds 'main has promised 8.0 TiB' || die "the text: $(cat "$T/api.body")"
api_ok POST "/alerts/$id/acknowledge" >/dev/null
[ "$(jget '.state + " " + .acknowledged_by')" = "acknowledged root (local)" ] || die "acknowledged: $(cat "$T/api.body")"
policyd_kill
policyd_start
api_ok GET "/events?sort=-id&limit=1" >/dev/null
newest=$(jget '.items[0].id')
kill -KILL "$(filterd_child)"
wait_until 30 "the restart to be an alert, so the rules were looked at" one_open daemon-restarted
[ "$(alerts_of thin-overcommit '!= "none"')" = 1 ] || die "a second alert after the restart: $(cat "$T/api.body")"
[ "$(jget '.items[0].state')" = acknowledged ] || die "it is not acknowledged any more"
api_ok GET "/events?after_id=$newest&kind=alert.raised" >/dev/null
jq -e '[.items[] | select(.details.rule == "thin-overcommit")] | length == 0' "$T/api.body" >/dev/null || die "it was raised again"

api_ok PATCH /alert-rules/daemon-restarted '{"is_enabled":false}' >/dev/null
wait_until 30 "the disabled rule's alert to end" none_open daemon-restarted
api_ok PATCH /alert-rules/thin-overcommit '{"warning":100000000}' >/dev/null
wait_until 30 "the alert to end with its number" none_open thin-overcommit
[ "$(jget '.items[0].cleared_ms > 0')" = true ] || die "when it ended is not noted"
api_refused 409 POST "/alerts/$id/acknowledge" >/dev/null
api_ok GET "/events?kind=alert.cleared" >/dev/null
[ "$(jget '.items | length')" -ge 2 ] || die "no events of the ends: $(cat "$T/api.body")"
policyd_stop
stop_daemons
