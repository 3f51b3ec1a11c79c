#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A volume that filterd has and the database does not know is shown, left alone, and adopted on request with
# its data and its identity.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
host_make one "$INITIATOR"
as_one() { printf '%s\n' "${@:2}" | timeout 30 "$(tool scsi_sh)" --name "$INITIATOR" --limit-ms 3000 "$1"; }

ctl volume create stray --datastore main --size 32M >/dev/null
is_shown() {
	api_ok GET /iscsi-sessions >/dev/null # somebody looks, so the reconciler does
	api GET /volumes-unmanaged >/dev/null && [ "$(jget '.items[0].name')" = stray ]
}
wait_until 40 "the stray volume to be shown" is_shown
api_refused 404 POST /volumes-unmanaged/none/adopt >/dev/null
api_refused 404 GET /volumes/stray >/dev/null
ctl filter attach stray passthru >/dev/null
has_filter() {
	api GET /iscsi-sessions >/dev/null
	api POST '/volumes-unmanaged/stray/adopt?dry_run=1' >"$T/adopt"
	[ "$STATUS" = 409 ] && grep -q passthru "$T/adopt"
}
wait_until 40 "adopting to be refused for its filter" has_filter
ctl filter detach stray passthru >/dev/null
no_filter() {
	api GET /iscsi-sessions >/dev/null
	api POST '/volumes-unmanaged/stray/adopt?dry_run=1' >/dev/null
	[ "$STATUS" = 200 ]
}
wait_until 40 "adopting to be possible again" no_filter
uuid=$(ctl --json volume show stray | jq -r '.volume.uuid')

api_ok POST /volumes-unmanaged/stray/adopt >/dev/null
[ "$(jget .desired_state)" = offline ] || die "it would be exported at once"
task_done
api_ok GET /volumes/stray >/dev/null
[ "$(jget .uuid)" = "$uuid" ] || die "another identity: $(jget .uuid), not $uuid"
[ "$(jget .size_bytes)" = 33554432 ] || die "another size: $(jget .size_bytes)"
api_ok PUT /volumes/stray/access '{"hosts":["one"]}' >/dev/null
task_done
api_ok POST /volumes/stray/start >/dev/null
task_done
expect "a write" good "$(as_one "$(lun_url stray)" "write 0 8 1" | tail -n 1)"
api_refused 404 POST /volumes-unmanaged/stray/adopt >/dev/null
