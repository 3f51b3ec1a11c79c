#!/bin/bash
# SPDX-License-Identifier: MIT
# Import, export and clone carry every byte of a volume through its chain, keep holes holes, and never run
# beside a LUN. A broken or oversized input is an error; a cancel and a shutdown end a transfer at once.
. "$(dirname "$0")/../lib/harness.sh"
need_tools

ask() { timeout 30 "$ROOT/tests/tools/filterd_ask.py" "$RUN_DIR/filterd.sock" "$@"; }
# transfer DIRECTION VOLUME FILE [SIZE]: its number in $ID
transfer() {
	ID=$(ask "{\"request\":\"transfer.start\",\"name\":\"$2\",\"direction\":\"$1\",\"size_bytes\":${4:-0}}" "$3" |
		jq .transfer)
}
state() { ask "{\"request\":\"transfer.show\",\"transfer\":$1}" | jq -r .state; }
has_ended() { [ "$(state "$1")" != running ]; }
ended_as() {
	wait_until 60 "transfer $1 to end" has_ended "$1"
	[ "$(state "$1")" = "$2" ] || die "transfer $1 is not $2: $(ask "{\"request\":\"transfer.show\",\"transfer\":$1}")"
}
allocated() { echo $(($(stat -c %b "$1") * 512)); }

filterd_start
datastore_dir d0 --buffered
volume_new src --datastore d0 --size 256M --filter passthru
volume_new dst --datastore d0 --size 256M --filter passthru --filter delay

# Data at the beginning, a hole of 192 MiB, data at the end, one block in between.
head -c 5000000 /dev/urandom >"$T/in"
truncate -s 256M "$T/in"
head -c 1048576 /dev/urandom | dd of="$T/in" bs=1M seek=255 conv=notrunc status=none
printf 'x' | dd of="$T/in" bs=1 seek=100000000 conv=notrunc status=none

transfer import src "$T/in" 268435456
ended_as "$ID" succeeded
transfer export src "$T/out"
ended_as "$ID" succeeded
cmp "$T/in" "$T/out" || die "what came out is not what went in"
[ "$(allocated "$T/out")" -lt 16000000 ] || die "the export of a sparse volume takes $(allocated "$T/out") bytes"
[ "$(allocated "$T/d0/src.img")" -lt 16000000 ] || die "the import made holes to data"

# A clone: out of one, into the other, through a pipe; what was in the target before is gone.
head -c 268435456 /dev/urandom >"$T/old"
transfer import dst "$T/old"
ended_as "$ID" succeeded
mkfifo "$T/pipe"
cat >"$T/clone.py" <<'PY'
import array, json, os, socket, struct, sys
def start(name, direction, fd):
    body = json.dumps({"request": "transfer.start", "name": name, "direction": direction}).encode()
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
    s.sendmsg([struct.pack("=IHHII", 0x4C544353, 1, 1, 1, len(body)) + body],
              [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    size = struct.unpack("=IHHII", s.recv(16, socket.MSG_WAITALL))[4]
    return json.loads(s.recv(size, socket.MSG_WAITALL))["transfer"]
a, b = socket.socketpair()
print(start("src", "export", a.fileno()), start("dst", "import", b.fileno()))
PY
read -r out_id in_id < <(python3 "$T/clone.py" "$RUN_DIR/filterd.sock")
ended_as "$out_id" succeeded
ended_as "$in_id" succeeded
rm "$T/out"
transfer export dst "$T/out"
ended_as "$ID" succeeded
cmp "$T/in" "$T/out" || die "the clone differs"
[ "$(allocated "$T/d0/dst.img")" -lt 16000000 ] || die "old data stayed allocated in the clone"

# A shorter input clears the rest; one that ends too early or is too long is an error.
head -c 1000001 "$T/old" >"$T/short"
transfer import dst "$T/short"
ended_as "$ID" succeeded
rm "$T/out"
transfer export dst "$T/out"
ended_as "$ID" succeeded
cmp -n 1000001 "$T/short" "$T/out" || die "the short import differs"
[ "$(tail -c +1000002 "$T/out" | tr -d '\0' | wc -c)" = 0 ] || die "something stands behind the short import"
transfer import dst "$T/short" 2000000
ended_as "$ID" failed
ask "{\"request\":\"transfer.show\",\"transfer\":$ID}" | finds 'ended after 1000001 of 2000000' || die "no sentence about the early end"
head -c 269000000 /dev/zero >"$T/long"
transfer import dst "$T/long"
ended_as "$ID" failed
ask "{\"request\":\"transfer.show\",\"transfer\":$ID}" | finds "more than the volume's" || die "no sentence about the long input"

# Cancelled while it waits for a silent peer; meanwhile nothing else is done to the volume.
exec 7<>"$T/pipe"
transfer import dst "$T/pipe"
ctl volume grow dst --size 512M >/dev/null 2>&1 && die "a volume grew while it was being imported"
ask "{\"request\":\"transfer.cancel\",\"transfer\":$ID}" >/dev/null
ended_as "$ID" cancelled
ctl volume grow dst --size 512M >/dev/null || die "the cancelled transfer left the volume busy"

# A LUN keeps it away, and it keeps LUNs away.
tgtd_start a
target_new a 1
lun_sluice a 1 1 dst
wait_until 10 "the ring" sh -c "timeout 5 '$B/bin/sluice-filterctl' --socket '$RUN_DIR/filterd.sock' --json volume show dst | jq -e '.volume.rings == 1'"
ask '{"request":"transfer.start","name":"dst","direction":"export"}' "$T/pipe" >"$T/answer" && die "exported beside a LUN"
grep -q EBUSY "$T/answer" || die "refused with: $(cat "$T/answer")"

# A shutdown does not wait for the peer.
transfer import src "$T/pipe"
filterd_stop
