#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# A persistent reservation of one initiator keeps the other out of every command that writes; tgtd's own
# table forgets WRITE SAME, UNMAP, ORWRITE and WRITE AND VERIFY (see TARGET=plain).
. "$(dirname "$0")/../lib/harness.sh"
need_tools two_initiators

if [ "${TARGET:-sluice}" = plain ]; then
	tgtd_start a plain
	target_new a 1
	truncate -s 64M "$T/img"
	lun_file a 1 1 "$T/img"
	timeout 50 "$(tool two_initiators)" "$(url a 1 1)"
	exit 0
fi
one_lun 64M
timeout 50 "$(tool two_initiators)" "$URL" | tee "$T/out"
expect "the last line" "*, 0 deviations, 0 commands the target does not have" "$(tail -n 1 "$T/out")"
