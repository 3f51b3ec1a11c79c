#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# A transfer that is cancelled, or loses its client or a daemon, ends with a sentence; its volume is free
# again; and content that is neither old nor new is stopped and named, never exported by mistake.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
expect_error "exit status|signal 9|killed"

MIB=1048576
SLOW="--limit-rate 2M"
URL=http://localhost/api/v1
head -c $((48 * MIB)) /dev/urandom >"$T/up.raw"

# A client that takes its time: the pipe fills, and filterd waits for it.
slow_download() {
	# shellcheck disable=SC2086
	start_bg "client$1" curl -s --unix-socket "$POLICYD_SOCKET" $SLOW -o /dev/null "$URL/volumes/$2/content"
}
slow_upload() {
	# shellcheck disable=SC2086
	start_bg "client$1" curl -s --unix-socket "$POLICYD_SOCKET" $SLOW -T "$T/up.raw" -o /dev/null \
		-H "Content-Type: application/octet-stream" "$URL/volumes/$2/content"
}
newest_task() {
	api GET "/tasks?kind=volume.$1&object_name=$2&sort=-id&limit=1" >/dev/null
	ID=$(jget '.items[0].id // 0')
}
is_moving() {
	newest_task "$1" "$2" && api GET "/tasks/$ID" >/dev/null && [ "$(jget .state)" = running ] &&
		[ "$(jget '.parameters.filterd_transfers | length')" = "${3:-1}" ] && [ "$(jget .progress_pct)" -ge "${4:-1}" ]
}
is_free() { api GET "/volumes/$1" >/dev/null && [ "$(jget .transfer)" = "" ]; }
fails_with() {
	task_ended "$ID" failed
	jq -er .error_text "$T/task.json" | grep "$1" || die "\"$1\" is not said: $(cat "$T/task.json")"
}
is_spoilt() {
	api_ok GET "/volumes/$1" >/dev/null
	[ "$(jget .desired_state)" = offline ] || die "$1 is $(jget .desired_state): its content is half one, half the other"
	api_ok GET "/events?kind=volume.content_incomplete&object_name=$1" >/dev/null
	[ "$(jget .total)" = "$2" ] || die "no event names what became of $1: $(cat "$T/api.body")"
	api_ok POST "/volumes/$1/start" >/dev/null
	task_done
}
gone() { ! is_running "$1"; }

volume_make v0 $((64 * MIB))
note "import to fill it"
cp "$T/up.raw" "$T/transfer/up.raw"
api_ok POST /volumes/v0/import '{"file":"up.raw"}' >/dev/null
task_done
wait_until 10 "v0 to be free" is_free v0

note "a download is cancelled"
slow_download 1 v0
wait_until 20 "the download to move" is_moving export v0
id=$ID
api_refused 409 POST /volumes/v0/export '{"file":"x"}' >/dev/null
api_refused 409 PATCH /volumes/v0 "{\"size_bytes\":$((128 * MIB))}" >/dev/null
api_refused 409 DELETE "/volumes/v0?confirm=v0" >/dev/null
api_refused 409 POST /volumes '{"name":"c","clone_of":"v0"}' >/dev/null
api_ok POST "/tasks/$id/cancel" >/dev/null
task_ended "$id" cancelled
wait_until 20 "the client to end" gone client1
wait_until 10 "v0 to be free" is_free v0
[ "$(jget .desired_state)" = online ] || die "an export that ended early stopped its volume"

note "the client of a download goes away"
slow_download 2 v0
wait_until 20 "the download to move" is_moving export v0
kill_bg client2 KILL
fails_with "export"
wait_until 10 "v0 to be free" is_free v0

note "the client of an upload goes away"
slow_upload 3 v0
wait_until 20 "the upload to move" is_moving import v0
kill_bg client3 KILL
task_ended "$ID" failed
jq -r .error_text "$T/task.json"
is_spoilt v0 1

note "policyd is killed under an upload"
settled
slow_upload 4 v0
wait_until 20 "the upload to move" is_moving import v0
policyd_kill
wait_until 20 "the client to end" gone client4
policyd_start
fails_with "restarted in the middle"
wait_until 10 "v0 to be free" is_free v0
is_spoilt v0 2

note "policyd is ended under a download"
settled
slow_download 5 v0
wait_until 20 "the download to move" is_moving export v0
policyd_stop
policyd_start
task_ended "$ID" failed
wait_until 10 "v0 to be free" is_free v0

note "filterd is killed under a download"
settled
slow_download 6 v0
wait_until 20 "the download to move" is_moving export v0
kill -KILL "$(filterd_child)"
fails_with "restarted in the middle"
wait_until 20 "v0 to be free" is_free v0
is_online() { api GET /volumes/v0 >/dev/null && [ "$(jget .running_state)" = online ]; }
wait_until 20 "v0 to be online after all of this" is_online
