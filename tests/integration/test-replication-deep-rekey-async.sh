#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# A deep rekey of a volume whose replica follows asynchronously: the wire is cut in the middle, the primary ends the rekey
# alone and destroys the old key there, and is killed. The replica, which is older, is promoted: it has the old
# header, still, and the watermark of its own point in time, and ends the rekey by itself. What was written is in clear
# in no file of either appliance: image, headers, companions, journals, stages, marks, records, logs.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
command -v qemu-io >/dev/null || skip "qemu-io is not installed; apt-get install qemu-utils qemu-block-extra"
# shellcheck source=tests/lib/replicated_key.sh
. "$ROOT/tests/lib/replicated_key.sh"

WALK_BYTES_PER_S=1048576 rekeyed_pair async 32M
expect_error 'the last sluice-filterd ended by|filter_hung'
fill a
enc_on a v0 rekey_deep '{"key_id": "new"}' kek new >"$T/rekey.json" || die "the deep rekey did not begin"
wait_until 30 "some of the content to be rekeyed" walk_is_past a 12
wait_until 20 "the new header to be on b" test -e "$(image_of b).luksnext"
nothing_in_clear
cable_cut
wait_until 60 "a to end the rekey" walk_is_over a
[ ! -e "$(image_of a).luksnext" ] || die "a has two headers still"
kill_filterd_on a
wait_until 30 "b to be promoted" promoted b '{"force":true}'
wait_until 10 "b to wait for the key" enc_is b locked
enc_on b v0 unlock '' new >/dev/null || die "the new key does not open the promoted replica: $(cat "$T/reply")"
wait_until 10 "b to serve" enc_is b unlocked
walk_status b >"$T/walk.json"
note "b goes on: $(cat "$T/walk.json")"
filled b
wait_until 60 "b to end the rekey" walk_is_over b
filled b
nothing_in_clear
[ "$(enc_on b v0 status | jq .walks_done)" = 1 ] || die "b has not ended the rekey: $(enc_on b v0 status)"
! enc_on b v0 unlock '' kek 2>"$T/refused" || die "the old key still opens it"
cable_mend
