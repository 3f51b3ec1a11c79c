#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# RING-3: commands in flight when the server is killed are answered by the next one; the initiator sees neither
# an error nor a new session, and what was written is there.
. "$(dirname "$0")/../../lib/harness.sh"
# shellcheck source=tests/ring/client/module.sh
. "$ROOT/tests/ring/client/module.sh"
need_module

fake_start
module_scene
scsi_expect "$URL" "write 0 8 0x11" "good*"
session_open "$URL" --limit-ms 10000

fake_kill
session_do "start 1 write 8 8 0x22"
session_do "start 2 read 0 8"
fake_start
session_do "wait 1 5000"
expect "a write during the outage" "good*" "$REPLY"
session_do "wait 2 5000"
expect "a read during the outage" "good*" "$REPLY"
session_do "check 8 8 0x22"
expect "what was written during the outage" "good*" "$REPLY"

# Claimed by a server that dies, executed by the next.
fake_kill
fake_start hold
session_do "start 3 write 16 64 0x33"
session_do "wait 3 300"
expect "a write that the server holds" timeout "$REPLY"
fake_kill
fake_start
session_do "wait 3 5000"
expect "the held write, replayed" "good*" "$REPLY"
session_do "check 16 64 0x33"
expect "what was replayed" "good*" "$REPLY"
session_close
