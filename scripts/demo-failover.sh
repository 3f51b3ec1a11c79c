#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# demo-failover.sh - as root: two appliances in network namespaces, one volume replicated in sync over real TLS, a verifying
# client over real iSCSI. The appliance that serves is killed with SIGKILL in the middle of the client's writes; the other one
# is promoted and goes on; the dead one comes back and is brought up to date. The client then reads every block that it ever
# had acknowledged. Nothing here needs a second machine, and nothing outlives the script.
#
#     make demo-failover [FAILOVERS=3]
. "$(dirname "$0")/../tests/lib/harness.sh"
# shellcheck source=tests/lib/two.sh
. "$ROOT/tests/lib/two.sh"
# shellcheck source=tests/lib/replica.sh
. "$ROOT/tests/lib/replica.sh"
need_tools verify_load
expect_error 'the last sluice-filterd ended by|filter_hung'
failovers=${FAILOVERS:-3}

line() { printf '  %-34s %12s %16s %18s\n' "$@"; }
acknowledged() { load_count; }

replica_pair 64M
wait_until 30 "the pair to be in sync" repl_is a .state primary_pair
lun_on a 1 v0
lun_on b 1 v0
switch_start a
load_start --sessions 2 --depth 8 --mix read=3,write=7
echo
line "" "commands" "serving again" "in sync again"
P=a S=b
for ((i = 1; i <= failovers; i++)); do
	load_advances 500
	at=$(acknowledged)
	from=$(now_ms)
	kill_filterd_on "$P"
	switch_to none
	wait_until 30 "$S to be promoted" promoted "$S"
	switch_to "$S"
	load_advances 1
	served=$(($(now_ms) - from))
	filterd_on "$P"
	wait_until 60 "$P to be in sync again" repl_is "$S" .state primary_pair
	line "failover $i: $P killed, $S serves" "$at" "$served ms" "$(($(now_ms) - from)) ms"
	[ $P = a ] && P=b S=a || P=a S=b
done
load_advances 500
kill -TERM "${PID_OF[load]}"
wait_bg load 60
echo
tail -n 1 "$T/load.log" | jq -r '"  \(.write) writes and \(.read) reads were acknowledged; every block was read again at the end:",
	"  lost \(.lost), stale \(.stale), torn \(.torn), misdirected \(.misdirected)"'
[ "$RC" = 0 ] || die "the client found a fault"
cmp "$(image_of a)" "$(image_of b)" || die "the two appliances differ"
echo "  both appliances hold the same bytes"
