#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A clone has its source's content, size and policy, but none of its hosts, and a life of its own.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
MIB=1048576
as_one() { printf '%s\n' "${@:2}" | timeout 30 "$(tool scsi_sh)" --name "$INITIATOR" --limit-ms 3000 "$1"; }
is_online() { api GET "/volumes/$1" >/dev/null && [ "$(jget .running_state)" = online ]; }

host_make one "$INITIATOR"
api_ok POST /policies '{"name":"seen","rules":[{"filter":"passthru"}]}' >/dev/null
volume_make v0 $((32 * MIB)) '"hosts":["one"],"policy":"seen"'
SOURCE=$(lun_url v0)
as_one "$SOURCE" "write 0 8 0x11" "write 65528 8 0x22" >/dev/null

note "what cannot be cloned"
session_open --name "$INITIATOR" "$SOURCE"
api_refused 409 POST /volumes '{"name":"c","clone_of":"v0"}' | jq -er .detail | grep "$INITIATOR"
session_close
no_sessions() { api POST '/volumes?dry_run=1' '{"name":"c","clone_of":"v0"}' >/dev/null && [ "$STATUS" = 200 ]; }
wait_until 20 "the session to be gone" no_sessions
api_refused 422 POST /volumes '{"name":"c","clone_of":"none"}' >/dev/null
api_refused 422 POST /volumes "{\"name\":\"c\",\"clone_of\":\"v0\",\"size_bytes\":$((16 * MIB))}" | jq -er .field | grep size_bytes
api_refused 422 POST /volumes '{"name":"c","clone_of":"v0","block_bytes":4096}' | jq -er .field | grep block_bytes
api_refused 422 POST /volumes '{"name":"c","clone_of":["v0"]}' | jq -er .field | grep clone_of
api_refused 409 POST /volumes '{"name":"V0","clone_of":"v0"}' >/dev/null
api_ok GET /volumes/v0 >/dev/null
[ "$(jget .transfer)" = "" ] || die "a clone that was refused keeps its source"

note "a larger clone"
api_ok POST /volumes "{\"name\":\"c\",\"clone_of\":\"v0\",\"size_bytes\":$((48 * MIB))}" >/dev/null
task_done
[ "$(jq -r .kind "$T/task.json")" = volume.clone ] || die "its task is $(cat "$T/task.json")"
wait_until 20 "the clone to be online" is_online c
[ "$(jget .assignment.policy)" = seen ] || die "the clone has not its source's policy: $(cat "$T/api.body")"
[ "$(jget '.access.hosts | length')" = 0 ] || die "the clone has its source's hosts"
[ "$(jget .uuid)" != "$(api_ok GET /volumes/v0 | jq -r .uuid)" ] || die "two volumes of one identity"
api_ok PUT /volumes/c/access '{"hosts":["one"]}' >/dev/null
task_done
CLONE=$(lun_url c)
expect "the beginning" good "$(as_one "$CLONE" "check 0 8 0x11" | tail -n 1)"
expect "the end" good "$(as_one "$CLONE" "check 65528 8 0x22" | tail -n 1)"
expect "what is behind it" good "$(as_one "$CLONE" "check 65536 8 0" | tail -n 1)"

note "what is written to one is not seen by the other"
wait_until 20 "the source to be online again" is_online v0
as_one "$CLONE" "write 0 8 0x33" >/dev/null
expect "the source" good "$(as_one "$SOURCE" "check 0 8 0x11" | tail -n 1)"
api_ok POST /volumes '{"name":"bare","clone_of":"c","policy":null}' >/dev/null 2>&1 ||
	die "a clone without a policy is refused"
task_done
api_ok GET /volumes/bare >/dev/null
[ "$(jget .assignment)" = null ] || die "policy null is not taken as none"
