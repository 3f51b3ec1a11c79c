#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whoever comes to the port for peers without the right key gets nothing: an old TLS, no certificate, another one's, a
# session said again byte by byte, hundreds of silent connections. The link that is there does not notice.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"

linked
proxy_start b "$T/session.bytes"
falls 5 "another address" proxy_between a b
wait_until 10 "the links through the proxy" links_are_up
for n in a b; do
	probe_say "$n" talk '{"bytes_per_s":5000000}' >/dev/null
done
links_carry "at first"
UPS=$(probe_status b '[.data.ups, .control.ups] | tostring')

intrude() {
	local want=$1
	shift
	GOT=$(on a timeout 30 python3 "$ROOT/tests/tools/peer_intruder.py" "$(address_of b)" "$PEER_PORT" "$@") || GOT=failed
	[ "$GOT" = "$want" ] || die "$*: $GOT instead of $want"
}
intrude closed tls12
intrude closed bare
openssl req -x509 -newkey ed25519 -nodes -days 30 -subj "/CN=intruder" -keyout "$T/intruder.pem" -out "$T/intruder.crt" 2>"$T/openssl.log"
cat "$T/intruder.crt" >>"$T/intruder.pem"
intrude closed key "$T/intruder.pem"
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=intruder" -keyout "$T/rsa.pem" -out "$T/rsa.crt" 2>"$T/openssl.log"
cat "$T/rsa.crt" >>"$T/rsa.pem"
intrude closed key "$T/rsa.pem"
intrude closed alpn "$T/a/state/net/identity.pem"
[ "$(stat -c %s "$T/session.bytes")" -gt 2000 ] || die "no session was recorded"
head -c 200000 "$T/session.bytes" >"$T/session.head"
intrude closed replay "$T/session.head"

mkfifo "$T/flood.stdin"
start_bg flood sh -c "nsenter --net=/proc/${NODE_PID[a]}/ns/net -- python3 '$ROOT/tests/tools/peer_intruder.py' \
	$(address_of b) $PEER_PORT flood 300 <'$T/flood.stdin'"
exec 7>"$T/flood.stdin"
wait_until 20 "the flood" grep -q held "$T/flood.log"
links_carry "under a flood"
[ "$(probe_status b '[.data.ups, .control.ups] | tostring')" = "$UPS" ] || die "an intruder ended the link"
falls 5 "a reset under the flood" proxy_mode b cut
proxy_mode b pass
wait_until 20 "the links under the flood" links_are_up
note "links came back under a flood of 300 silent connections"
exec 7>&-
wait_bg flood 10
filterd_stop_on a
filterd_stop_on b
