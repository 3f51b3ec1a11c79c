#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A filter of a whole datastore comes into the chain of every volume there, old and new, but where a policy has one of
# its class; what it says is shown and measured; it goes when it is cleared, and comes back after restarts.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

knows_filters() { api GET /filters/io_control >/dev/null && [ "$STATUS" = 200 ]; }
in_plan() { ctl --json status | jq -c '.datastores[] | select(.name == "main").filters // [] | map(.params)'; }
# the io_control of a volume's chain, as filterd runs it
chain() { api_ok GET "/volumes/$1/chain" | jq -c '[.filters[] | select(.class == "io_control") | .filter]'; }
param() { api_ok GET "/volumes/$1/chain" | jq -r ".filters[] | select(.filter == \"io_control\").params.$2"; }
compliance() { api_ok GET "/volumes/$1" | jq -r .compliance.status; }

start_appliance
wait_until 30 "the filters to be known" knows_filters
jq -e '.group_parameters[] | select(.name == "peak_pct") | .min == "50" and .max == "100"' "$T/api.body" >/dev/null ||
	die "what a datastore can be told is not described: $(cat "$T/api.body")"
api_ok GET /datastores/main/filters >/dev/null
[ "$(jget '.items | length')" = 0 ] || die "filters from nowhere: $(cat "$T/api.body")"
sample_there() { api GET /policies/io-shares-high >/dev/null && [ "$STATUS" = 200 ]; }
wait_until 30 "the samples" sample_there
volume_make plain 16777216
volume_make high 16777216 '"policy":"io-shares-high"'
api_ok POST /policies '{"name":"slow","rules":[{"filter":"delay","parameters":{"read_us":"1"}}]}' >/dev/null
class=$(api_ok GET /filters/delay | jq -r .class)
volume_make other 16777216 '"policy":"slow"'

# what cannot be is refused, and says why
api_refused 404 PUT /datastores/main/filters/nonsense '{}' | finds io_control || die "what there is is not named"
api_refused 422 PUT /datastores/main/filters/trace '{}' >/dev/null
api_refused 422 PUT /datastores/main/filters/io_control '{"parameters":{"peak_pct":"49"}}' >/dev/null
[ "$(jget .field)" = parameters.peak_pct ] || die "the field: $(cat "$T/api.body")"
api_refused 404 DELETE /datastores/main/filters/io_control >/dev/null
api_refused 404 PUT /datastores/nowhere/filters/io_control '{}' >/dev/null

# first seen, then done
api_ok PUT "/datastores/main/filters/io_control?dry_run=1" '{"parameters":{"enabled":true}}' >/dev/null
jq -e '[.plan[].step] | index("datastore.filter.set") < index("filter.attach")' "$T/api.body" >/dev/null ||
	die "the plan: $(cat "$T/api.body")"
api_ok PUT /datastores/main/filters/io_control '{"parameters":{"enabled":true,"threshold_us":20000}}' >/dev/null
[ "$STATUS" = 202 ] || die "status $STATUS"
task_done
[ "$(in_plan | jq -r '.[0].threshold_us')" = 20000 ] || die "filterd's plan: $(in_plan)"
[ "$(chain plain)" = '["io_control"]' ] || die "plain: $(chain plain)"
[ "$(param plain shares_level)" = normal ] || die "plain is not normal"
[ "$(param high shares_level)" = high ] || die "the policy's rule does not come first"
if [ "$class" = io_control ]; then
	[ "$(chain other)" = '["delay"]' ] || die "other: $(chain other)"
else
	[ "$(chain other)" = '["io_control"]' ] || die "other: $(chain other)"
fi
[ "$(compliance plain) $(compliance high)" = "compliant compliant" ] || die "compliance: $(cat "$T/api.body")"
volume_make new 16777216
[ "$(chain new)" = '["io_control"]' ] || die "a new volume has it not: $(chain new)"
api_refused 409 PATCH /filters/io_control '{"is_enabled":false}' | finds main || die "the datastore that uses it is not named"

# what it says
says() { api_ok GET /datastores/main/filters >/dev/null && jq -e '.items[0] | .is_active and .status.enabled' "$T/api.body"; }
wait_until 20 "the filter to say something of the datastore" says
says_of_volume() { api_ok GET /volumes/plain/chain >/dev/null && jq -e '.filters[] | select(.filter == "io_control").status.shares == 1000' "$T/api.body"; }
wait_until 20 "the filter to say something of a volume" says_of_volume
api_ok GET /metrics >"$T/metrics"
grep -q '^sluice_datastore_filter{datastore="main",filter="io_control",figure="threshold_us"} ' "$T/metrics" || die "no figure of the datastore"
grep -q '^sluice_volume_filter{volume="plain",filter="io_control",figure="shares"} 1000' "$T/metrics" || die "no figure of the volume"

# in a document
api_ok GET /config >"$T/export.json"
[ "$(jq -r '.datastores[0].filters[0].parameters.threshold_us' "$T/export.json")" = 20000 ] || die "the export has it not"
jq -c '.prune = true' "$T/export.json" >"$T/document.json"
api_ok POST /config/diff "@$T/document.json" >/dev/null
[ "$(jget .is_same)" = true ] || die "an export differs from itself: $(cat "$T/api.body")"
jq -c '.datastores[0].filters[0].parameters = {"enabled":"true"}' "$T/export.json" >"$T/document.json"
api_ok POST /config/apply "@$T/document.json" >/dev/null
task_done
[ "$(in_plan | jq -r '.[0].threshold_us')" = 30000 ] || die "the document has not changed it: $(in_plan)"
jq -c '.datastores[0].filters[0].filter = "nonsense"' "$T/export.json" >"$T/document.json"
api_refused 422 POST /config/apply "@$T/document.json" >/dev/null
[ "$(jget .field)" = 'datastores[0].filters' ] || die "the field: $(cat "$T/api.body")"

# somebody's hand in filterd, and a filterd that has lost all, are put right
ctl datastore filter-set main io_control enabled=false >/dev/null
api_ok POST /compliance/check >/dev/null
is_back() { [ "$(in_plan | jq -r '.[0].enabled')" = true ]; }
wait_until 60 "what is wanted to be back" is_back
policyd_stop
policyd_start
settled
[ "$(chain plain)" = '["io_control"]' ] || die "after a restart: $(chain plain)"

# and it goes
api_ok DELETE /datastores/main/filters/io_control >/dev/null
task_done
[ "$(chain plain) $(chain new)" = "[] []" ] || die "it stays: $(chain plain) $(chain new)"
[ "$(chain high)" = '["io_control"]' ] || die "the policy's went too"
[ "$(in_plan)" = '[{}]' ] || [ "$(in_plan)" = '[]' ] || die "parameters stay: $(in_plan)"
[ "$(compliance plain)" = not_applicable ] || die "compliance: $(compliance plain)"
policyd_stop
stop_daemons
