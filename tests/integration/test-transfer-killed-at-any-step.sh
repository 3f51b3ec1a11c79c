#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 200 s
#
# policyd is killed before each statement with which an upload is noted, while the upload is under way.
# After the restart the volume is online with its old content, or it is stopped and named; it is never
# online with anything between, and nothing goes on writing to it.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
SIZE=$((16 << 20))
head -c $SIZE /dev/urandom >"$T/transfer/old.raw"
head -c $SIZE /dev/urandom >"$T/new.raw"
volume_make v $SIZE

import_old() {
	api_ok POST /volumes/v/import '{"file":"old.raw"}' >/dev/null
	task_done
}
ask_v() { timeout 10 curl -s --unix-socket "$POLICYD_SOCKET" http://localhost/api/v1/volumes/v >"$T/v.json"; }
is_steady() { ask_v && jq -e '.transfer == "" and .running_state == .desired_state' "$T/v.json"; }
is_old() {
	rm -f "$T/transfer/now.raw"
	api_ok POST /volumes/v/export '{"file":"now.raw"}' >/dev/null
	task_done
	cmp -s "$T/transfer/old.raw" "$T/transfer/now.raw"
}
# Without a length nobody but policyd can tell that the upload did not come to its end.
upload() {
	start_bg client curl -s --unix-socket "$POLICYD_SOCKET" --limit-rate 8M -T - -o /dev/null \
		-H "Content-Type: application/octet-stream" http://localhost/api/v1/volumes/v/content
}
upload_from() { upload <"$T/new.raw"; }
is_dead() { is_over policyd; }

stopped=0
for at in $(seq "${FIRST:-10}" "${LAST:-26}"); do
	import_old
	wait_until 20 "v to be steady" is_steady
	policyd_stop
	SLUICE_FAULT=kill:$at policyd_launch
	start_bg client bash -c "until curl -s --fail --unix-socket '$POLICYD_SOCKET' --limit-rate 8M -T - -o /dev/null \
		-H 'Content-Type: application/octet-stream' http://localhost/api/v1/volumes/v/content <'$T/new.raw'; do
		sleep 0.1; done"
	for _ in $(seq 100); do
		! is_over policyd || break
		sleep 0.1
	done
	kill_bg client
	is_dead || note "statement $at: not reached"
	kill_bg policyd
	policyd_start
	wait_until 60 "v to be steady" is_steady
	if [ "$(jq -r .desired_state "$T/v.json")" = offline ]; then
		stopped=$((stopped + 1))
		api_ok POST /volumes/v/start >/dev/null
		task_done
	else
		is_old || die "killed before statement $at: v is online with part of an upload"
	fi
	note "statement $at: fine"
done
note "$stopped times stopped"
