#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# PREEMPT AND ABORT ends the other node's commands before it is answered, and READ FULL STATUS names who is left.
. "$(dirname "$0")/../../lib/harness.sh"
# shellcheck source=tests/ring/client/module.sh
. "$ROOT/tests/ring/client/module.sh"
need_module

KEY_A=a1a1a1a1a1a1a1a1
KEY_B=b2b2b2b2b2b2b2b2
NONE=0000000000000000
# prout ACTION KEY NEW_KEY: scope LU, type write exclusive
prout() { echo "cdb 5f${1}0100000000001800 out $2$3$NONE"; }
FULL_STATUS="cdb 5e030000000000040000 in 1024"

fake_start hold
module_scene
session_open "$URL" --name iqn.2025-01.test.node:a --limit-ms 20000
session_do "$(prout 00 $NONE $KEY_A)"
expect "registration of A" "good*" "$REPLY"
session_do "$(prout 01 $KEY_A $NONE)"
expect "reservation by A" "good*" "$REPLY"
session_do "start 1 write 0 8 0x41"
session_do "wait 1 200"
expect "A's write, which the server holds" timeout "$REPLY"

node_b() { printf '%s\n' "$@" | timeout 30 "$(tool scsi_sh)" --name iqn.2025-01.test.node:b "$URL"; }
mapfile -t b < <(node_b "$(prout 00 $NONE $KEY_B)" "$FULL_STATUS" "$(prout 05 $KEY_B $KEY_A)" "$FULL_STATUS")
expect "registration of B" "good*" "${b[0]}"
expect "both are registered, A holds" "good *${KEY_A}????????01??????????????*${KEY_B}????????00*" "${b[1]}"
name_b=$(printf 'iqn.2025-01.test.node:b,i,0x' | od -An -tx1 | tr -d ' \n')
expect "B's TransportID" "good *$name_b*" "${b[1]}"
expect "PREEMPT AND ABORT" "good*" "${b[2]}"
expect "B alone is left, and holds" "good *${KEY_B}????????01*" "${b[3]}"
[[ ${b[3]} != *$KEY_A* ]] || die "A is still registered: ${b[3]}"

# The answer to B came after the end of A's write.
session_do "wait 1 0"
[[ $REPLY != timeout ]] || die "A's write goes on after PREEMPT AND ABORT was answered"
note "A's write: $REPLY"
session_do tur
expect "what A hears next" "check 6/2A/*" "$REPLY"
session_close
