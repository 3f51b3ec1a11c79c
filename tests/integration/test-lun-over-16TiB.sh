#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A LUN of 20 TiB: 64-bit ranges in READ, WRITE, WRITE SAME and UNMAP of more than 4 GiB, nothing wraps.
. "$(dirname "$0")/../lib/harness.sh"
one_lun 20T
last=$(((20 << 40) / 512 - 1))
scsi_expect "$URL" readcap "good blocks=$((last + 1)) *"
session_open "$URL" --limit-ms 50000
must() { session_do "$1" 60; expect "$1" "${2:-good}" "$REPLY"; }

# Marks at the start, around 2 TiB and 16 TiB (where 32 bits of blocks and of 4 KiB pages end), at the end.
marks=(0 $((4294967296 - 4)) $((4294967296 + 8)) $(((16 << 40) / 512 - 4)) $(((16 << 40) / 512 + 16)) $((last - 7)))
for lba in "${marks[@]}"; do must "write $lba 8 $((lba + 1))"; done
for lba in "${marks[@]}"; do must "check $lba 8 $((lba + 1))"; done
must "write $((last + 1)) 1 1" "check 5/21/00*"
must "write $last 2 1" "check 5/21/00*"
must "read 0xffffffffffffffff 1" "check 5/21/00*"
must "read 0xfffffffffffffff8 16" "check 5/21/00*"

# More than 4 GiB at once; neighbours on both sides stay.
far=$(((18 << 40) / 512))
for size_gib in 5 8; do
	n=$((size_gib * 2097152))
	must "write $((far - 8)) 8 0xf1"
	must "write $far 8 0xf2"
	must "write $((far + 8388608)) 8 0xf3"
	must "write $((far + n - 8)) 8 0xf4"
	must "write $((far + n)) 8 0xf5"
	if [ "$size_gib" = 5 ]; then verb="unmap $far $n"; else verb="zero $far $n unmap"; fi
	session_do "$verb" 60
	if [[ $REPLY == "check 5/24/00"* || $REPLY == "check 5/26/00"* ]]; then
		note "$verb is over the limit of VPD B0; in pieces then"
		for ((i = 0; i < n; i += 1048576)); do must "${verb%% *} $((far + i)) 1048576 ${verb##* }"; done
	else
		expect "$verb" good "$REPLY"
	fi
	must "check $far 8 0"
	must "check $((far + 8388608)) 8 0"
	must "check $((far + n - 8)) 8 0"
	must "check $((far - 8)) 8 0xf1"
	must "check $((far + n)) 8 0xf5"
done
for lba in "${marks[@]}"; do must "check $lba 8 $((lba + 1))"; done
session_close
