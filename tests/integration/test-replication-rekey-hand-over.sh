#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 200 s
#
# A deep rekey of a replicated volume under verified load, whose primary's and replica's daemons are killed on the way
# and which is handed over twice before it ends: whoever serves goes on with it, no block is lost. Afterwards the
# header is erased on the primary, and the replica destroys its own as well.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
command -v qemu-io >/dev/null || skip "qemu-io is not installed; apt-get install qemu-utils qemu-block-extra"
# shellcheck source=tests/lib/replicated_key.sh
. "$ROOT/tests/lib/replicated_key.sh"

# Who has just lost the other may not know it yet.
is_taken() { repl_say "$1" handover >"$T/handover.json" 2>"$T/refused"; }
hand_over() { # FROM TO
	switch_to none
	wait_until 60 "$1 to hand over" is_taken "$1"
	wait_until 30 "$2 to serve" repl_is "$2" .is_serving true
	wait_until 30 "the pair to be in sync" repl_is "$2" .state primary_pair
}
no_header() { [ ! -e "$(image_of "$1").luks" ] && [ ! -e "$(image_of "$1").luksbackup" ]; }

WALK_BYTES_PER_S=1048576 rekeyed_pair sync 32M
expect_error 'the last sluice-filterd ended by|filter_hung'
switch_start a
load_start --sessions 2 --depth 4 --mix read=3,write=6,unmap=1,sync=1
load_advances 300
enc_on a v0 rekey_deep '{"key_id": "new"}' kek new >"$T/rekey.json" || die "the deep rekey did not begin"
wait_until 60 "some of the volume to be rekeyed" walk_is_past a 3

child=$(filterd_child_on a)
kill -KILL "$child"
wait_until 30 "a to go on by itself after a kill" walk_is_past a 5
load_advances 50
note "after the kill of a's child: $(walk_status a)"

kill_filterd_on b
sleep 0.3
filterd_on b
wait_until 60 "b to be back" repl_is a .state primary_pair
note "after the kill of b: $(walk_status a)"

hand_over a b
wait_until 10 "b to wait for the key" enc_is b locked
enc_on b v0 unlock '' new >/dev/null || die "the new key does not open b: $(cat "$T/reply")"
wait_until 10 "b to serve" enc_is b unlocked
note "handed over to b: $(walk_status b)"
! enc_on a v0 reencrypt_pause 2>"$T/refused" || die "a replica takes commands for its primary"
switch_to b
load_advances 50

hand_over b a
wait_until 20 "a to serve again with the key that it has" enc_is a unlocked
note "handed back to a: $(walk_status a)"
switch_to a
load_advances 50
wait_until 90 "the rekey to end" walk_is_over a
load_advances 50
load_stop 'check 2/04/01'
[ "$(enc_on a v0 status | jq .walks_done)" = 1 ] || die "a has not ended the rekey: $(enc_on a v0 status)"
wait_until 20 "the one header to be on b" cmp -s "$(image_of a).luks" "$(image_of b).luks"
wait_until 20 "b to have no second header" test ! -e "$(image_of b).luksnext"

enc_on a v0 erase '{"confirm": "v0"}' >/dev/null || die "erase failed"
no_header a || die "a has its header still"
wait_until 20 "b to have destroyed its header" no_header b
! grep -qaF LUKS "$(image_of a).rannex" "$(image_of b).rannex" || die "a header is in a companion still"
