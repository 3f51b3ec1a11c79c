#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
# Three volumes are one group with one stream: in sync together, handed over together, and when the replication is removed
# and set up anew, with nothing left of the old one.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"

member_attach() { # NODE PEER ROLE MEMBER
	ask_on "$1" "{\"request\":\"filter.attach\",\"name\":\"v$4\",\"filter\":\"replication\",\"params\":{\"group\":\"$REPL_GROUP\",
		\"peer\":\"$2\",\"initial_role\":\"$3\",\"member\":$4,\"members\":3,\"is_leader\":$([ "$4" = 0 ] && echo true || echo false),
		\"journal_bytes\":33554432}}" >"$T/attach-$1.json"
}
both_attach() {
	local m
	for m in 2 1 0; do
		member_attach b a secondary $m
		member_attach a b primary $m
	done
	wait_until 60 "the group to be in sync" repl_is a .state primary_pair
}
# shellcheck disable=SC2119
two_start
for n in a b; do
	mkdir -p "$T/$n/d0"
	ctl_on "$n" datastore add d0 --type dir --path "$T/$n/d0" >/dev/null
	for m in 0 1 2; do
		ctl_on "$n" volume create "v$m" --datastore d0 --size 32M >/dev/null
	done
done
both_attach
for m in 0 1 2; do
	lun_on a $((m + 1)) "v$m"
	start_bg "load$m" nsenter --net="/proc/${NODE_PID[a]}/ns/net" -- "$(tool verify_load)" --seconds 3 --depth 4 --zero \
		--mix read=2,write=6,unmap=1 "$(url_on a $((m + 1)))"
done
for m in 0 1 2; do
	wait_bg "load$m" 60
	[ "$RC" = 0 ] || die "load of v$m: $(tail -3 "$T/load$m.log")"
	cmp "$T/a/d0/v$m.img" "$T/b/d0/v$m.img" || die "v$m differs"
done
[ "$(repl a '.state + (.term | tostring)')" = primary_pair2 ] || die "the pair broke: $(repl a .state)"
repl_say a handover >/dev/null
wait_until 10 "b to serve" repl_is b .is_serving true
wait_until 20 "the pair" repl_is b .state primary_pair

for m in 2 1 0; do
	for n in a b; do
		ask_on $n "{\"request\":\"filter.detach\",\"name\":\"v$m\",\"filter\":\"replication\"}" >"$T/detach.json"
	done
done
for n in a b; do
	[ -z "$(find "$T/$n/d0" -name '*.r*')" ] || die "$n keeps $(ls "$T/$n/d0")"
done
both_attach
[ "$(repl a '.term')" = 2 ] || die "the old replication is known still: term $(repl a .term)"
