#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A volume in the database becomes a LUN that its host, and no other, logs in to and writes; growing it is
# seen; taking it away leaves nothing in filterd, in tgtd, or of its row.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/reconcile.sh"

reconcile_scene
volume_row web-1 67108864
db_quiet access web-1 '["one"]' '[]'
done_task volume.create volume web-1
expect "state of the volume" online "$(row volumes web-1 running_state)"
expect "is_created" true "$(row volumes web-1 is_created)"

may_login "$HOST_ONE" "$(at web-1)" || die "the allowed host cannot log in"
may_not_login "$HOST_TWO" "$(at web-1)" || die "a host that nobody allowed could log in"
expect "write and read" "good*" "$(scsi_as "$HOST_ONE" "$(at web-1)" "write 0 8 7" "check 0 8 7" | tail -n 1)"

db update volumes web-1 '{"size_bytes": 134217728}'
done_task volume.update volume web-1
has_grown() { scsi_as "$HOST_ONE" "$(at web-1)" readcap | finds blocks=262144; }
wait_until 10 "the initiator to see the new size" has_grown

db update volumes web-1 '{"desired_state": "offline"}'
done_task volume.stop volume web-1
expect "state" offline "$(row volumes web-1 running_state)"
may_not_login "$HOST_ONE" "$(at web-1)" || die "an offline volume could be logged in to"
db update volumes web-1 '{"desired_state": "online"}'
done_task volume.start volume web-1
may_login "$HOST_ONE" "$(at web-1)" || die "not back online"

id=$(db_quiet task volume.delete volume web-1)
db update volumes web-1 '{"desired_state": "deleting"}'
task_ends "$id" succeeded
no_row volumes web-1 || die "the row of the deleted volume is still there"
shows_not "$IQN_BASE:web-1" || die "its target is still there"
[ "$(ctl volume list 2>/dev/null | grep -c web-1)" = 0 ] || die "filterd still has it"

db update datastores main '{"is_deleting": true}'
wait_until 10 "the datastore's row to go" no_row datastores main
reconcile_stop
