#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# What is grown, stopped and deleted by REST is so for the initiator, and its data goes away with it.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
MIB=1048576
host_make one "$INITIATOR"
volume_make v0 $((64 * MIB)) '"hosts":["one"]'
URL=$(lun_url v0)
as_one() { printf '%s\n' "${@:2}" | timeout 30 "$(tool scsi_sh)" --name "$INITIATOR" --limit-ms 3000 "$1"; }

session_open --name "$INITIATOR" "$URL"
session_do "write 131064 8 0x64"
expect "a write at the old end" good "$REPLY"
api_ok PATCH /volumes/v0 "{\"size_bytes\":$((96 * MIB))}" >/dev/null
task_done
told() { session_do tur && [ "$REPLY" = "check 6/2A/09" ]; }
wait_until 10 "the unit attention 6/2A/09" told
session_do readcap
expect "the new capacity" "good blocks=196608 *" "$REPLY"
session_do "check 131064 8 0x64"
expect "the old data" good "$REPLY"
session_close
no_sessions() { api GET /iscsi-sessions >/dev/null && [ "$(jget .total)" = 0 ]; }
wait_until 20 "the session to be gone" no_sessions

note "a datastore with a volume stays"
api_refused 409 DELETE /datastores/main | jq -r .detail

note "flush, stop, start"
api_ok POST /volumes/v0/flush >/dev/null
task_done
api_ok POST "/volumes/v0/stop?force=1" >/dev/null
task_done
[ "$(as_one "$URL" tur 2>/dev/null)" != good ] || die "a stopped volume answers"
api_ok POST /volumes/v0/start >/dev/null
task_done
expect "after the start" "good" "$(as_one "$URL" "check 131064 8 0x64" | tail -n 1)"

note "delete"
uuid=$(api_ok GET /volumes/v0 | jq -r .uuid)
before=$(find "$T/main" -type f | wc -l)
api_refused 422 DELETE /volumes/v0 | jq -r .detail
api_ok DELETE "/volumes/v0?confirm=v0&force=1" >/dev/null
task_done
api_refused 404 GET /volumes/v0 >/dev/null
[ "$(find "$T/main" -type f | wc -l)" -lt "$before" ] || die "its image is still there"
[ "$(as_one "$URL" tur 2>/dev/null)" != good ] || die "a deleted volume answers"

note "the same name again is another volume"
volume_make v0 $((64 * MIB)) '"hosts":["one"]'
[ "$(api_ok GET /volumes/v0 | jq -r .uuid)" != "$uuid" ] || die "it has the old one's identity"
expect "nothing of the old one" "good" "$(as_one "$URL" "check 131064 8 0" | tail -n 1)"
