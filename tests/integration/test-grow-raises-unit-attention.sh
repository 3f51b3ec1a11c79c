#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# Growing a volume tells every session once, 6/2A/09, and then shows the new capacity.
. "$(dirname "$0")/../lib/harness.sh"
one_lun 64M
session_open "$URL"
session_do "write 131064 8 0x64"
expect "a write at the old end" good "$REPLY"
session_do "write 131072 8 0x1"
expect "a write past the old end" "check 5/21/00*" "$REPLY"

ctl volume grow v0 --size 96M
told() { session_do tur && [ "$REPLY" = "check 6/2A/09" ]; }
wait_until 10 "the unit attention 6/2A/09" told
session_do tur
expect "the next command" good "$REPLY"
session_do readcap
expect "READ CAPACITY (16)" "good blocks=196608 *" "$REPLY"
for ((i = 0; i < 20; i++)); do
	session_do tur
	expect "no second unit attention" good "$REPLY"
done
session_do "check 131064 8 0x64"
expect "the old data" good "$REPLY"
session_do "write 196600 8 0x96"
expect "a write at the new end" good "$REPLY"
session_do "write 196608 1 0x1"
expect "a write past the new end" "check 5/21/00*" "$REPLY"
session_close

# A size below the present one is refused with a sentence, and nothing changes.
! ctl volume grow v0 --size 32M 2>"$T/err" >"$T/err" || die "shrinking was accepted"
note "shrinking: $(tail -n 1 "$T/err")"
scsi_expect "$URL" readcap "good blocks=196608 *"
