#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A command that a filter never finishes is held; ABORT TASK and LOGICAL UNIT RESET for it are answered in
# less than 15 s, and the LUN serves on.
. "$(dirname "$0")/../lib/harness.sh"
answered_in_time() {
	expect "$1" "tmf response=*" "$REPLY"
	local ms=${REPLY##*ms=}
	[ "$ms" -lt 15000 ] || die "$1 took $ms ms; open-iscsi gives up after 15000"
	note "$1: $REPLY"
}

one_lun 64M
ctl filter attach v0 inject,action=hang,op=read >/dev/null
session_open "$URL" --limit-ms 20000

session_do "start 1 read 0 1"
session_do "wait 1 1000"
expect "a read that the filter holds" timeout "$REPLY"
session_do "abort 1" 30
answered_in_time "ABORT TASK"
session_do "tur" && session_do "tur"
expect "TEST UNIT READY after the abort" good "$REPLY"
session_do "write 8 8 0x123"
expect "a write after the abort" good "$REPLY"

session_do "start 2 read 0 1"
session_do "start 3 read 64 8"
session_do "wait 3 1000"
expect "a read that the filter holds" timeout "$REPLY"
session_do "reset" 30
answered_in_time "LOGICAL UNIT RESET"

ctl filter detach v0 inject >/dev/null
session_do tur && session_do tur
session_do "check 8 8 0x123"
expect "the data after detaching the filter" good "$REPLY"
session_do logout 20
expect "logout" good "$REPLY"
