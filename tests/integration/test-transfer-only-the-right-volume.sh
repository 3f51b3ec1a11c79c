#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A database that is older than filterd's volumes: the name stands for another volume there. An import, an
# export and a clone by that name are refused, and not a byte of the other volume changes.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
MIB=1048576
image_of() { find "$T/main" -type f -name "*$1*"; }

volume_make v $((16 * MIB))
api_ok POST /volumes/v/stop >/dev/null
task_done
policyd_stop
ctl volume delete v --yes >/dev/null
ctl volume create v --datastore main --size 16M >/dev/null
head -c $((16 * MIB)) /dev/urandom >"$T/precious.raw"
ctl_fd() { timeout 30 python3 "$ROOT/tests/tools/filterd_ask.py" "$RUN_DIR/filterd.sock" "$@"; }
transfer() {
	local id
	id=$(ctl_fd "{\"request\":\"transfer.start\",\"name\":\"v\",\"direction\":\"$1\"}" "$2" | jq -r .transfer)
	wait_until 20 "$1 to end" transfer_is_over "$id"
}
transfer_is_over() { ctl_fd "{\"request\":\"transfer.show\",\"transfer\":$1}" | jq -e '.state == "succeeded"'; }
transfer import "$T/precious.raw"
policyd_start
is_known() { api GET /system >/dev/null; jq -e '.health.problems[] | select(.text | test("another volume"))' "$T/api.body"; }
wait_until 20 "the other volume to be seen" is_known

head -c $((16 * MIB)) /dev/zero >"$T/transfer/zero.raw"
printf X | dd of="$T/transfer/zero.raw" conv=notrunc status=none
for what in import export; do
	api POST "/volumes/v/$what" "{\"file\":\"$([ $what = import ] && echo zero.raw || echo out.raw)\"}" >/dev/null
	id=$(jq -r '.task_id // empty' "$T/api.body")
	[ -z "$id" ] || wait_until 70 "the task to end" task_over "$id"
	[ -z "$id" ] || task_is "$id" failed || die "$what by a name that means another volume: $(cat "$T/task.json")"
	note "$what: $(jq -r '.error_text // empty' "$T/task.json")"
done
[ ! -e "$T/transfer/out.raw" ] || die "the other volume's content was exported"
rm -f "$T/after.raw"
transfer export "$T/after.raw"
cmp "$T/precious.raw" "$T/after.raw" || die "the other volume's content was overwritten"
