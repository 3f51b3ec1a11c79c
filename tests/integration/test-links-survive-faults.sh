#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A link between two appliances comes back after whatever happens to it: kills of either side, resets, a wire that is
# cut, one way or both, silence, garbage. What arrives is what was sent, each connection from its first byte on.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"

linked
proxy_start b
falls 5 "another address" proxy_between a b
expect_error 'the last sluice-filterd ended by'
carry() { links_carry "$*"; }
talk() {
	local n
	for n in a b; do
		probe_say "$n" talk '{"bytes_per_s":4000000}' >/dev/null
	done
}
back() {
	wait_until 20 "the links after $*" links_are_up
	talk
	carry "after $*"
	note "$*: up again"
}
wait_until 10 "the links through the proxy" links_are_up
talk
carry "at first"

falls 5 "a reset" proxy_mode b cut
proxy_mode b pass
back "a reset"

for n in a b; do
	kill_child_on "$n"
	wait_until 20 "filterd of $n" ctl_on "$n" status
	back "kill -9 of the child of $n"
	kill_filterd_on "$n"
	filterd_on "$n"
	back "kill -9 of filterd of $n"
done

# The heartbeat's connection is silent here: only the data's is spoilt.
garbled() { [ "$(probe_status a .data.downs)" -gt "$BEFORE" ]; }
BEFORE=$(probe_status a .data.downs)
proxy_mode b garble 100000
wait_until 10 "garbage to end the connection" garbled
proxy_mode b pass
back "garbage"
BEFORE=$(probe_status a .data.downs)
proxy_mode b truncate 1000000
wait_until 10 "the truncated connection to end" garbled
proxy_mode b pass
back "truncation"

for way in hold "oneway up" "oneway down"; do
	# shellcheck disable=SC2086 # words
	proxy_mode b $way
	sleep 1
	proxy_mode b pass
	carry "a second of $way"
done
proxy_mode b delay 20 5
carry "20 ms of delay"
proxy_mode b rate 1000000
carry "a slow wire"
proxy_mode b pass

# Without the proxy: packets are gone, TCP has to notice.
peer_is_set a b "\"address\":\"$(address_of b)\",\"port\":$PEER_PORT"
back "another address once more"
kill_bg proxy-b TERM
falls 25 "a cut wire" cable_cut
cable_mend
back "a cut wire"
falls 25 "a wire that was cut one way" cable_oneway b a
cable_mend
back "a wire that was cut one way"
filterd_stop_on a
filterd_stop_on b
