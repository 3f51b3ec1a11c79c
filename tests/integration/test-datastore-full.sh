#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# On a full datastore a write ends with 7/27/07 (ESXi pauses the VM), reads go on, and after space is
# freed writes go on; no block is lost.
. "$(dirname "$0")/../lib/harness.sh"
mkdir "$T/small"
mount -t tmpfs -o size=16M tmpfs "$T/small"
at_exit "umount -l $T/small"
filterd_start
ctl datastore add d0 --type dir --path "$T/small" --buffered >/dev/null
volume_new v0 --datastore d0 --size 64M --write-cache volatile
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
URL=$(url a 1 1)
session_open "$URL"

good=0
for ((mib = 0; mib < 32; mib++)); do
	session_do "write $((mib * 2048)) 2048 $((mib + 1))"
	[ "$REPLY" = good ] || break
	good=$((good + 1))
done
note "$good MiB were written, then: $REPLY"
expect "a write on a full datastore" "check 7/27/07*" "$REPLY"
[ "$good" -ge 8 ] || die "only $good MiB fitted into 16"
for ((mib = 0; mib < good; mib++)); do
	session_do "check $((mib * 2048)) 2048 $((mib + 1))"
	expect "MiB $mib on the full datastore" good "$REPLY"
done

# Space comes back through UNMAP, from the initiator itself.
session_do "unmap 0 8192"
expect "UNMAP on a full datastore" good "$REPLY"
session_do "write $((40 * 2048)) 2048 0x4040"
expect "a write after space was freed" good "$REPLY"
session_do "check $((40 * 2048)) 2048 0x4040"
expect "its data" good "$REPLY"
session_do "check $((5 * 2048)) 2048 6"
expect "older data" good "$REPLY"
session_do "check 0 8192 0"
expect "the unmapped range" good "$REPLY"
session_close
