#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# Filters are listed with class, parameters and users; one in use cannot be disabled, one that is disabled cannot be
# used.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

start_appliance
knows_filters() { api GET /filters/delay >/dev/null && [ "$STATUS" = 200 ]; }
wait_until 30 "the filters to be known" knows_filters
api_ok GET /filters/delay >/dev/null
[ "$(jget '.is_installed and .is_enabled')" = true ] || die "delay: $(cat "$T/api.body")"
jq -e '.parameters[] | select(.name == "read_us") | .unit == "us" and .min and .max and .help' "$T/api.body" >/dev/null ||
	die "read_us is not described: $(cat "$T/api.body")"
api_ok GET "/filters?class=inspection&sort=name" >/dev/null
jq -e '.items | length > 0 and all(.class == "inspection" and .class_number == 100)' "$T/api.body" >/dev/null ||
	die "by class: $(cat "$T/api.body")"
api_refused 422 GET "/filters?help=x" >/dev/null

api_ok POST /policies '{"name":"slow","rules":[{"filter":"delay","parameters":{"read_us":"10"}}]}' >/dev/null
volume_make v0 16777216 '"policy":"slow"'
api_ok GET /filters/delay >/dev/null
[ "$(jget '.used_by | [.policies, .volumes, .datastores] | tostring')" = '[["slow"],["v0"],[]]' ] || die "users: $(cat "$T/api.body")"
api_refused 409 PATCH /filters/delay '{"is_enabled":false}' | finds 'slow.*v0' || die "who uses it is not named"
api_refused 422 PATCH /filters/delay '{"version":"9"}' >/dev/null

api_ok PATCH /filters/trace '{"is_enabled":true}' >/dev/null
api_ok PATCH /filters/inject '{"is_enabled":false}' >/dev/null
api_refused 422 POST /policies '{"name":"p","rules":[{"filter":"inject"}]}' | finds -i 'disabled' || die "a disabled filter is taken"
etag=$(grep -i '^etag:' "$T/api.head" || true)
[ -z "$etag" ] || die "a refusal has an ETag"
api_refused 412 PATCH /filters/inject '{"is_enabled":true}' -H 'If-Match: "9999"' >/dev/null
api_ok PATCH /filters/inject '{"is_enabled":true}' >/dev/null
api_ok POST /policies '{"name":"p","rules":[{"filter":"inject"}]}' >/dev/null
policyd_stop
stop_daemons
