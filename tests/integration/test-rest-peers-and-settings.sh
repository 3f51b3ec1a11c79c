#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# Peers, keys and settings: made, changed and refused as the manual says; what one change saw another may not overwrite.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

start_appliance
api_refused 422 POST /peers '{"name":"site2"}' >/dev/null
[ "$(jget .field)" = address ] || die "the field: $(cat "$T/api.body")"
api_refused 422 POST /peers '{"name":"site2","address":"10.0.0.2","fingerprint_sha256":"AB:CD"}' >/dev/null
api_refused 422 POST /peers '{"name":"site2","address":"10.0.0.2","port":70000}' >/dev/null
api_refused 422 POST /peers '{"name":"site2","address":"10.0.0.2","state":"paired"}' >/dev/null
api_ok POST /peers '{"name":"site2","address":"10.0.0.2"}' >/dev/null
[ "$STATUS $(jget '.port')" = "201 3262" ] || die "made: $STATUS $(cat "$T/api.body")"
api_refused 409 POST /peers '{"name":"SITE2","address":"10.0.0.3"}' >/dev/null
api_ok PATCH /peers/site2 '{"description":"the other room"}' >/dev/null
revision=$(jget .revision)
api_refused 412 PATCH /peers/site2 '{"description":"late"}' -H 'If-Match: "1"' >/dev/null
api_ok PATCH /peers/site2 '{"description":"in time"}' -H "If-Match: \"$revision\"" >/dev/null
api_ok GET "/peers?q=site" >/dev/null
[ "$(jget '.items[0].description')" = "in time" ] || die "listed: $(cat "$T/api.body")"
api_ok DELETE /peers/site2 >/dev/null
[ "$STATUS" = 204 ] || die "deleted with $STATUS"
api_refused 404 GET /peers/site2 >/dev/null
api_ok GET /keys >/dev/null
[ "$(jget .total)" = 0 ] || die "keys from nowhere"

api_ok GET /settings >/dev/null
[ "$(jget '[.items[].key] | join(" ")')" = "appliance_name egress_allow iqn_base session_idle_s session_max_s" ] ||
	die "settings: $(cat "$T/api.body")"
[ "$(jget '.items[] | select(.key == "iqn_base") | .value')" = "$IQN_BASE" ] || die "the IQN base: $(cat "$T/api.body")"
api_ok PUT /settings/appliance_name '{"value":"Cellar"}' >/dev/null
api_refused 422 PUT /settings/session_idle_s '{"value":5}' >/dev/null
api_refused 422 PUT /settings/session_idle_s '{"value":"900"}' >/dev/null
api_refused 422 PUT /settings/appliance_name '{"value":"Cellar","also":1}' >/dev/null
api_refused 422 PUT /settings/appliance_name '{}' >/dev/null
api_refused 422 PUT /settings/egress_allow '{"value":["*.example.com"]}' >/dev/null
api_ok PUT /settings/egress_allow '{"value":["hooks.example.com:443", "hooks.lan!private"]}' >/dev/null
api_ok GET /system >/dev/null
[ "$(jget .appliance_name)" = Cellar ] || die "the appliance is called: $(cat "$T/api.body")"
api_ok PUT /settings/appliance_name '{"value":""}' >/dev/null
api_ok GET /system >/dev/null
[ "$(jget .appliance_name)" = "$(uname -n)" ] || die "without a name it is called: $(cat "$T/api.body")"
api_ok PUT /settings/appliance_name '{"value":"Cellar"}' >/dev/null
policyd_stop
policyd_start
api_ok GET /settings >/dev/null
[ "$(jget '.items[] | select(.key == "appliance_name") | .value')" = Cellar ] || die "forgotten: $(cat "$T/api.body")"
api_ok GET "/audit?limit=100" >/dev/null
jq -e '[.items[].path] | map(select(test("appliance_name"))) | length > 0' "$T/api.body" >/dev/null || die "no audit row"
policyd_stop
stop_daemons
