#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# A deep rekey of a volume that is replicated as ciphertext, under verified load: the primary's appliance is killed in
# the middle, the replica is promoted, gets the key, goes on with the rekey where the stream had brought it and ends it;
# every block that was written is read, and the old key opens nothing any more.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
command -v qemu-io >/dev/null || skip "qemu-io is not installed; apt-get install qemu-utils qemu-block-extra"
. "$ROOT/tests/lib/replicated_key.sh"

WALK_BYTES_PER_S=3145728 rekeyed_pair sync 32M
expect_error 'the last sluice-filterd ended by|filter_hung'
switch_start a
load_start --sessions 2 --depth 4 --mix read=3,write=6,unmap=1,sync=1
load_advances 400
enc_on a v0 rekey_deep '{"key_id": "new"}' kek new >"$T/rekey.json" || die "the deep rekey did not begin"
wait_until 30 "some of the volume to be rekeyed" walk_is_past a 6
kill_filterd_on a
switch_to none
note "killed at $(jq -c . "$T/walk-a.json")"
wait_until 30 "b to be promoted" promoted b
wait_until 10 "b to wait for the key" enc_is b locked
enc_on b v0 unlock '' new >/dev/null || die "the new key does not open the promoted replica: $(cat "$T/reply")"
wait_until 10 "b to serve" enc_is b unlocked
walk_status b >"$T/walk.json"
note "b goes on: $(cat "$T/walk.json")"
switch_to b
load_advances 100
wait_until 60 "b to end the rekey" walk_is_over b
load_advances 50
filterd_on a
wait_until 60 "a to be in sync again" repl_is b .state primary_pair
load_stop
[ "$(enc_on b v0 status | jq .walks_done)" = 1 ] || die "b has not ended the rekey: $(enc_on b v0 status)"
! enc_on b v0 unlock '' kek 2>"$T/refused" || die "the old key still opens it"
