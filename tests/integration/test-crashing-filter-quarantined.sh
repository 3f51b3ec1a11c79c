#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A filter that crashes filterd again and again is named, its volume is quarantined, and the other volumes
# serve on.
. "$(dirname "$0")/../lib/harness.sh"
expect_error "ended by signal 6|crash loop|quarantine"
filterd_start
datastore_mem m0
datastore_dir d0
volume_new v0 --datastore d0 --size 64M
volume_new v1 --datastore d0 --size 64M
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
lun_sluice a 1 2 v1
bad=$(url a 1 1) other=$(url a 1 2)
scsi_expect "$bad" "write 0 8 0xbad" good
scsi_expect "$other" "write 0 8 0x900d" good
ctl filter attach v0 inject,action=crash,op=write,offset_bytes=1048576,length_bytes=4096 >/dev/null
scsi_expect "$bad" "write 8 8 0xbad" good

session_open "$bad" --limit-ms 30000
session_do "start 1 write 2048 8 0xdead"
is_quarantined() { ctl status | finds -i quarantin; }
wait_until 30 "the volume to be quarantined" is_quarantined
ctl status
grep -qE "inject" <(ctl status; cat "$T/filterd.log") || die "nobody names the filter"
from=$(now_ms)
wait_until 20 "the other volume to serve" lun_is_ready "$other"
scsi_expect "$other" "check 0 8 0x900d" good
scsi_expect "$other" "write 8 8 0x900d" good
note "the other volume serves again ($(($(now_ms) - from)) ms after the quarantine)"
session_do "wait 1 15000" 20
note "the command that crashed the filter: $REPLY"
session_close

# The operator takes the filter out, which must not ask for an open first, and opens the volume again: everything acknowledged is there.
ctl filter detach v0 inject >/dev/null
ctl volume open v0 >/dev/null
wait_until 20 "the quarantined volume to serve again" lun_is_ready "$bad"
scsi_expect "$bad" "check 0 8 0xbad" good
