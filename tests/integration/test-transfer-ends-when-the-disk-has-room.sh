#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# The database's disk is full when an import ends: the volume stays set aside while that lasts, and with room
# again the task ends and the volume is exported, without a restart of policyd.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
mkdir -p "$T/policy"
mount -t tmpfs -o size=24m none "$T/policy"
start_appliance
expect_error "disk|full|space|noted"
SIZE=$((32 << 20))
volume_make v $SIZE
settled
head -c $SIZE /dev/urandom >"$T/up.raw"
start_bg client curl -s --unix-socket "$POLICYD_SOCKET" --limit-rate 8M -T "$T/up.raw" -o /dev/null \
	-H "Content-Type: application/octet-stream" http://localhost/api/v1/volumes/v/content
is_moving() {
	api GET "/tasks?kind=volume.import&limit=1" >/dev/null && id=$(jget '.items[0].id // empty') &&
		[ "$(jget '.items[0].progress_pct')" -ge 20 ]
}
wait_until 30 "the upload to move" is_moving
dd if=/dev/zero of="$T/policy/fill" bs=64k 2>/dev/null || true
dd if=/dev/zero of="$T/policy/fill2" bs=512 2>/dev/null || true
client_over() { is_over client; }
wait_until 30 "the upload to be over" client_over
wait_bg client 5
# What gives up after a while has done so by then.
sleep "${FULL_S:-14}"
api GET /volumes/v >/dev/null
expect "the volume while nothing can be noted" import "$(jget .transfer)"
rm "$T/policy/fill" "$T/policy/fill2"
task_ended "$id" succeeded
is_online() { api GET /volumes/v >/dev/null && [ "$(jget .running_state).$(jget .transfer)" = online. ]; }
wait_until 60 "the volume to be online" is_online
policyd_stop
stop_daemons
umount "$T/policy"
