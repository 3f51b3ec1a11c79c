#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A database that is older than filterd's volumes: the name stands for another volume there. An import and an
# export by that name are refused, and not a byte of the other volume is changed or told.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
SIZE=$((16 << 20))

filterd() { timeout 30 python3 "$ROOT/tests/tools/filterd_ask.py" "$RUN_DIR/filterd.sock" "$@"; }
is_copied() { filterd "{\"request\":\"transfer.show\",\"transfer\":$1}" | jq -e '.state == "succeeded"'; }
# By filterd itself, without policyd.
copy() {
	local id
	id=$(filterd "{\"request\":\"transfer.start\",\"name\":\"v\",\"direction\":\"$1\"}" "$2" | jq -r .transfer)
	wait_until 20 "the $1 to end" is_copied "$id"
}

volume_make v $SIZE
api_ok POST /volumes/v/stop >/dev/null
task_done
policyd_stop
ctl volume delete v --yes >/dev/null
ctl volume create v --datastore main --size 16M >/dev/null
head -c $SIZE /dev/urandom >"$T/precious.raw"
copy import "$T/precious.raw"
policyd_start
is_known() {
	api GET /system >/dev/null
	jq -e '.health.problems[] | select(.text | test("another volume"))' "$T/api.body"
}
wait_until 20 "the other volume to be seen" is_known

head -c $SIZE /dev/urandom >"$T/transfer/in.raw"
for what in import:in export:out; do
	api_ok POST "/volumes/v/${what%:*}" "{\"file\":\"${what#*:}.raw\"}" >/dev/null
	task_ended "$(jget .task_id)" failed
	jq -er .error_text "$T/task.json" | finds "another one" || die "it is not said why: $(cat "$T/task.json")"
done
[ ! -e "$T/transfer/out.raw" ] || die "the other volume's content was exported"
copy export "$T/after.raw"
cmp "$T/precious.raw" "$T/after.raw" || die "the other volume's content was overwritten"
