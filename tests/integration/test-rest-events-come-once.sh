#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# filterd's events are in the list once each, although policyd and filterd are restarted in between.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
expect_error "filterd"

# What filterd said itself; that policyd found it restarted is an event of policyd's.
count_of() {
	api GET "/events?kind=$1&limit=1000" >/dev/null
	jget '[.items[] | select(.details.source == "sluice-filterd")] | length'
}
has_restarts() { [ "$(count_of daemon.restarted)" = "$1" ]; }

start_appliance
api_ok GET "/events?sort=-id&limit=1" >/dev/null
newest=$(jget '.items[0].id')
kill -KILL "$(filterd_child)"
wait_until 20 "filterd's restart to be an event" has_restarts 1
api_ok GET "/events?after_id=$newest" >/dev/null
jq -e '.items | length > 0 and all(.id > '"$newest"')' "$T/api.body" >/dev/null || die "after_id: $(cat "$T/api.body")"
jq -e '[.items[] | select(.kind == "daemon.restarted")][0] | .severity == "error" and .object_name == "sluice-filterd"
	and .details.source == "sluice-filterd"' "$T/api.body" >/dev/null || die "the event: $(cat "$T/api.body")"

# policyd is restarted: it takes none of them again
policyd_kill
policyd_start
kill -KILL "$(filterd_child)"
wait_until 20 "the second restart" has_restarts 2

# all of filterd is restarted: it numbers anew, and nothing is left out
filterd_stop
filterd_start
wait_until 10 "a child" filterd_child
kill -KILL "$(filterd_child)"
wait_until 20 "the third restart" has_restarts 3
policyd_stop
policyd_start
volume_make v0 16777216
[ "$(count_of daemon.restarted)" = 3 ] || die "events came twice: $(cat "$T/api.body")"
api_ok GET "/events?object_type=volume&object_name=v0" >/dev/null
jq -e '.items | length > 0 and all(.object_name == "v0")' "$T/api.body" >/dev/null || die "by object: $(cat "$T/api.body")"
api_ok GET "/events?severity=error&limit=1" >/dev/null
cursor=$(jget .next_cursor)
first=$(jget '.items[0].id')
api_ok GET "/events?severity=error&limit=1&cursor=$cursor" >/dev/null
[ "$(jget '.items[0].id')" != "$first" ] || die "the second page is the first"
policyd_stop
stop_daemons
