#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# By commands alone: two appliances are paired, two volumes are a group in async mode, both go over in a planned
# failover, names that are taken on the peer get another one, the replication is ended. (What an initiator's load sees of
# a failover: test-replicate-failover-by-rest.sh.)
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
. "$(dirname "$0")/../lib/replicated.sh"

appliances_start
code=$(sluice_on a --json peer offer b | jq -r .code)
sluice_on b peer create a --address "$(address_of a)" --code "$code" >"$T/out"
wait_until 20 "a to know b" peer_is_paired_quietly a b
sluice_on b volume create web2 --datastore d0 --size 16M >"$T/out"
for v in web1 web2; do
	sluice_on a volume create $v --datastore d0 --size 32M >"$T/out"
done
sluice_on a replication create web --peer b --volume web1 --volume web2 --mode async --compression lz4 --journal 64M >"$T/out" ||
	die "it is not made: $(cat "$T/out")"
wait_until 30 "a to serve" rep_is a web .status.is_serving true
wait_until 30 "b to be a replica that is complete" rep_is b web .status.is_consistent true
wait_until 20 "everything to be there" rep_is a web .status.dirty_bytes 0
[ "$(rep b web '.volumes | join(" ")')" = "web1 web2-from-a" ] || die "on b it has: $(rep b web .volumes)"
sluice_on a replication list >"$T/list"
grep -q "web .*b .*primary" "$T/list" || die "the list: $(cat "$T/list")"
! sluice_on b replication promote web >"$T/out" 2>&1 || die "a promotion beside a living primary"
wait_until 30 "b to be ready for it" rep_is a web .status.peer_up true
sluice_on a replication handover web >"$T/out" || die "no hand-over: $(cat "$T/out")"
wait_until 20 "b to export both" exports b web2-from-a
exports b web1 || die "b exports one of two"
wait_until 20 "a to withdraw both" exports_not a web1
exports a web2 && die "a exports one of two"
sluice_on a audit list >"$T/audit" 2>&1 || true
sluice_on b --yes replication delete web >"$T/out" || die "it does not end: $(cat "$T/out")"
api_ok_on b GET /volumes/web1 >/dev/null
[ "$(jq -r .desired_state "$T/b/api.body")" = online ] || die "what serves went offline"
