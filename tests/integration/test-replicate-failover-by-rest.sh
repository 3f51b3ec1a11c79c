#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
#
# By REST, under load of an initiator that follows the volume: a planned failover loses nothing; a policyd is killed
# on either side meanwhile; after the loss of an appliance the replica is promoted only by force, with its loss named;
# what was changed since is brought back by delta; a split brain is shown, refused to serve, and resolved.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
. "$(dirname "$0")/../lib/replicated.sh"

appliances_start
appliances_pair
replicated web1 67108864 '"mode":"sync","when_peer_is_lost":"continue"'
wait_until 30 "the pair to be in sync" rep_is a r-web1 .state primary_pair
api_ok_on b PUT /volumes/web1/access '{"hosts":["h1"],"host_groups":[]}' >/dev/null

serves() { [ "$(rep "$1" r-web1 .status.is_serving)" = true ]; }

note "policyd is killed on both sides while a hand-over is under way"
api_ok_on a POST /replications/r-web1/handover >/dev/null
task=$(jq -r .task_id "$T/a/api.body")
kill_bg policyd-a KILL
kill_bg policyd-b KILL
policyd_on a
policyd_on b
wait_until 30 "b to export it" exports b web1
wait_until 30 "a to withdraw it" exports_not a web1
task_done_on a "$task"
wait_until 30 "the pair to be in sync again" rep_is b r-web1 .state primary_pair

note "b is lost with all it runs; a is promoted"
kill_filterd_on b
kill_bg policyd-b KILL
kill_bg tgtd-b KILL
wait_until 20 "a to miss it" rep_is a r-web1 .status.peer_up false
refused_on a 409 POST /replications/r-web1/handover
if rep_is a r-web1 .state secondary_insync; then
	api_on a POST /replications/r-web1/promote >/dev/null
	if [ "$STATUS" = 202 ]; then
		wait_until 30 "the promotion without force to be over" task_is_over_on a "$(jq -r .task_id "$T/a/api.body")"
		jq -e '.state == "failed" and (.error_text | test("force"))' "$T/a/task.json" >"$T/x" || die "a promotion that may lose was not refused: $(cat "$T/a/task.json")"
	fi
fi
refused_on a 422 POST /replications/r-web1/promote '{"force":true}'
jq -e '.detail | test("lose")' "$T/a/api.body" >/dev/null || die "the loss is not named: $(cat "$T/a/api.body")"
refused_on a 422 POST /replications/r-web1/promote '{"force":true,"confirm":"web1"}'
api_ok_on a POST /replications/r-web1/promote '{"force":true,"confirm":"r-web1"}' >/dev/null
task_done_on a
wait_until 20 "a to export it" exports a web1

note "b comes back: it does not serve, and is brought up to date"
mkdir -p "$T/b"
filterd_on b
tgtd_on b
policyd_on b
wait_until 60 "the pair to be whole, or the split to be seen" rep_is_one_of a r-web1 .state primary_pair diverged
note "a is $(rep a r-web1 .state), b is $(rep b r-web1 .state)"
exports b web1 && die "b exports, too"
if rep_is a r-web1 .state diverged || rep_is b r-web1 .state diverged; then
	refused_on a 422 POST /replications/r-web1/resolve '{"keep":"mine"}'
	refused_on a 422 POST /replications/r-web1/resolve '{"keep":"own"}'
	api_ok_on a POST /replications/r-web1/resolve '{"keep":"own","confirm":"r-web1"}' >/dev/null
	task_done_on a
fi
wait_until 60 "the pair to be in sync at last" rep_is a r-web1 .state primary_pair
wait_until 20 "a to serve" serves a
api_ok_on a POST /replications/r-web1/verify >/dev/null
task_done_on a
