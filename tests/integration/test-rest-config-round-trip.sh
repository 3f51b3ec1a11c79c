#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# An export applied to another appliance gives the same configuration; a document is compared, applied whole or not at
# all, and takes away only what it is told to. 500 volumes in one document are one task.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

# apply FILE [JQ FILTER]: the document in FILE, changed by the filter
document() { jq -c "${2:-.}" "$1" >"$T/document.json"; }
apply() { document "$@" && api_ok POST /config/apply "@$T/document.json" >/dev/null; }
differs() { document "$@" && api_ok POST /config/diff "@$T/document.json" >/dev/null; }

start_appliance
knows_filters() { api GET /filters/delay >/dev/null && [ "$STATUS" = 200 ]; }
wait_until 30 "the filters to be known" knows_filters
api_ok POST /policies '{"name":"slow","rules":[{"filter":"delay","parameters":{"read_us":"100"}}]}' >/dev/null
host_make one iqn.2026-01.test:One '"addresses":["10.0.0.1","::1"]'
host_make three iqn.2026-01.test:three
host_make two iqn.2026-01.test:two '"chap_user":"two","chap_secret":"abcdefgh12345678"'
api_ok POST /host-groups '{"name":"all","members":["three","one"]}' >/dev/null
volume_make v0 16777216 '"policy":"slow","hosts":["one"],"host_groups":["all"],"description":"first \"quoted\""'
volume_make v1 33554432 '"block_bytes":4096'
api_ok GET /config >"$T/export.json"
[ "$(jq -r .format "$T/export.json")" = 1 ] || die "the format is not named"
grep -q 'abcdefgh' "$T/export.json" && die "a secret is in the export"
jq -e '[.policies[].name] == ["slow"]' "$T/export.json" >/dev/null || die "bundled policies are in the export"
api_ok GET /config >"$T/again.json"
cmp "$T/export.json" "$T/again.json" || die "two exports differ"
differs "$T/export.json" '. + {prune: true, prune_volumes: true}'
[ "$(jget '.is_same')" = true ] || die "an export differs from itself: $(cat "$T/api.body")"
apply "$T/export.json"
[ "$STATUS $(jget '.task_id')" = "200 null" ] || die "nothing to do made a task: $(cat "$T/api.body")"

# what is wrong is named, and nothing of the document is done
refused() {
	document "$T/export.json" "$2"
	api_refused "$1" POST /config/apply "@$T/document.json" >/dev/null
	[ "$(jget .field)" = "$3" ] || die "the field: $(cat "$T/api.body")"
}
refused 422 '.volumes += [{name: "new", datastore: "main", size_bytes: 1048576}, {name: "bad", datastore: "nowhere", size_bytes: 1048576}]' 'volumes[3].datastore'
refused 422 '.volumes[0].size = 5' 'volumes[0].size'
refused 422 '.hosts[1].iqn = "three"' 'hosts[1].iqn'
refused 422 '.policies[0].rules[0].parameters.read_us = "soon"' 'policies[0].rules[0].parameters.read_us'
refused 422 '.volumes += [.volumes[0]]' 'volumes[2].name'
refused 422 '.disks = []' disks
refused 422 '.format = 2' format
refused 422 '.volumes[1].size_bytes = 1048576' 'volumes[1].size_bytes'
api_refused 404 GET /volumes/new >/dev/null

# changes, seen before and after
change='.volumes[0].policy = null | .volumes[0].hosts = ["three"] | .volumes[1].size_bytes = 67108864 | .hosts[0].description = "x"
	| .policies[0].rules[0].parameters.read_us = "200" | .volumes += [{name: "v2", datastore: "main", size_bytes: 1048576, policy: "slow"}]'
differs "$T/export.json" "$change"
[ "$(jget '[.changes[] | .action + " " + .object_name] | join(", ")')" = "change slow, change one, change v0, change v1, create v2" ] ||
	die "the difference: $(cat "$T/api.body")"
[ "$(jget '.changes[3].members.size_bytes | tostring')" = '{"from":33554432,"to":67108864}' ] || die "v1: $(cat "$T/api.body")"
document "$T/export.json" "$change"
api_ok POST "/config/apply?dry_run=1" "@$T/document.json" >/dev/null
jq -e '[.plan[].step] | index("volume.create")' "$T/api.body" >/dev/null || die "the plan: $(cat "$T/api.body")"
api_refused 404 GET /volumes/v2 >/dev/null
apply "$T/export.json" "$change"
[ "$STATUS" = 202 ] || die "status $STATUS"
task_done
[ "$(ctl --json volume show v1 | jq -r '[.. | .size_bytes? // empty][0]')" = 67108864 ] || die "v1 did not grow"
ctl --json volume show v0 | jq -e '[.. | .filter? // empty] | index("delay") | not' >/dev/null || die "v0 has its policy still"
differs "$T/export.json" "$change"
[ "$(jget .is_same)" = true ] || die "not the same after it was applied: $(cat "$T/api.body")"

# without prune nothing goes; with it what is not named, volumes only by their own word
apply "$T/export.json" "$change | del(.volumes[2]) | .prune = true"
[ "$(jget .is_same)" = true ] || die "prune alone takes a volume: $(cat "$T/api.body")"
apply "$T/export.json" "$change | del(.volumes[2]) | .host_groups = [] | .volumes[0].host_groups = [] | .prune = true | .prune_volumes = true"
task_done
gone() { api GET /volumes/v2 >/dev/null && [ "$STATUS" = 404 ]; }
wait_until 30 "v2 to be gone" gone
api_refused 404 GET /host-groups/all >/dev/null

# 500 volumes at once
jq -n '{volumes: [range(500) | {name: "bulk\(.)", datastore: "main", size_bytes: 1048576, hosts: ["one"]}]}' >"$T/bulk.json"
before=$(now_ms)
apply "$T/bulk.json"
accepted=$(($(now_ms) - before))
note "500 volumes accepted after $accepted ms"
TASK_LIMIT_S=120 task_done
note "and running after $(($(now_ms) - before)) ms"
api_ok GET "/volumes?q=bulk&limit=1" >/dev/null
[ "$(jget .total)" = 500 ] || die "there are $(jget .total)"
[ "$accepted" -lt $((15000 * PATIENCE)) ] || die "that is too slow"

# to another appliance: an empty database gets the same configuration
policyd_stop
mv "$T/policy" "$T/policy.before"
ctl volume delete v0 --yes >/dev/null 2>&1 || true
policyd_start
wait_until 30 "the filters to be known" knows_filters
apply "$T/export.json" '.volumes = []'
jget '.chap_secrets.two' | finds -E '^.{16}$' || die "the new secret is not told: $(cat "$T/api.body")"
api_ok GET /config >"$T/other.json"
diff <(jq 'del(.volumes)' "$T/export.json") <(jq 'del(.volumes)' "$T/other.json") || die "the configurations differ"
policyd_stop
stop_daemons
