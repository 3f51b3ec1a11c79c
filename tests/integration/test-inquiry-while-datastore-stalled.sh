#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# While every read and write hangs, INQUIRY, MODE SENSE, TEST UNIT READY, READ CAPACITY and REPORT LUNS
# are answered at once.
. "$(dirname "$0")/../lib/harness.sh"
one_lun 64M
scsi_expect "$URL" "write 0 8 1" good
session_open "$URL" --limit-ms 10000
ctl filter attach v0 inject,action=hang >/dev/null
for i in 1 2 3 4 5 6 7 8; do
	session_do "start $i read $((i * 8)) 8"
	expect "read $i" started "$REPLY"
done
session_do "start 9 write 800 8 9"
for command in tur inquiry "inquiry 0x83" "inquiry 0xb0" "inquiry 0xb2" readcap "modesense 8" "modesense 0x0a" luns; do
	from=$(now_ms)
	session_do "$command" 10
	took=$(($(now_ms) - from))
	expect "$command while I/O hangs" "good*" "$REPLY"
	[ "$took" -lt $((1000 * PATIENCE)) ] || die "$command took $took ms while I/O hangs"
done
ctl filter detach v0 inject >/dev/null
for i in 1 2 3 4 5 6 7 8 9; do
	session_do "wait $i 10000" 15
	expect "I/O $i after the stall" "@(good*|busy*)" "$REPLY"
done
session_close
