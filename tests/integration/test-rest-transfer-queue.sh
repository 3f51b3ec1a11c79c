#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# Four transfers run, the others wait for their turn; one that waits can be cancelled and leaves no trace.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
MIB=1048576
COUNT=6
head -c $((16 * MIB)) /dev/urandom >"$T/transfer/data"
for ((i = 1; i <= COUNT; i++)); do
	volume_make "v$i" $((16 * MIB))
	api_ok POST "/volumes/v$i/import" '{"file":"data"}' >/dev/null
	task_done
done
settled
count_of() { api GET "/tasks?kind=volume.export&state=$1" >/dev/null && jget .total; }
is_count() { [ "$(count_of "$1")" = "$2" ]; }

# Four clients that take their time.
for ((i = 1; i <= 4; i++)); do
	start_bg "client$i" curl -s --limit-rate 1M --unix-socket "$POLICYD_SOCKET" -o "$T/out.$i" \
		"http://localhost/api/v1/volumes/v$i/content"
done
wait_until 20 "four to run" is_count running 4
api_ok POST /volumes/v5/export '{"file":"five"}' >/dev/null
five=$(jget .task_id)
api_ok POST /volumes/v6/export '{"file":"six"}' >/dev/null
six=$(jget .task_id)
is_count queued 2 || die "$(count_of queued) wait"

api_ok POST "/tasks/$six/cancel" >/dev/null
task_ended "$six" cancelled
api_ok GET /volumes/v6 >/dev/null
[ "$(jget .transfer)" = "" ] || die "v6 is still held"
[ "$(jget .desired_state)" = online ] || die "v6 was stopped"

for ((i = 1; i <= 4; i++)); do
	wait_bg "client$i" 60
	cmp "$T/transfer/data" "$T/out.$i" || die "download $i differs"
done
task_done "$five"
cmp "$T/transfer/data" "$T/transfer/five" || die "the export that had waited differs"
[ ! -e "$T/transfer/six" ] || die "the cancelled export has a file"
