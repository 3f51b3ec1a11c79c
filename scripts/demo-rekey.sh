#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# demo-rekey.sh - as root: an encrypted volume gets a new data key while a verifying client writes to it over real iSCSI, and
# the daemon that does it is killed with SIGKILL on the way. The old key opens nothing any more; what is on disk is decrypted
# with the new one by other implementations (cryptsetup's header, Python's AES-XTS) and compared with what the volume serves.
#
#     make demo-rekey
. "$(dirname "$0")/../tests/lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
need_tools verify_load
expect_error 'the last sluice-filterd ended by'
walk() { encryption v0 status | jq -r "$1"; }
walk_is_past() { [ "$(walk '.reencrypt.done_bytes // 0')" -gt $(($1 << 20)) ]; }
walk_is_over() { [ "$(walk .walks_done)" = 1 ]; }
another_child_than() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$1" ]; }

encrypted_lun 64M
key_new new
ctl filter set v0 encryption,key_id=kek,reencrypt_bytes_per_s=16777216 >/dev/null
load_start load --sessions 2 --depth 8 --zero --survive-reconnect --mix read=5,write=5 "$URL"
load_moves load 500
echo
echo "  a client reads and writes an encrypted volume of 64 MiB; its data key is changed meanwhile"
from=$(now_ms)
encryption v0 rekey_deep '{"key_id": "new"}' kek new >/dev/null || die "the rekey did not begin"
wait_until 30 "some of it to be done" walk_is_past 16
child=$(filterd_child)
done_mib=$(walk '.reencrypt.done_bytes / 1048576 | floor')
kill -KILL "$child"
echo "  at $done_mib MiB the daemon is killed with SIGKILL"
wait_until 20 "another daemon" another_child_than "$child"
wait_until 60 "the rekey to end" walk_is_over
echo "  the next one went on where that was; all of it has the new key after $(($(now_ms) - from)) ms"
load_moves load 500
kill -TERM "${PID_OF[load]}"
wait_bg load 60
tail -n 1 "$T/load.log" | jq -r '"  \(.write) writes and \(.read) reads were acknowledged meanwhile, the longest took \(.max_latency_ms) ms; every block was read again:",
	"  lost \(.lost), stale \(.stale), torn \(.torn), misdirected \(.misdirected), errors \(.errors)"'
[ "$RC" = 0 ] || die "the client found a fault"
encryption v0 lock >/dev/null
! encryption v0 unlock '' kek 2>"$T/refused" || die "the old key opens the volume"
encryption v0 unlock '' new >/dev/null || die "the new key does not open the volume"
echo "  the old key opens nothing, the new one does"
scsi_expect "$URL" "write 0 64 0x5a" good
timeout 60 qemu-img convert -f raw -O raw "$URL" "$T/plain" || die "the volume does not serve"
encryption v0 lock >/dev/null # so that all of it is on disk
raw_matches v0 new 512 "$T/plain" >"$T/compared" || die "another implementation reads something else from the disk"
echo "  another implementation of AES-XTS reads the same bytes from the disk with the new key"
