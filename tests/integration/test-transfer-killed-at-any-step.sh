#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
#
# policyd is killed before each statement with which an upload is noted, while the upload is under way.
# After the restart the volume is online with its old content, or it is stopped and named; it is never
# online with anything between.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
SIZE=$((16 << 20))
head -c $SIZE /dev/urandom >"$T/transfer/old.raw"
head -c $SIZE /dev/urandom >"$T/new.raw"
volume_make v $SIZE

ask_v() { timeout 10 curl -s --unix-socket "$POLICYD_SOCKET" http://localhost/api/v1/volumes/v >"$T/v.json"; }
is_steady() { ask_v && jq -e '.transfer == "" and .running_state == .desired_state' "$T/v.json"; }
has_old_content() {
	rm -f "$T/transfer/now.raw"
	api_ok POST /volumes/v/export '{"file":"now.raw"}' >/dev/null
	task_done
	cmp -s "$T/transfer/old.raw" "$T/transfer/now.raw"
}
# From a pipe and slowly: without a length nobody but policyd can tell that it did not come to its end.
cat >"$T/upload" <<END
until curl -s --fail --unix-socket "$POLICYD_SOCKET" --limit-rate 8M -T - -o /dev/null \
	-H "Content-Type: application/octet-stream" http://localhost/api/v1/volumes/v/content <"$T/new.raw"; do
	sleep 0.1
done
END

stopped=0
for at in $(seq "${FIRST:-18}" "${LAST:-36}"); do
	api_ok POST /volumes/v/import '{"file":"old.raw"}' >/dev/null
	task_done
	wait_until 20 "v to be steady" is_steady
	policyd_stop
	SLUICE_FAULT=kill:$at policyd_launch
	start_bg client bash "$T/upload"
	wait_until 20 "policyd to be killed before statement $at" is_over policyd
	kill_bg client
	kill_bg policyd
	policyd_start
	wait_until 60 "v to be steady" is_steady
	if [ "$(jq -r .desired_state "$T/v.json")" = offline ]; then
		stopped=$((stopped + 1))
		api_ok POST /volumes/v/start >/dev/null
		task_done
	else
		has_old_content || die "killed before statement $at: v is online with part of an upload"
	fi
done 2> >(grep -v Killed >&2)
[ "$stopped" -gt 0 ] || die "no kill came after the upload had begun: the statements that are tried are too early"
note "$stopped times it was stopped"
