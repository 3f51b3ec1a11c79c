#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two appliances become a pair in sync: what is acknowledged on one is on both, the replica does not serve, and a
# verify finds no difference.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"

replica_pair 64M
wait_until 30 "the pair to be in sync" repl_is a .state primary_pair
wait_until 5 "b to know it" repl_is b .state secondary_insync
lun_on a 1 v0
lun_on b 1 v0
on a timeout 60 "$(tool verify_load)" --seconds 4 --sessions 2 --depth 8 --zero \
	--mix read=2,write=6,unmap=1,write_same=1,sync=1 "$(url_on a 1)" >"$T/load.json" || die "load: $(tail -3 "$T/load.json")"
note "load: $(tail -n 1 "$T/load.json")"
cmp "$(image_of a)" "$(image_of b)" || die "the two sides differ"
repl_is a .state primary_pair || die "the pair broke: $(repl a .state)"

! on b timeout 30 "$(tool verify_load)" --ops 1 "$(url_on b 1)" >"$T/replica.json" 2>&1 || die "the replica serves"

repl_say a verify >/dev/null
wait_until 30 "the verify" repl_is a .verify.state 'done'
# The volume and its companion.
[ "$(repl a '"\(.verify.done_bytes) \(.verify.different_blocks)"')" = "$((67108864 + 16777216)) 0" ] || die "verify: $(repl a .verify)"

# One block of the replica goes wrong behind its back.
printf 'wrong' | dd of="$(image_of b)" bs=4096 seek=100 conv=notrunc status=none
repl_say a verify '{"repair":true}' >/dev/null
wait_until 30 "the repair" repl_is a .verify.state 'done'
[ "$(repl a '"\(.verify.different_blocks) \(.verify.repaired_blocks)"')" = "1 1" ] || die "repair: $(repl a .verify)"
cmp "$(image_of a)" "$(image_of b)" || die "the block was not repaired"
