#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# One VERIFY of a whole large volume whose datastore ends every I/O at once is served in turns: other
# commands are answered in between, and the watching parent sees no hang.
. "$(dirname "$0")/../lib/harness.sh"
one_lun 4T
child=$(filterd_child)
session_open "$URL" --limit-ms 30000
session_do "start 1 cdb 8f000000000000000000ffffffff0000"
expect "VERIFY of 2 TiB" started "$REPLY"
end_ms=$(($(now_ms) + 5000)) i=0
while [ "$(now_ms)" -lt "$end_ms" ]; do
	from=$(now_ms)
	scsi_expect "$URL2" "write $(((1 << 32) + 8 * i)) 8 $((i += 1))" good
	took=$(($(now_ms) - from))
	[ "$took" -lt $((1500 * PATIENCE)) ] || die "a write took $took ms beside the VERIFY"
done
session_do "abort 1" 10
session_do "wait 1 10000" 15
note "$i writes beside it; the VERIFY: $REPLY"
session_close
[ "$(filterd_child)" = "$child" ] || die "the serving child was killed"
