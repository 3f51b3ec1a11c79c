#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A link between two appliances bears what a network does to it: resets, garbage, an end in the middle, silence in one
# direction or both, delay, a slow wire. What arrives is what was sent, each connection from its first byte on.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"

linked
proxy_start b
falls 5 "another address" proxy_between a b
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

filterd_stop_on a
filterd_stop_on b
