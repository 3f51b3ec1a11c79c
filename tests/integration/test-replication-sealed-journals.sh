#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# Encryption below replication, on each side with a key of its own: the property "allow filters before encryption" is
# true. What an initiator writes while the peer is away, and what comes to the replica, is in no file of either side in
# clear: image, journal, stages, marks. Locked, the group waits; killed, deeply rekeyed and unlocked, it goes on where it
# was, out of the same journal.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
. "$ROOT/tests/lib/replicated_key.sh"
command -v qemu-io >/dev/null || skip "qemu-io is not installed; apt-get install qemu-utils qemu-block-extra"
MODE=${MODE:-async}

expect_error "the last sluice-filterd ended by"
# shellcheck disable=SC2119
two_start
mkdir "$T/io"
for n in a b; do
	key_new "kek-$n"
	key_new "new-$n"
	mkdir -p "$T/$n/d0"
	ctl_on $n datastore add d0 --type dir --path "$T/$n/d0" >/dev/null
	ask_on $n "{\"request\":\"volume.create\",\"name\":\"v0\",\"datastore\":\"d0\",\"size_bytes\":33554432,\"uuid\":\"$KEYED_UUID\"}" >/dev/null
	ctl_on $n filter attach v0 "encryption,key_id=kek-$n,allow_filters_before=true,reencrypt_bytes_per_s=67108864" >/dev/null
	wait_until 10 "$n to have looked for a header" enc_is $n unformatted
	enc_on $n v0 format "{\"key_id\": \"kek-$n\"}" "kek-$n" >/dev/null || die "format failed on $n"
done
# Back-pressure: all of it is to be in the journal, however slow the disk is.
replica_attach b a secondary "\"mode\":\"$MODE\",\"backpressure_max_ms\":10000"
replica_attach a b primary "\"mode\":\"$MODE\",\"backpressure_max_ms\":10000"
wait_until 40 "the replica to be a point in time" repl_is b .is_consistent true
lun_on a 1 v0
lun_on b 1 v0

# The newest copies are in the journal alone.
cable_cut
wait_until 20 "a to be alone" repl_is a .peer_up false
wait_until 20 "a to serve alone" qio_on a -c "read 0 4k"
printf 'SLUICE-MARKER-%s' "$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')" >"$T/io/marker"
{ yes "$(cat "$T/io/marker")" || true; } 2>/dev/null | head -c 12M >"$T/io/content"
qio_on a -c "write -s $T/io/content 8M 12M" -c flush || die "write: $(cat "$T/io/out")"
[ "$(repl a .journal_used_bytes)" -gt 12000000 ] || die "the journal does not hold it: $(repl a .)"
in_no_file() {
	! grep -rlaF --exclude-dir=io -- "$(cat "$T/io/marker")" "$T" || die "the marker is in these files in clear ($1)"
}
in_no_file "in the journal"

# A locked group waits, and what it holds is still there afterwards; so it is over a kill and with another key.
JOURNAL=$(repl a .journal_used_bytes)
enc_on a v0 lock >/dev/null
wait_until 10 "a's group to wait" repl_is a .state waiting_for_keys
! qio_on a -c "read 8M 4k" || die "a locked volume is served"
kill_filterd_on a
# Who has no key can tell whether the log is whole, and only that.
timeout 60 "$B/bin/sluice-logcheck" verify "$(image_of a).rjournal" >"$T/io/verified" || die "logcheck: $(cat "$T/io/verified")"
filterd_on a
wait_until 20 "a's group to wait for its key" repl_is a .state waiting_for_keys
# Locked again while the group opens, at whatever step: it waits again, it does not fail.
for _ in 1 2 3; do
	enc_on a v0 unlock '' kek-a >/dev/null || die "unlock failed"
	enc_on a v0 lock >/dev/null
	wait_until 20 "a's group to wait again" repl_is a .state waiting_for_keys
done
enc_on a v0 unlock '' kek-a >/dev/null || die "unlock failed"
holds_it() { [ "$(repl a '.journal_used_bytes // 0')" -gt 12000000 ]; }
wait_until 20 "a's journal to be open again" holds_it
note "journal: $JOURNAL bytes before, $(repl a .journal_used_bytes) now"
enc_on a v0 rekey_deep '{"key_id": "new-a"}' kek-a new-a >/dev/null || die "rekey_deep was refused"
kill_child_on a
wait_until 60 "the walk to be over" walk_is_over a
kill_filterd_on a
filterd_on a
wait_until 20 "a's group to wait for its new key" repl_is a .state waiting_for_keys
! enc_on a v0 unlock '' kek-a 2>"$T/refused" || die "the old key opens the volume"
enc_on a v0 unlock '' new-a >/dev/null || die "the new key does not"
wait_until 20 "a's journal to be open under the new key" holds_it
in_no_file "after the rekey"

# What was sealed under the first key goes to b, and is sealed there under b's.
cable_mend
wait_until 60 "a to serve" repl_is a .is_serving true
wait_until 60 "b to have all of it" repl_is b .is_consistent true
caught_up() { [ "$(repl a .journal_used_bytes)" -lt 1000000 ] && repl_is a .dirty_bytes 0 && repl_is a .suspect_bytes 0 && repl_is a .resync.state idle; }
wait_until 60 "b to have caught up" caught_up
note "at a: $(repl a '.resync | tostring')"
qio_on a -c "write -s $T/io/content 8M 12M" -c flush || die "write: $(cat "$T/io/out")"
staged() { [ -s "$(image_of b).rstagea" ] && [ -s "$(image_of b).rjournal" ] && [ -s "$(image_of a).rjournal" ]; }
staged || die "there are no stages, so nothing is proved"
wait_until 60 "b to have caught up again" caught_up
in_no_file "at the end"
! cmp -s "$(image_of a)" "$(image_of b)" || die "the two sides have the same ciphertext, so the same key"

kill_filterd_on a
wait_until 60 "b to be promoted" promoted b '{"force":true}'
filled b
in_no_file "after the failover"
