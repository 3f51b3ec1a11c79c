#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A policy's change is a new version; volumes stay on theirs until it is applied, and then their chain follows.
# Bundled policies are cloned, not changed; one that is assigned is not deleted.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

chain_has() { ctl --json volume show v0 | jq -e --arg f "$1" --arg v "$2" '[.. | objects | select(.filter? == $f)][0].params.read_us == $v'; }
compliance_is() {
	api GET "/compliance?q=v0" >/dev/null
	[ "$(jget '.items[0].status')" = "$1" ]
}

start_appliance
# bundled: there once filterd's filters are known, for reading and cloning
has_sample() { api GET /policies/observe >/dev/null && [ "$STATUS" = 200 ]; }
wait_until 30 "the bundled policy" has_sample
[ "$(jget .is_bundled)" = true ] || die "observe is not marked as bundled"
api_refused 403 PATCH /policies/observe '{"description":"mine"}' | finds 'clone' || die "no word of cloning"
api_refused 403 DELETE /policies/observe >/dev/null
api_ok POST /policies '{"name":"watch","clone_of":"observe"}' >/dev/null
[ "$(jget '.rules[0].filter + " " + (.is_bundled | tostring)')" = "trace false" ] || die "the clone is: $(cat "$T/api.body")"
api_refused 422 POST /policies '{"name":"both","clone_of":"observe","rules":[]}' >/dev/null
api_refused 422 POST /policies '{"name":"bad","rules":[{"filter":"nothing"}]}' | jq -e '.field | test("rules\\[0\\]")' >/dev/null ||
	die "the field is not named: $(cat "$T/api.body")"
api_refused 422 POST /policies '{"name":"bad","rules":[{"filter":"delay","parameters":{"speed":"9"}}]}' >/dev/null
api_refused 422 POST /policies '{"name":"bad","rules":[{"filter":"delay"},{"filter":"delay"}]}' >/dev/null
api_refused 409 POST /policies '{"name":"watch","rules":[]}' >/dev/null

api_ok POST /policies '{"name":"slow","rules":[{"filter":"delay","parameters":{"read_us":"100"}}],"comment":"first"}' >/dev/null
[ "$STATUS" = 201 ] || die "created with $STATUS"
volume_make v0 16777216 '"policy":"slow"'
chain_has delay 100 >/dev/null || die "the chain is not the policy's: $(ctl --json volume show v0)"
wait_until 20 "v0 to be compliant" compliance_is compliant

# a new version runs nowhere until it is applied
api_ok PATCH /policies/slow '{"rules":[{"filter":"delay","parameters":{"read_us":"200"}}],"comment":"second"}' >/dev/null
[ "$(jget .version)" = 2 ] || die "no second version: $(cat "$T/api.body")"
api_ok PATCH /policies/slow '{"rules":[{"filter":"delay","parameters":{"read_us":"200"}}]}' >/dev/null
[ "$(jget .version)" = 2 ] || die "the same rules are a new version: $(cat "$T/api.body")"
api_ok POST /compliance/check >/dev/null
task_done
wait_until 20 "v0 to be out of date" compliance_is out_of_date
chain_has delay 100 >/dev/null || die "the new version was applied by itself"
api_ok GET /policies/slow/versions >/dev/null
[ "$(jget '[.items[] | [.version, .volumes, .comment]] | tostring')" = '[[2,0,"second"],[1,1,"first"]]' ] ||
	die "versions: $(cat "$T/api.body")"
api_ok GET /policies/slow/versions/1 >/dev/null
[ "$(jget '.rules[0].parameters.read_us')" = 100 ] || die "version 1: $(cat "$T/api.body")"
api_refused 404 GET /policies/slow/versions/3 >/dev/null
api_ok GET /policies/slow/diff >/dev/null
[ "$(jget '.changed[0].parameters.read_us | [.from, .to] | tostring')" = '["100","200"]' ] || die "diff: $(cat "$T/api.body")"
api_ok GET "/policies/slow/diff?from=1&to=1" >/dev/null
[ "$(jget .is_same)" = true ] || die "a version differs from itself"

api_refused 409 DELETE /policies/slow | finds v0 || die "the refusal does not name v0"
api_refused 422 POST /policies/slow/apply '{"volumes":["v9"]}' >/dev/null
api_ok POST /policies/slow/apply '{}' >/dev/null
task_done
chain_has delay 200 >/dev/null || die "the chain did not follow: $(ctl --json volume show v0)"
wait_until 20 "v0 to be compliant again" compliance_is compliant
api_ok DELETE /volumes/v0/policy >/dev/null
task_done
api_ok DELETE /policies/slow >/dev/null
api_refused 404 GET /policies/slow >/dev/null
policyd_stop
stop_daemons
