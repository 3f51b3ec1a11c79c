#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tgtd killed: everything is in the new one, CHAP secrets included. filterd killed: the volumes are back.
# What is changed while one is down waits, says so, and is done when it is back. Both are events.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/reconcile.sh"

event_seen() {
	[ "$(sqlite3 "$T/policy/policy.db" "SELECT count(*) FROM events WHERE kind = '$1'")" -ge 1 ]
}

reconcile_scene
db_quiet chap one user-one firstSecret0001
volume_row web-1 67108864
db_quiet access web-1 '["one"]' '[]'
done_task volume.create volume web-1
may_login "$HOST_ONE" "$(at web-1 user-one%firstSecret0001@)" || die "no login at all"

note "tgtd killed"
tgtd_kill a
wait_until 15 "the volume to be pending" row_is volumes web-1 running_state pending
volume_row late 67108864
db_quiet access late '["one"]' '[]'
id=$(db task volume.create volume late)
wait_until 10 "the task to wait" row_is tasks "$id" text "waiting for tgtd"
tgtd_start a
task_ends "$id" succeeded
wait_until 15 "the volume to be online" row_is volumes web-1 running_state online
may_login "$HOST_ONE" "$(at web-1 user-one%firstSecret0001@)" || die "no login after tgtd's restart"
may_not_login "$HOST_ONE" "$(at web-1)" || die "CHAP got lost with tgtd's restart"
wait_until 5 "an event of the death" event_seen daemon.down
wait_until 5 "an event of the return" event_seen daemon.up

note "filterd killed"
kill_bg filterd KILL
wait_until 15 "the volume to be pending" row_is volumes web-1 running_state pending
db_quiet update volumes web-1 '{"size_bytes": 134217728}'
id=$(db task volume.update volume web-1)
wait_until 10 "the task to wait" row_is tasks "$id" text "waiting for sluice-filterd"
filterd_start
task_ends "$id" succeeded
wait_until 15 "the volume to be online" row_is volumes web-1 running_state online
# A unit attention may come first: the capacity has changed.
has_grown() { scsi_as "$HOST_ONE" "$(at web-1 user-one%firstSecret0001@)" readcap | finds blocks=262144; }
wait_until 10 "the initiator to see the new size" has_grown
reconcile_stop
