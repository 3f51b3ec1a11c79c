#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A filter that holds I/O past its deadline is seen, named in an event, and bypassed if the plan says
# bypass; the commands end well.
. "$(dirname "$0")/../lib/harness.sh"
event_is_there() { CTL_LIMIT_S=2 ctl events 2>/dev/null | grep -E "inject.*(bypass|hung)|(bypass|hung).*inject"; }
one_lun 64M
scsi_expect "$URL" "write 0 8 0x42" good
ctl filter attach v0 inject,action=hang,op=read,on_failure=bypass >/dev/null
from=$(now_ms)
session_open "$URL" --limit-ms 20000
session_do "check 0 8 0x42" 25
expect "a read through the hung filter" good "$REPLY"
took=$(($(now_ms) - from))
note "the read was answered after $took ms"
[ "$took" -lt $((5000 * PATIENCE)) ] || die "bypassing took $took ms; 2000 is the deadline of a token"
session_do "check 0 8 0x42"
expect "a second read" good "$REPLY"
session_close
timeout 10 "$B/bin/sluice-filterctl" --socket "$RUN_DIR/filterd.sock" --json stats v0 >"$T/stats"
wait_until 5 "an event that names the filter" event_is_there
event_is_there | head -3
