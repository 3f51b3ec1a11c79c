#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# RING-6: with a server that holds commands, is stopped, or is absent, aborts are answered, and sessions, LUNs,
# targets and tgtd itself end. A LUN is made in well under a second in each of these states.
. "$(dirname "$0")/../../lib/harness.sh"
# shellcheck source=tests/ring/client/module.sh
. "$ROOT/tests/ring/client/module.sh"
need_module
export ADM_LIMIT_S=3

made_quickly() {
	local from took
	from=$(now_ms)
	module_scene
	took=$(($(now_ms) - from))
	note "$1: tgtd, target and LUN in $took ms"
	[ "$took" -lt $((3000 * PATIENCE)) ] || die "$1: making the LUN took $took ms"
}
take_down() {
	session_do logout 20
	session_close
	wait_until 12 "$1: deletion of the LUN" adm a --op delete --mode logicalunit --tid 1 --lun 1
	wait_until 12 "$1: deletion of the target" adm a --op delete --mode target --tid 1
	adm a --op delete --mode system || die "$1: deletion of the system was refused"
	wait_until 10 "$1: tgtd to end" is_over tgtd-a
	unset "PID_OF[tgtd-a]"
	note "$1: everything ended"
}

fake_start hold
made_quickly "a server that holds"
session_open "$URL" --limit-ms 10000
session_do "start 1 write 0 8 0x55"
session_do "wait 1 300"
expect "a write that the server holds" timeout "$REPLY"
session_do "abort 1" 10
expect "ABORT TASK of a held write" "tmf response=0 *" "$REPLY"
session_do "start 2 read 0 8"
session_do "reset" 10
expect "LOGICAL UNIT RESET" "tmf response=0 *" "$REPLY"
session_do tur
session_do tur
expect "TEST UNIT READY after both" "good*" "$REPLY"
session_do "start 3 read 0 8"
# Nobody asks for an abort any more once the initiator is gone; the module sees that by itself.
take_down "a server that holds"
fake_kill

fake_start
made_quickly "a server that is stopped"
session_open "$URL" --limit-ms 15000
session_do tur
kill -STOP "${PID_OF[fake]}"
session_do "start 4 write 0 8 0x66"
session_do "wait 4 9000" 12
expect "a write that nobody claims" "busy*" "$REPLY"
session_do "start 5 read 0 8"
session_do "wait 5 300"
expect "a read that nobody claims" timeout "$REPLY"
session_do "abort 5" 10
expect "ABORT TASK of a read that nobody claims" "tmf response=0 *" "$REPLY"
take_down "a server that is stopped"
made_quickly "a server that was stopped before the LUN"
session_open "$URL" --raw --limit-ms 10000
session_do inquiry
expect "INQUIRY before the volume answers" "good *" "$REPLY"
take_down "a server that was stopped before the LUN"
kill -CONT "${PID_OF[fake]}"
fake_kill
rm -f "$RUN_DIR/ring.sock"

made_quickly "no server"
session_open "$URL" --raw --limit-ms 10000
session_do tur
session_do tur
expect "TEST UNIT READY without a server" "check 2/04/01*" "$REPLY"
take_down "no server"
