#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
# A snapshot that an operator makes of a replicated volume is listed on the replica's appliance, too; a clone of it is
# made there and is the primary's data; when it is deleted at the primary, it leaves that list.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
. "$(dirname "$0")/../lib/replicated.sh"

appliances_start
appliances_pair
replicated web 33554432 '"mode":"async"'
wait_until 30 "a to serve" rep_is a r-web .status.is_serving true
wait_until 30 "b to be a replica that is complete" rep_is b r-web .status.is_consistent true
wait_until 30 "the resync to be over" rep_is a r-web .status.resync.state idle
wait_until 20 "the export" exports a web
asked() { on "$1" bash -c "echo '$3' | $(tool scsi_sh) $(disk_url "$1" "$2")"; }
write() { [ "$(asked a web "write 2048 128 $1")" = good ] || die "a takes no write"; }
write 7
sluice_on a snapshot create web --name monday >"$T/made" 2>&1 || die "no snapshot: $(cat "$T/made")"
write 8

snapshot_of() { (api_on "$1" GET "/volumes/web/snapshots/$2") >"$T/snapshot-$1" 2>/dev/null && jq -r .state "$T/snapshot-$1"; }
is_ready() { [ "$(snapshot_of "$1" monday)" = ready ]; }
wait_until 60 "the replica's list to have it" is_ready b
sluice_on b snapshot list web >"$T/list" 2>&1 || die "no list: $(cat "$T/list")"
grep -q monday "$T/list" || die "the list of b: $(cat "$T/list")"
[ "$(jq -r .uuid "$T/snapshot-b")" = "$(snapshot_of a monday >/dev/null && jq -r .uuid "$T/snapshot-a")" ] || die "they have different UUIDs"
[ "$(rep a r-web '.status.snapshots[] | select(.name == "monday").state')" = on_replica ] || die "a says $(rep a r-web .status.snapshots)"

# ---------------------------------------------------------------- a clone there
sluice_on b snapshot clone web monday web-test --host h1 >"$T/clone" 2>&1 || die "no clone: $(cat "$T/clone")"
wait_until 60 "the clone's export" exports b web-test
[ "$(asked b web-test "check 2048 128 7")" = good ] || die "it is not what the primary held then: $(asked b web-test "check 2048 128 7")"

# ---------------------------------------------------------------- deleted at the primary
sluice_on a snapshot create web --name tuesday >"$T/made" 2>&1 || die "no snapshot: $(cat "$T/made")"
tuesday_is() { [ "$(snapshot_of b tuesday)" = "$1" ]; }
wait_until 60 "the replica's list to have the second" tuesday_is ready
sluice_on a snapshot delete web tuesday --confirm tuesday >"$T/deleted" 2>&1 || die "not deleted: $(cat "$T/deleted")"
tuesday_is_gone() { [ "$( (api_on b GET /volumes/web/snapshots) | jq '[.. | objects | select(.name? == "tuesday")] | length')" = 0 ]; }
wait_until 60 "it to leave the replica's list" tuesday_is_gone
is_ready b || die "the first one went with it"

# What a clone rests on stays, and the primary says so.
sluice_on a snapshot delete web monday --confirm monday >"$T/deleted" 2>&1 || die "not deleted: $(cat "$T/deleted")"
told() { (api_on a GET '/events?limit=100') | finds "stays on the replica"; }
wait_until 60 "the primary to say that it stays there" told
is_ready b || die "a clone's snapshot is gone"
