#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 400 s
#
# Two appliances in a browser each: paired by a code, a volume replicated, paused, compared, failed over and back, both
# promoted while the cable is cut, the split brain ended, the replication ended; a failover tried without being one.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/two.sh
. "$ROOT/tests/lib/two.sh"
# shellcheck source=tests/lib/replica.sh
. "$ROOT/tests/lib/replica.sh"
# shellcheck source=tests/lib/replicated.sh
. "$ROOT/tests/lib/replicated.sh"
command -v chromium >/dev/null || die "chromium is missing; run \"sudo scripts/install-deps.sh test\"."
[ -d "$ROOT/build/npm-dev/node_modules/playwright-core" ] || die "build/npm-dev is missing; say: make console-tools"
export CONSOLE_PASSWORD='red house nine oaks' CONSOLE_ROOT=$ROOT

browse_on() { # NODE PART
	CONSOLE_URL=https://$(address_of "$1"):8443 CONSOLE_T=$T timeout -k 5 "$((50 * ${SLUICE_PATIENCE:-3}))" node "$ROOT/tests/console/replication.mjs" "$2" ||
		die "$2 at $1: see above"
}
# Each loses what the other sends; the browser sees both.
apart() {
	cable_oneway a b
	cable_oneway b a
}
# A host writes for a second at NODE.
writes() {
	on "$1" timeout 60 "$(tool iscsi_bench)" --bytes 4096 --depth 1 --write-pct 100 --seconds 1 \
		"iscsi://127.0.0.1:3260/$(target_iqn "$1" web1)/1" >"$T/written-$1" 2>&1 || die "nothing is written at $1: $(cat "$T/written-$1")"
}
serves() { rep_is "$1" r-web1 .status.is_serving true; }

appliances_start
for n in a b; do
	webd_on "$n"
	api_ok_on "$n" POST /users "{\"name\":\"anna\",\"role\":\"admin\",\"password\":\"$CONSOLE_PASSWORD\"}" >/dev/null
done
api_ok_on a POST /volumes '{"name":"web1","datastore":"d0","size_bytes":67108864,"hosts":["h1"]}' >/dev/null
task_done_on a

browse_on a offer
PEER_ADDRESS=$(address_of a) browse_on b join
wait_until 20 "a to know b" peer_is_paired_quietly a b
browse_on a replicate
wait_until 30 "the pair to be in sync" rep_is a r-web1 .state primary_pair
# Who answers a write when both sides have it cannot pause: the console offers it in async mode alone.
mode_is() {
	api_ok_on a PATCH /replications/r-web1 "{\"mode\":\"$1\"}" >/dev/null
	wait_until 20 "b to be in mode $1" rep_is b r-web1 .status.mode "$1"
	wait_until 20 "a to be in mode $1" rep_is a r-web1 .status.mode "$1"
}
mode_is async
browse_on a pause
rep_is a r-web1 .status.is_paused true || die "it is not paused"
writes a
browse_on a go_on
mode_is sync
wait_until 30 "what was written meanwhile to be brought over" rep_is a r-web1 .state primary_pair
browse_on b rehearse
rehearsed() { [ "$(api_on b GET "/volumes/$1" | jq -r .running_state)" = "$2" ]; }
rehearsed web1-test online || die "the copy for the test does not run"
on b timeout 60 "$(tool iscsi_bench)" --bytes 4096 --depth 1 --write-pct 100 --seconds 1 \
	"iscsi://127.0.0.1:3260/$(target_iqn b web1-test)/1" >"$T/rehearsed" 2>&1 || die "the copy is not written: $(cat "$T/rehearsed")"
rep_is a r-web1 .state primary_pair || die "the test has disturbed the pair"
browse_on b end_rehearsal
browse_on a life
wait_until 20 "b to serve" serves b
wait_until 30 "the pair to be in sync again" rep_is b r-web1 .state primary_pair
browse_on a failback
wait_until 20 "a to serve" serves a
wait_until 30 "the pair to be in sync at home" rep_is a r-web1 .state primary_pair

apart
wait_until 30 "b to miss a" rep_is b r-web1 .status.peer_up false
browse_on b promote
wait_until 20 "b to serve by force" serves b
wait_until 20 "b to export it" exports b web1
api_ok_on b PUT /volumes/web1/access '{"hosts":["h1"],"host_groups":[]}' >/dev/null
task_done_on b
writes a
writes b
cable_mend
wait_until 60 "the split to be seen" rep_is b r-web1 .state diverged
browse_on b resolve
wait_until 60 "the pair to be in sync at last" rep_is b r-web1 .state primary_pair
browse_on b end
