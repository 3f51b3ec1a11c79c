#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A LUN that is made while filterd is absent is made at once, is not ready with a clear sense, and serves
# as soon as filterd comes.
. "$(dirname "$0")/../lib/harness.sh"
filterd_start
datastore_mem m0
volume_new v0 --datastore m0 --size 64M
filterd_stop

tgtd_start a
target_new a 1
from=$(now_ms)
lun_sluice a 1 1 v0
took=$(($(now_ms) - from))
note "making the LUN without filterd took $took ms"
[ "$took" -lt $((1500 * PATIENCE)) ] || die "bs_open took $took ms; tgtd serves nobody meanwhile"
URL=$(url a 1 1)
session_open "$URL" --raw --limit-ms 10000
session_do tur 15
[[ $REPLY != "check 6/"* ]] || session_do tur 15
note "TEST UNIT READY without filterd: $REPLY"
expect "TEST UNIT READY without filterd" "@(check 2/*|busy)" "$REPLY"
session_do inquiry 15
expect "INQUIRY without filterd" "good *" "$REPLY"

filterd_start
became_ready() { session_do tur && [ "$REPLY" = good ]; }
wait_until 15 "the LUN to be ready" became_ready
session_do readcap
expect "READ CAPACITY" "good blocks=131072 block_bytes=512*" "$REPLY"
session_do "write 131064 8 0x5a"
expect "a write at the end" good "$REPLY"
session_do "check 131064 8 0x5a"
expect "what was written" good "$REPLY"
session_close
