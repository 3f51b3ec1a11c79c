#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 200 s
#
# Snapshots by clicks: taken, cloned, shown as a LUN, gone back to, deleted; schedules and groups. What a host reads is
# what the console said that it would.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$ROOT/tests/lib/appliance.sh"
# shellcheck source=tests/lib/console.sh
. "$ROOT/tests/lib/console.sh"

# io VOLUME COMMAND...  qemu-io's commands on its LUN, as the host that is named.
io() {
	local disk iqn words=() word
	iqn=$(api_ok GET "/volumes/$1" | jq -r .target.iqn)
	disk="driver=iscsi,transport=tcp,portal=127.0.0.1:$PORTAL_PORT,target=$iqn,lun=1,initiator-name=$CLIENT_IQN"
	shift
	for word; do words+=(-c "$word"); done
	timeout 60 qemu-io ${READ_ONLY:+"$READ_ONLY"} --image-opts "$disk" "${words[@]}" >"$T/io" 2>&1 && ! grep -qE 'verification failed|rror' "$T/io"
}
READ_ONLY=
has() { io "$1" "read -P $2 0 4M" || die "$1 has not what was written as $2: $(cat "$T/io")"; }
BROWSE_LIMIT_S=180

console_start
api_ok POST /datastores "{\"name\":\"main\",\"type\":\"dir\",\"path\":\"$T/main\",\"is_buffered\":true}" >/dev/null
task_done
host_make esx-01 "$CLIENT_IQN"
volume_make silver $((64 * 1048576)) '"hosts":["esx-01"]'
io silver "write -P 0x11 0 4M" flush || die "nothing is written: $(cat "$T/io")"
browse snapshots take
io silver "write -P 0x22 0 4M" flush || die "nothing is written: $(cat "$T/io")"
browse snapshots use
for name in silver silver-linked silver-whole; do has "$name" 0x11; done
READ_ONLY=-r has silver-then 0x11
! io silver-then "write -P 0x33 0 64k" || die "what is only shown was written"
io silver-linked "write -P 0x33 0 4M" flush || die "the clone is not written: $(cat "$T/io")"
has silver-linked 0x33
has silver 0x11
browse snapshots away schedule group
has silver 0x11
