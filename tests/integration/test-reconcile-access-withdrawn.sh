#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A host taken off a volume's access list: its session ends, no login of it succeeds any more, and the
# other host's session with the same volume goes on.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/reconcile.sh"

reconcile_scene
host_new two "$HOST_TWO"
volume_row shared 67108864
db_quiet access shared '["one", "two"]' '[]'
done_task volume.create volume shared
load_start other --seconds 60 "$(at shared)"
session_open --name "$HOST_ONE" "$(at shared)"
session_do tur
expect "a command of the allowed host" "good*" "$REPLY"

db access shared '["two"]' '[]'
done_task volume.access volume shared
wait_until 10 "the session of the host to end" shows_not "Initiator: $HOST_ONE"
may_not_login "$HOST_ONE" "$(at shared)" || die "the host that was taken off can still log in"
session_do tur
expect "a command of the host that was taken off" "transport*" "$REPLY"
load_moves other 200
is_running other || die "the other host's session was disturbed"
reconcile_stop
