#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 300 s
#
# What is asked of a replication by REST, each with two appliances: a policy travels to the replica and is changed at the
# primary alone; pause and resume; a replica that was damaged behind everybody's back is found by verify and mended by
# its repair; after both were off the primary serves once that is confirmed; the configuration document has peers and
# replications; what is replicated is not deleted.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
. "$(dirname "$0")/../lib/replicated.sh"
expect_error 'the last sluice-filterd ended by|filter_hung'

appliances_start
appliances_pair
replicated web1 33554432 '"mode":"async","rpo_target_ms":500'
wait_until 30 "a to serve" rep_is a r-web1 .status.is_serving true
wait_until 30 "b to be a replica that is complete" rep_is b r-web1 .status.is_consistent true
wait_until 20 "a to export it" exports a web1
DISK=$(disk_url a web1)
writes() { [ "$(on a bash -c "echo write $1 $2 $3 | $(tool scsi_sh) $DISK")" = good ] || die "a takes no write"; }
is_copied() { rep_is a r-web1 '.status | .head_lsn == .persisted_lsn and .dirty_bytes == 0' true && cmp -s "$T/a/d0/web1.img" "$T/b/d0/web1.img"; }
writes 0 64 1
wait_until 30 "the replica to be equal" is_copied

note "a policy travels"
policy_of() { (api_on "$1" GET /volumes/web1) | jq -r '.assignment.policy'; }
policy_is() { [ "$(policy_of "$1")" = "$2" ]; }
has_observe() { (api_on "$1" GET /policies/observe >/dev/null && [ "$STATUS" = 200 ]); }
for name in a b; do
	wait_until 30 "$name to have the policies that came with it" has_observe "$name"
done
refused_on b 409 PUT /volumes/web1/policy '{"policy":"observe"}'
jq -e '.detail | test("at a")' "$T/b/api.body" >/dev/null || die "it does not say where: $(cat "$T/b/api.body")"
api_ok_on a PUT /volumes/web1/policy '{"policy":"observe"}' >/dev/null
task_done_on a
wait_until 20 "b's volume to have it" policy_is b observe
has_filter() { ask_on "$1" '{"request":"volume.show","name":"web1"}' | jq -e --arg f "$2" '[.. | objects | select(.filter? == $f)] | length > 0'; }
wait_until 30 "b's volume to have its filters" has_filter b trace
api_ok_on a DELETE /volumes/web1/policy >/dev/null
task_done_on a
wait_until 20 "b's volume to have none" policy_is b null
wait_until 30 "a to serve" rep_is a r-web1 .status.is_serving true

note "pause and resume"
api_ok_on a POST /replications/r-web1/pause >/dev/null
task_done_on a
wait_until 10 "it to be paused" rep_is a r-web1 .status.is_paused true
writes 1000 64 2
lags() { [ "$(rep a r-web1 .status.lag_ms)" -gt 1500 ]; }
wait_until 20 "the replica to lag" lags
cmp -s "$T/a/d0/web1.img" "$T/b/d0/web1.img" && die "a write came while it was paused"
api_ok_on a POST /replications/r-web1/resume >/dev/null
task_done_on a
wait_until 30 "the replica to be equal again" is_copied
api_ok_on a PATCH /replications/r-web1 '{"mode":"sync","when_peer_is_lost":"continue"}' >/dev/null
wait_until 60 "the pair to be in sync" rep_is a r-web1 .state primary_pair
api_ok_on a POST /replications/r-web1/pause >/dev/null
task_fails_on a async

note "a damaged replica is found, and repaired"
dd if=/dev/urandom of="$T/b/d0/web1.img" bs=4096 seek=100 count=3 conv=notrunc,fsync 2>/dev/null
api_ok_on a POST /replications/r-web1/verify >/dev/null
task_fails_on a "3 blocks compared different"
cmp -s "$T/a/d0/web1.img" "$T/b/d0/web1.img" && die "it repaired what was only to be reported"
api_ok_on a POST /replications/r-web1/verify '{"repair":true}' >/dev/null
task_done_on a
wait_until 20 "the replica to be equal" cmp -s "$T/a/d0/web1.img" "$T/b/d0/web1.img"
api_ok_on a POST /replications/r-web1/verify >/dev/null
task_done_on a

note "a document"
api_ok_on a GET /config >/dev/null
jq -e '[.replications[].name, .replications[].volumes[], .peers[].name] == ["r-web1", "web1", "b"]' "$T/a/api.body" >/dev/null ||
	die "the document: $(jq -c '{replications, peers}' "$T/a/api.body")"
cp "$T/a/api.body" "$T/document"
api_ok_on b GET /config >/dev/null
jq -e '.replications == []' "$T/b/api.body" >/dev/null || die "what a began stands in b's document: $(jq -c .replications "$T/b/api.body")"
api_ok_on a POST /config/diff "$(cat "$T/document")" >/dev/null
jq -e .is_same "$T/a/api.body" >/dev/null || die "a document differs from itself: $(cat "$T/a/api.body")"
api_ok_on a POST /config/apply "$(jq -c '.replications[0].rpo_target_ms = 3000' "$T/document")" >/dev/null
wait_until 20 "b to be told" rep_is b r-web1 .rpo_target_ms 3000
refused_on a 409 POST /config/apply "$(jq -c '{document: (.volumes = []), prune: true, prune_volumes: true}' "$T/document")"
jq -e '.detail | test("replication r-web1 with b")' "$T/a/api.body" >/dev/null || die "no reason: $(cat "$T/a/api.body")"

note "what is replicated stays"
refused_on b 409 DELETE "/volumes/web1?confirm=web1"
refused_on a 409 PATCH /volumes/web1 '{"size_bytes":67108864,"description":"x"}'
refused_on b 409 PATCH /volumes/web1 '{"size_bytes":67108864}'

note "both were off: a serves once that is confirmed"
kill_filterd_on a
kill_filterd_on b
filterd_on a
wait_until 30 "a to know its role" rep_is a r-web1 .role primary
wait_until 30 "a to say that it does not serve" rep_is a r-web1 .status.is_serving false
wait_until 20 "a to withdraw it" exports_not a web1
api_ok_on a POST /replications/r-web1/confirm >/dev/null
task_done_on a
wait_until 30 "a to serve" rep_is a r-web1 .status.is_serving true
wait_until 20 "a to export it" exports a web1
filterd_on b
wait_until 60 "the pair to be in sync" rep_is a r-web1 .state primary_pair
