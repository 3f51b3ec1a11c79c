#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A third appliance as witness: two filters ask it, one gets the lease, the other waits for its end; what it granted
# outlives its kill, and while it is away nobody is told anything.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/probe.sh"

READ=0 RENEW=1 SWAP=2
filterd_with_probe link_probe
for n in a b w; do
	node_start "$n"
done
pair_nodes a b
pair_nodes w a
pair_nodes w b
probe_volume a b w
probe_volume b a w

# ask NODE OP EXPECTED TERM LEASE_MS JQ  prints what jq makes of the answer
ask() {
	probe_say "$1" witness "{\"op\":$2,\"expected_term\":$3,\"term\":$4,\"primary\":1,\"insync\":3,\"lease_ms\":$5}" | jq -c "$6"
}
[ "$(ask a $READ 0 0 0 '[.result, .term]')" = "[0,0]" ] || die "a new group is known"
[ "$(ask a $SWAP 0 1 60000 '[.result, .term]')" = "[0,1]" ] || die "a did not become primary"
[ "$(ask b $SWAP 1 2 60000 .result)" = -16 ] || die "b became primary beside a"
[ "$(ask b $SWAP 0 2 60000 .result)" = -116 ] || die "b was not told that it is late"
[ "$(ask b $RENEW 1 0 60000 .result)" = -116 ] || die "b has renewed what is a's"
[ "$(ask a $RENEW 1 0 60000 .result)" = 0 ] || die "a could not renew"

kill_filterd_on w
BEFORE_MS=$(now_ms)
[ "$(ask a $RENEW 1 0 60000 '.result == -113 or .result == -110')" = true ] || die "an answer without a witness"
note "no witness: known after $(($(now_ms) - BEFORE_MS)) ms"
filterd_on w
answers() { [ "$(ask a $READ 0 0 0 .result)" = 0 ]; }
wait_until 20 "the witness to answer" answers
[ "$(ask b $SWAP 1 2 1000 .result)" = -16 ] || die "the witness forgot a's lease"
[ "$(ask a $READ 0 0 0 '[.term, .lease_left_ms > 15000]')" = "[1,true]" ] || die "the witness forgot its register"
[ "$(ask a $RENEW 1 0 0 .result)" = 0 ] || die "a could not give its lease back"
[ "$(ask b $SWAP 1 2 1000 '[.result, .term]')" = "[0,2]" ] || die "b did not become primary"
ask_on w '{"request":"witness.list"}' | jq -e '.registers | length == 1 and .[0].term == 2 and (.[0].members | length) == 2' >/dev/null ||
	die "the witness shows something else: $(ask_on w '{"request":"witness.list"}')"

expect_error "does not answer for|ended by a hang"
# A question that is under way when the filter goes is nobody's fault. The one that is asked may be killed as hung meanwhile.
stopped=$(filterd_child_on w)
kill -STOP "$stopped"
start_bg asking python3 "$ROOT/tests/tools/filterd_ask.py" "$T/a/run/filterd.sock" \
	'{"request":"filter.command","name":"v0","filter":"link_probe","command":"witness","args":{"op":0}}'
sleep 0.5
ctl_on a filter detach v0 link_probe
kill -CONT "$stopped" 2>/dev/null || true
wait_bg asking 10
for n in a b w; do
	filterd_stop_on "$n"
done
