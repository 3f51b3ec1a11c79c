#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# Two appliances are paired and replicate a volume by REST alone: the copy bears the same identity and is exported
# nowhere before it serves; a planned failover moves the export; failback moves it back; verify, growth, removal.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
. "$(dirname "$0")/../lib/replicated.sh"

appliances_start
appliances_pair
replicated web1 67108864 '"mode":"sync","when_peer_is_lost":"continue"'
wait_until 30 "the pair to be in sync" rep_is a r-web1 .state primary_pair
wait_until 10 "b to say so" rep_is b r-web1 .state secondary_insync
api_ok_on a GET /volumes/web1 >/dev/null
uuid=$(jq -r .uuid "$T/a/api.body")
api_ok_on b GET /volumes/web1 >/dev/null
[ "$(jq -r '"\(.uuid) \(.size_bytes)"' "$T/b/api.body")" = "$uuid 67108864" ] || die "the copy: $(cat "$T/b/api.body")"
wait_until 10 "a to export it" exports a web1
exports b web1 && die "the replica is exported"
refused_on a 409 DELETE "/volumes/web1?confirm=web1"
refused_on a 409 DELETE /peers/b
refused_on b 409 POST /replications/r-web1/handover
refused_on b 409 PATCH /replications/r-web1 '{"mode":"async"}'
refused_on b 404 POST /replications/nothing/handover

api_ok_on b PUT /volumes/web1/access '{"hosts":["h1"],"host_groups":[]}' >/dev/null
api_ok_on a POST /replications/r-web1/handover >/dev/null
task_done_on a
wait_until 20 "b to export it" exports b web1
wait_until 20 "a to withdraw it" exports_not a web1
wait_until 10 "b to be primary" rep_is b r-web1 .role primary
wait_until 20 "the pair to be in sync again" rep_is b r-web1 .state primary_pair

api_ok_on a POST /replications/r-web1/failback >/dev/null
task_done_on a
wait_until 20 "a to export it again" exports a web1
wait_until 20 "b to withdraw it" exports_not b web1
wait_until 20 "the pair to be in sync at home" rep_is a r-web1 .state primary_pair

api_ok_on a POST /replications/r-web1/verify >/dev/null
task_done_on a
api_ok_on a PATCH /volumes/web1 '{"size_bytes":134217728}' >/dev/null
task_done_on a
api_ok_on b GET /volumes/web1 >/dev/null
[ "$(jq .size_bytes "$T/b/api.body")" = 134217728 ] || die "the copy did not grow: $(cat "$T/b/api.body")"
api_ok_on a PATCH /replications/r-web1 '{"rpo_target_ms":2000}' >/dev/null
wait_until 20 "b to be told" rep_is b r-web1 .rpo_target_ms 2000

api_ok_on a DELETE /replications/r-web1 >/dev/null
task_done_on a
rep_is_gone() { [ "$( (api_on b GET /replications/r-web1 >/dev/null; echo "$STATUS"))" = 404 ]; }
wait_until 20 "b to have ended it, too" rep_is_gone
exports a web1 || die "a does not export its volume any more"
exports b web1 && die "b exports what was a replica"
api_ok_on b GET /volumes/web1 >/dev/null
[ "$(jq -r .desired_state "$T/b/api.body")" = offline ] || die "what was a replica is to be $(jq -r .desired_state "$T/b/api.body")"
api_ok_on a DELETE /peers/b >/dev/null
task_done_on a
