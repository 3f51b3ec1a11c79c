#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# An encrypted volume gets its key by itself: a new one is formatted with the key that its policy names; after a start of
# filterd it is unlocked; while its key cannot be had it stays locked, says why, and opens when the key is back; a
# volume that is open does not care, and is given the new key when its own is rotated or its policy names another. A key
# that a volume needs is not deleted.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

PASS='correct horse battery staple'
state_of() { ctl filter command "$1" encryption status | jq -r '.reply.state // .state'; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
volume_becomes() { wait_until 30 "volume $1 to be $2" is_state "$1" "$2"; }
has_key() { ctl filter command "$1" encryption status | jq -e --arg k "$2" '[.. | .key_id? // empty] | index($k) != null'; }
has_event() {
	api GET "/events?kind=$1&object_name=$2" >/dev/null
	[ "$(jget .total)" -ge 1 ]
}
# has_alert RULE OBJECT STATE
has_alert() {
	api GET "/alerts?rule=$1&object_name=$2&state=$3" >/dev/null
	[ "$(jget .total)" -ge 1 ]
}
unlock() {
	api_ok POST /key-providers/vault/unlock "{\"passphrase\":\"$PASS\"}" >/dev/null
	task_done
}

start_appliance
api_ok POST /key-providers "{\"name\":\"vault\",\"type\":\"native\",\"opened_by\":\"passphrase\",\"passphrase\":\"$PASS\"}" >/dev/null
task_done
api_ok POST /keys '{"name":"main","provider":"vault"}' >/dev/null
task_done
api_ok POST /policies '{"name":"secret","rules":[{"filter":"encryption","parameters":{"key_id":"main"}}]}' >/dev/null
api_ok POST /policies '{"name":"nokey","rules":[{"filter":"encryption"}]}' >/dev/null

# ---- new
volume_make v1 16777216 '"policy":"secret"'
volume_becomes v1 unlocked
wait_until 10 "the event" has_event volume.encrypted v1
has_key v1 main:1 >/dev/null ||
	die "the header names another key: $(ctl filter command v1 encryption status)"
api_ok GET /keys/main >/dev/null
[ "$(jget '.volumes[0] | [.volume, .version, .is_formatted] | join(" ")')" = "v1 1 true" ] || die "$(cat "$T/api.body")"
api_refused 409 DELETE /keys/main >/dev/null
api_refused 409 DELETE '/keys/main?destroy=true&confirm=main' >/dev/null
volume_make v2 16777216 '"policy":"nokey"'
wait_until 20 "the reason" has_event volume.locked v2
jget '.items[0].text' | finds key_id || die "it does not say what is missing: $(cat "$T/api.body")"

# ---- a key that is rotated while filterd is down: the old version opens the volume, and then it gets the new one
filterd_stop
api_ok POST /keys/main/rotate >/dev/null
task_done
filterd_start
volume_becomes v1 unlocked
wait_until 20 "the new version" has_key v1 main:2
wait_until 10 "the event" has_event volume.rekeyed v1
filterd_stop
filterd_start
volume_becomes v1 unlocked

# ---- its policy names a key of another provider
head -c 64 /dev/urandom >"$T/unlock.key"
chmod 400 "$T/unlock.key"
api_ok POST /key-providers "{\"name\":\"stick\",\"type\":\"native\",\"opened_by\":\"key_file\",\"opened_from\":\"$T/unlock.key\"}" >/dev/null
task_done
api_ok POST /keys '{"name":"other","provider":"stick"}' >/dev/null
task_done
api_ok PATCH /policies/secret '{"rules":[{"filter":"encryption","parameters":{"key_id":"other"}}]}' >/dev/null
api_ok POST /policies/secret/apply >/dev/null
task_done
wait_until 20 "the other key" has_key v1 other:1
api_ok PATCH /policies/secret '{"rules":[{"filter":"encryption","parameters":{"key_id":"main"}}]}' >/dev/null
api_ok POST /policies/secret/apply >/dev/null
task_done
wait_until 20 "the first key again" has_key v1 main:2
is_state v1 unlocked || die "v1 was closed by a change of its key"

# ---- policyd starts anew, the keystore is locked: who is open stays so, who is not waits
policyd_kill
policyd_start
is_state v1 unlocked || die "v1 was closed by policyd's restart"
filterd_stop
filterd_start
volume_becomes v1 locked
wait_until 20 "the reason" has_event volume.locked v1
jget '.items[-1].text' | finds 'unlock vault' || die "it does not say what to do: $(cat "$T/api.body")"
wait_until 30 "the alert about the volume" has_alert volume-locked v1 active
wait_until 30 "the alert about the keystore" has_alert key-provider-down vault active
unlock
volume_becomes v1 unlocked
wait_until 30 "the alert about the volume to end" has_alert volume-locked v1 cleared
wait_until 30 "the alert about the keystore to end" has_alert key-provider-down vault cleared

# ---- a new one takes the newest version
volume_make v3 16777216 '"policy":"secret"'
volume_becomes v3 unlocked
api_ok GET /keys/main >/dev/null
[ "$(jget '[.volumes[] | "\(.volume)=\(.version)"] | join(" ")')" = "v1=2 v3=2" ] || die "$(cat "$T/api.body")"
api_ok DELETE '/volumes/v3?confirm=v3' >/dev/null
task_done
api_ok DELETE '/volumes/v1?confirm=v1' >/dev/null
task_done
api_ok DELETE '/keys/main?destroy=true&confirm=main' >/dev/null
task_done
policyd_stop
stop_daemons
