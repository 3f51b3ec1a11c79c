#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two appliances become peers by a code that is good once: a wrong one, a used one and a third try are refused, and
# what was paired is still there after both were killed.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"

node_start a
node_start b

offer() { ask_on a '{"request":"peer.offer","name":"b"}' | jq -r .code; }
join_refused() {
	! timeout 20 python3 "$ROOT/tests/tools/filterd_ask.py" "$T/b/run/filterd.sock" \
		"{\"request\":\"peer.join\",\"name\":\"a\",\"address\":\"$(address_of a)\",\"code\":\"$1\"}" >"$T/refused.json" ||
		die "the code $1 was taken: $(cat "$T/refused.json")"
	jq -r .error.text "$T/refused.json"
}

note "no offer: $(join_refused 00000-00000-00000-00000)"
CODE=$(offer)
[[ $CODE =~ ^([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$ ]] || die "a strange code: $CODE"
note "wrong: $(join_refused 00000-00000-00000-00000)"
note "wrong: $(join_refused 00000-00000-00000-00001)"
note "wrong: $(join_refused 00000-00000-00000-00002)"
note "right, but too late: $(join_refused "$CODE")"
[ "$(ask_on a '{"request":"peer.list"}' | jq '.peers | length')" = 0 ] || die "a wrong code made a peer"

pair_nodes a b
note "used: $(join_refused "$CODE")"
for n in a b; do
	ask_on "$n" '{"request":"peer.list"}' | jq -e '.peers | length == 1' >/dev/null || die "$n has not one peer"
done
FP=$(ask_on a '{"request":"peer.identity"}' | jq -r .fingerprint)
[ "$(ask_on b '{"request":"peer.list"}' | jq -r '.peers[0].fingerprint')" = "$FP" ] || die "b knows another key of a"
[ "$(ask_on a '{"request":"peer.list"}' | jq -r '.peers[0].address')" = "$(address_of b)" ] || die "a does not know where b is"
[ "$(stat -c %a "$T/a/state/net/identity.pem")" = 600 ] || die "anybody may read the key"
grep -rq "$CODE" "$T/a/state" "$T"/*.log && die "the code is kept somewhere"

kill_filterd_on a
kill_filterd_on b
filterd_on a
filterd_on b
[ "$(ask_on a '{"request":"peer.identity"}' | jq -r .fingerprint)" = "$FP" ] || die "a is somebody else after a restart"

# Calls between the policy daemons.
start_bg taker python3 "$ROOT/tests/tools/filterd_ask.py" "$T/b/run/filterd.sock" '{"request":"peer.take","wait_ms":20000}'
start_bg caller python3 "$ROOT/tests/tools/filterd_ask.py" "$T/a/run/filterd.sock" \
	'{"request":"peer.call","name":"b","body":{"what":"volumes"}}'
wait_bg taker 20
CALL=$(jq -r .call "$T/taker.log")
[ "$(jq -r '.peer + " " + .body.what' "$T/taker.log")" = "a volumes" ] || die "another call: $(cat "$T/taker.log")"
ask_on b "{\"request\":\"peer.answer\",\"call\":$CALL,\"body\":{\"volumes\":[]}}" >/dev/null
wait_bg caller 20
jq -e '.answer.volumes == []' "$T/caller.log" >/dev/null || die "another answer: $(cat "$T/caller.log")"

ask_on a '{"request":"peer.forget","name":"b"}' >/dev/null
! timeout 20 python3 "$ROOT/tests/tools/filterd_ask.py" "$T/b/run/filterd.sock" \
	'{"request":"peer.call","name":"a","body":{},"timeout_ms":5000}' >"$T/forgotten.json" || die "a stranger was answered"
note "forgotten: $(jq -r .error.text "$T/forgotten.json")"
