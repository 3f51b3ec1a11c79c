#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# The disk of filterd's plan is full: a volume that a restart would not know of is not made at all, so that
# nobody writes into it; and with space again it is.
. "$(dirname "$0")/../lib/harness.sh"
mkdir -p "$STATE_DIR" "$T/d0"
mount -t tmpfs -o size=256k none "$STATE_DIR"
filterd_start
ctl datastore add d0 --type dir --path "$T/d0" --buffered >/dev/null
volume_new v0 --datastore d0 --size 8M
dd if=/dev/zero of="$STATE_DIR/fill" bs=4k 2>/dev/null || true
if ctl volume create v1 --datastore d0 --size 8M >"$T/out" 2>&1; then
	die "a volume was made that the plan does not know"
fi
grep -q "No space left" "$T/out" || die "it is not said why: $(cat "$T/out")"
ctl --json volume show v1 >/dev/null 2>&1 && die "v1 is there all the same"
[ ! -e "$T/d0/v1.img" ] || die "its image is left behind, and in the way of the next one"
rm "$STATE_DIR/fill"
volume_new v1 --datastore d0 --size 8M
is_serving() { [ "$(ctl --json volume show "$1" | jq -r .volume.state)" = serving ]; }
filterd_stop
filterd_start
for v in v0 v1; do
	wait_until 10 "$v to serve after a restart" is_serving "$v"
done
filterd_stop
umount "$STATE_DIR"
