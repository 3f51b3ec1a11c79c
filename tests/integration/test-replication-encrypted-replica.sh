#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A volume that is encrypted above its replication: the replica is ciphertext on an appliance that never had the key,
# the header travels, also after its key slots changed, and the replica serves once it gets the key.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
command -v qemu-io >/dev/null || skip "qemu-io is not installed; apt-get install qemu-utils qemu-block-extra"

enc_on() {
	local RUN_DIR=$T/$1/run
	shift
	encryption "$@"
}
enc_is() { [ "$(enc_on "$1" v0 status 2>/dev/null | jq -r .state)" = "$2" ]; }
qio_on() {
	local name=$1
	shift
	on "$name" timeout 60 qemu-io -f raw -t none "$@" "$(url_on "$name" 1)" >"$T/io/out" 2>&1
}
same_header() { cmp -s "$(image_of a).luks" "$(image_of b).luks" && cmp -s "$(image_of a).luks" "$(image_of b).luksbackup"; }

UUID=6f1c2f7e-53d5-4a0c-9a39-0c39d0a5be01
# shellcheck disable=SC2119
two_start
mkdir "$T/io"
key_new kek
key_new new
for n in a b; do
	mkdir -p "$T/$n/d0"
	ctl_on $n datastore add d0 --type dir --path "$T/$n/d0" >/dev/null
	ask_on $n "{\"request\":\"volume.create\",\"name\":\"v0\",\"datastore\":\"d0\",\"size_bytes\":33554432,\"uuid\":\"$UUID\"}" >/dev/null
	ctl_on $n filter attach v0 encryption,key_id=kek >/dev/null
	wait_until 10 "$n to have looked for a header" enc_is $n unformatted
done
enc_on a v0 format '{"key_id": "kek"}' kek >"$T/format.json" || die "format failed"
replica_attach b a secondary
replica_attach a b primary
wait_until 40 "the pair to be in sync" repl_is a .state primary_pair
wait_until 15 "the header to be on b" same_header
wait_until 5 "b to be locked" enc_is b locked

lun_on a 1 v0
lun_on b 1 v0
printf 'SLUICE-MARKER-%s' "$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')" >"$T/io/marker"
{ yes "$(cat "$T/io/marker")" || true; } 2>/dev/null | head -c 2M >"$T/io/content"
qio_on a -c "write -s $T/io/content 1M 2M" -c flush || die "write: $(cat "$T/io/out")"
cmp "$(image_of a)" "$(image_of b)" || die "the two sides differ"
[ "$(du -k "$(image_of b)" | cut -f1)" -gt 1024 ] || die "nothing came"
if grep -rlaF --exclude-dir=io -- "$(cat "$T/io/marker")" "$T"; then
	die "the marker is in these files in clear"
fi

enc_on a v0 rekey_shallow '{"key_id": "new"}' kek new >/dev/null || die "rekey failed"
wait_until 15 "the new key slots to be on b" same_header

kill_filterd_on a
wait_until 30 "b to be promoted" promoted b '{"force":true}'
! qio_on b -c "read 1M 4k" || die "b serves without its key"
! enc_on b v0 unlock '' kek 2>"$T/refused" || die "the old key opens the replica"
enc_on b v0 unlock '' new >/dev/null || die "the new key does not open the replica"
wait_until 5 "b to be unlocked" enc_is b unlocked
on b timeout 60 qemu-img convert -f raw -O raw "$(url_on b 1)" "$T/io/got" || die "b does not serve"
cmp -n 2097152 -i 1048576:0 "$T/io/got" "$T/io/content" || die "b has other data"
