#!/bin/bash
# SPDX-License-Identifier: MIT
# The certificate is made once, can be replaced under load, and a pair that does not fit is refused.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

gateway_start
shown() { timeout 5 openssl s_client -connect "127.0.0.1:$WEB_PORT" </dev/null 2>/dev/null | openssl x509 -noout "$@"; }
print_of() { shown -fingerprint -sha256 | cut -d= -f2; }
fingerprint=$("$B/bin/sluice-webd" --state-dir "$T/web" --fingerprint)

[ "$(print_of)" = "$fingerprint" ] || die "--fingerprint says $fingerprint, the server shows $(print_of)"
grep -q "fingerprint $fingerprint" "$T/webd.log" || die "the log does not name the fingerprint"
[ "$(stat -c %a "$T/web/tls.key")" = 600 ] || die "tls.key has mode $(stat -c %a "$T/web/tls.key")"
shown -text >"$T/text"
grep -q 'NIST CURVE: P-256' "$T/text" || die "not P-256: $(cat "$T/text")"
for name in "DNS:localhost" "DNS:$(hostname)" "IP Address:127.0.0.1"; do
	grep -q "$name" "$T/text" || die "the certificate does not name $name"
done
shown -checkend $((824 * 86400)) >/dev/null || die "it ends before 824 days"
! shown -checkend $((826 * 86400)) >/dev/null || die "it lasts for more than 826 days"
timeout 5 curl -sf --cacert "$T/web/tls.crt" "$WEB_URL/healthz" >/dev/null || die "curl does not trust the certificate for 127.0.0.1"

for old in tls1 tls1_1; do
	! timeout 5 openssl s_client -"$old" -cipher 'ALL:@SECLEVEL=0' -connect "127.0.0.1:$WEB_PORT" </dev/null >"$T/old" 2>&1 ||
		die "$old was accepted"
done
for new in tls1_2 tls1_3; do
	timeout 5 openssl s_client -"$new" -connect "127.0.0.1:$WEB_PORT" </dev/null >/dev/null 2>&1 || die "$new was refused"
done

# Another start shows the same one.
gateway_stop
webd_start
[ "$(print_of)" = "$fingerprint" ] || die "the second start made another certificate"

# Replaced while requests run: none of them fails.
load() {
	for _ in $(seq 60); do
		timeout 10 curl -skf -o /dev/null "$WEB_URL/api/v1/volumes" || echo failed
	done
}
make_pair() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -days 10 -subj "/CN=replaced" 2>/dev/null
}
make_pair "$T/new"
make_pair "$T/other"
load >"$T/load" &
load_pid=$!
cp "$T/web/tls.key" "$T/ours.key"
cp "$T/web/tls.crt" "$T/ours.crt"
for pair in new ours new ours new; do
	cp "$T/$pair.key" "$T/web/tls.key"
	cp "$T/$pair.crt" "$T/web/tls.crt"
	kill -HUP "${PID_OF[webd]}"
	want=$(openssl x509 -noout -fingerprint -sha256 -in "$T/$pair.crt" | cut -d= -f2)
	shows() { [ "$(print_of)" = "$want" ]; }
	wait_until 5 "the certificate $pair to be shown" shows
done
wait "$load_pid"
[ ! -s "$T/load" ] || die "requests failed while the certificate was replaced: $(wc -l <"$T/load")"

# What does not fit is refused with a sentence, and what was there stays.
refused() { [ "$(grep -c 'new certificate is not used' "$T/webd.log")" = "$1" ]; }
cp "$T/other.key" "$T/web/tls.key"
kill -HUP "${PID_OF[webd]}"
wait_until 5 "a key of another certificate to be refused" refused 1
echo garbage >"$T/web/tls.crt"
kill -HUP "${PID_OF[webd]}"
wait_until 5 "garbage to be refused" refused 2
rm "$T/web/tls.crt"
kill -HUP "${PID_OF[webd]}"
wait_until 5 "a missing file to be refused" refused 3
[ "$(print_of)" = "$want" ] || die "a refused certificate is shown"
note "made once, replaced five times under load, three bad ones refused"
gateway_stop
