#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# COMPARE AND WRITE is one step across two tgtd processes: counters that both increment end at the exact
# sum.
. "$(dirname "$0")/../lib/harness.sh"
need_tools caw_counters
filterd_start
datastore_mem m0
volume_new v0 --datastore m0 --size 64M --shared
urls=()
for t in a b; do
	tgtd_start $t
	target_new $t 1
	lun_sluice $t 1 1 v0
	urls+=("$(url $t 1 1)" "$(url $t 1 1 2)")
done
timeout 100 "$(tool caw_counters)" --sessions 4 --counters 2 --increments "${INCREMENTS:-1500}" "${urls[@]}" | tee "$T/out"
[ "$(jq .misses "$T/out")" -gt 0 ] || die "the sessions never met; the test proves nothing"

# One sees what the other wrote.
scsi_expect "${urls[0]}" "write 100 8 0xab" good
scsi_expect "${urls[2]}" "check 100 8 0xab" good
