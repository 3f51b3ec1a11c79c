#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 300 s
#
# By REST, under the verified load of an initiator that follows the export: a planned failover during which policyd is
# killed on both sides; the loss of an appliance, after which the replica is promoted only by force, with the loss named;
# a split brain, made by promoting behind a cut cable: both sides are seen, neither is exported, what was written on the
# side that is kept stays. In sync mode no acknowledged write is lost by any of it.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
. "$(dirname "$0")/../lib/replicated.sh"
expect_error 'the last sluice-filterd ended by|filter_hung|split_brain'

appliances_start
appliances_pair
replicated web1 67108864 '"mode":"sync","when_peer_is_lost":"continue"'
wait_until 30 "the pair to be in sync" rep_is a r-web1 .state primary_pair
api_ok_on b PUT /volumes/web1/access '{"hosts":["h1"],"host_groups":[]}' >/dev/null
serves() { [ "$(rep "$1" r-web1 .status.is_serving)" = true ]; }
follow a web1
LOAD_URL=$FOLLOWED_URL load_start --sessions 2 --depth 4 --mix read=4,write=5,sync=1 --blocks 65536
load_advances 100

note "policyd is killed on both sides while a hand-over is under way"
api_ok_on a POST /replications/r-web1/handover >/dev/null
task=$(jq -r .task_id "$T/a/api.body")
kill_bg policyd-a KILL
kill_bg policyd-b KILL
policyd_on a
policyd_on b
follow b web1
wait_until 30 "a to withdraw it" exports_not a web1
task_done_on a "$task"
load_advances 100
wait_until 30 "the pair to be in sync again" rep_is b r-web1 .state primary_pair

note "b is lost with all it runs; a is promoted"
switch_to none
kill_filterd_on b
kill_bg policyd-b KILL
kill_bg tgtd-b KILL
wait_until 20 "a to miss it" rep_is a r-web1 .status.peer_up false
refused_on a 409 POST /replications/r-web1/handover
if rep_is a r-web1 .state secondary_insync; then
	api_on a POST /replications/r-web1/promote >/dev/null
	[ "$STATUS" != 202 ] || task_fails_on a force
fi
refused_on a 422 POST /replications/r-web1/promote '{"force":true}'
jq -e '.detail | test("lose")' "$T/a/api.body" >/dev/null || die "the loss is not named: $(cat "$T/a/api.body")"
refused_on a 422 POST /replications/r-web1/promote '{"force":true,"confirm":"web1"}'
api_ok_on a POST /replications/r-web1/promote '{"force":true,"confirm":"r-web1"}' >/dev/null
task_done_on a
follow a web1
load_advances 100

note "b comes back: it does not serve, and is brought up to date"
filterd_on b
tgtd_on b
tgtd_reachable b
policyd_on b
wait_until 60 "the pair to be whole" rep_is a r-web1 .state primary_pair
exports b web1 && die "b exports, too"

note "b is promoted by force behind a cut cable, and written to: a split brain"
ip link set to-b down
wait_until 20 "b to miss a" rep_is b r-web1 .status.peer_up false
load_advances 100 # a goes on alone
api_ok_on b POST /replications/r-web1/promote '{"force":true,"confirm":"r-web1"}' >/dev/null
task_done_on b
wait_until 20 "b to export it" exports b web1
[ "$(on b bash -c "echo write 100000 8 77 | $(tool scsi_sh) $(disk_url b web1)")" = good ] || die "b takes no write"
ip link set to-b up
wait_until 60 "a to see the split" rep_is a r-web1 .state diverged
wait_until 60 "b to see the split" rep_is b r-web1 .state diverged
wait_until 20 "a to withdraw it" exports_not a web1
wait_until 20 "b to withdraw it" exports_not b web1
alerted() { (api_on "$1" GET /alerts) | jq -e '[.items[] | select(.rule == "replication-split-brain" and .state != "cleared")] | length > 0'; }
wait_until 30 "an alert on a" alerted a
for side in a b; do
	[ "$(rep $side r-web1 .status.wrote_alone)" = true ] || die "$side does not say that it wrote alone: $(rep $side r-web1 .)"
	[ "$(rep $side r-web1 '.status.lineage | length > 1')" = true ] || die "$side does not show who wrote when"
	refused_on $side 409 POST /replications/r-web1/handover
done
refused_on a 422 POST /replications/r-web1/resolve '{"keep":"mine"}'
refused_on a 422 POST /replications/r-web1/resolve '{"keep":"own"}'
jq -e '.detail | test("b has written alone")' "$T/a/api.body" >/dev/null || die "what goes is not named: $(cat "$T/a/api.body")"
api_ok_on a POST /replications/r-web1/resolve '{"keep":"own","confirm":"r-web1"}' >/dev/null
task_done_on a
follow a web1
wait_until 60 "the pair to be in sync at last" rep_is a r-web1 .state primary_pair
load_advances 100
load_stop 'check 2/04/01' # a side that hands over, or has been left behind, is not ready
api_ok_on a POST /replications/r-web1/verify >/dev/null
task_done_on a
cmp "$T/a/d0/web1.img" "$T/b/d0/web1.img" || die "the two sides differ"
