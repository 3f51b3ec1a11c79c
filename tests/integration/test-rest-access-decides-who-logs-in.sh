#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# Nobody reaches a volume before he is allowed to; then with his secret alone; and not any more when it is
# taken from him, in the middle of his session too.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
ONE=iqn.2026-01.test.client:one
TWO=iqn.2026-01.test.client:two

logs_in() { # NAME [USER%SECRET@]
	local url
	url=$(lun_url v0 "${2:-}")
	[ "$(timeout 20 "$(tool scsi_sh)" --name "$1" --limit-ms 3000 "$url" <<<tur 2>/dev/null)" = good ]
}
logs_in_not() { ! logs_in "$@"; }

volume_make v0 67108864
host_make one "$ONE"
host_make two "$TWO"
logs_in_not "$ONE" || die "an initiator that nobody allowed got in"

api_ok PUT /volumes/v0/access '{"hosts":["one"]}' >/dev/null
task_done
logs_in "$ONE" || die "the allowed host does not get in"
logs_in_not "$TWO" || die "a host that is not in the list got in"

note "a group lets its members in"
api_ok POST /host-groups '{"name":"cluster","members":["one","two"]}' >/dev/null
task_done
api_ok PUT /volumes/v0/access '{"host_groups":["cluster"]}' >/dev/null
task_done
logs_in "$TWO" || die "a member of the group does not get in"
api_ok PATCH /host-groups/cluster '{"members":["one"]}' >/dev/null
task_done
logs_in_not "$TWO" || die "who left the group still gets in"

note "CHAP"
api_ok PATCH /hosts/one '{"chap_user":"one","chap_secret":"sesame-open-77"}' >/dev/null
task_done
logs_in_not "$ONE" || die "got in without CHAP"
logs_in_not "$ONE" "one%wrong-secret-00@" || die "got in with a wrong secret"
logs_in "$ONE" "one%sesame-open-77@" || die "the right secret is refused"
api_ok PATCH /hosts/one '{"generate_chap_secret":true}' >/dev/null
secret=$(jget .chap_secret)
task_done
logs_in_not "$ONE" "one%sesame-open-77@" || die "the old secret still works"
logs_in "$ONE" "one%$secret@" || die "the generated secret is refused"
api_ok PUT /volumes/v0/mutual-chap '{"user":"box","secret":"open-sesame-78"}' >/dev/null
task_done
for s in "$secret" sesame-open-77 open-sesame-78; do
	! grep -rqaF -- "$s" "$T/policy" "$T"/*.log || die "a secret stands in clear in the database or a log"
done
logs_in "$ONE" "one%$secret@" || die "mutual CHAP keeps out who does not ask for it"
api_ok DELETE /volumes/v0/mutual-chap >/dev/null
task_done

note "sessions are seen and ended"
session_open --name "$ONE" "$(lun_url v0 "one%$secret@")"
is_seen() { api GET '/iscsi-sessions?volume=v0' >/dev/null && [ "$(jget .total)" = "$1" ]; }
wait_until 20 "the session to be seen" is_seen 1
[ "$(jget '.items[0].host')" = one ] || die "the session's host is not named: $(cat "$T/api.body")"
api_refused 409 DELETE '/volumes/v0?confirm=v0' | jq -r .detail | grep "$ONE" || die "who is logged in is not named"
api_refused 409 POST /volumes/v0/stop >/dev/null
[ "$(jq -r .field "$T/api.body")" = force ] || die "force is not named"
api_refused 404 DELETE /iscsi-sessions/99-99-99 >/dev/null
api_ok PUT /volumes/v0/access '{}' >/dev/null
task_done
wait_until 20 "the session to end" is_seen 0
session_close
logs_in_not "$ONE" "one%$secret@" || die "got in after access was taken away"

note "a session is closed by hand"
api_ok PUT /volumes/v0/access '{"hosts":["one"]}' >/dev/null
task_done
session_open --raw --name "$ONE" "$(lun_url v0 "one%$secret@")"
wait_until 20 "the session to be seen" is_seen 1
api_ok DELETE "/iscsi-sessions/$(jget '.items[0].id')" >/dev/null
task_done
wait_until 20 "the session to be gone" is_seen 0
session_close
