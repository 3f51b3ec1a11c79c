#!/bin/bash
# SPDX-License-Identifier: MIT
# Too much, too many, too fast and too slow: each is refused, and others are served meanwhile.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

fake_start
webd_start --header-timeout 1500 --body-timeout 2000 --answer-timeout 1500 --rate 100 --per-address 20 --attempts 5

# Sizes.
status_is 200 /
status_is 414 "/$(printf 'a%.0s' {1..8300})"
# shellcheck disable=SC2046 # one option per line
status_is 431 $(for i in {1..70}; do echo "-HX-$i:a"; done) /
status_is 431 -H "X-Long: $(printf 'a%.0s' {1..17000})" /
raw send "GET / HTTP/1.1\r\nHost: localhost\r\nX: $(printf 'a%.0s' {1..60000})\r\n\r\n" >"$T/answer" || true
grep -aqE '^HTTP/1.1 (431|413|414|400)' "$T/answer" || [ ! -s "$T/answer" ] || die "60 kB of header: $(head -1 "$T/answer")"
head -c 1048576 /dev/zero >"$T/fits"
head -c 1048577 /dev/zero >"$T/over"
head -c 16777216 /dev/zero >"$T/fits16"
head -c 16777217 /dev/zero >"$T/over16"
status_is 200 --data-binary @"$T/fits" /api/v1/volumes
status_is 413 --data-binary @"$T/over" /api/v1/volumes
status_is 413 -H 'Transfer-Encoding: chunked' --data-binary @"$T/over" /api/v1/volumes
jq -e '.code == "too_large" and .status == 413 and .title and .detail' "$T/body" >/dev/null || die "no problem: $(cat "$T/body")"
status_is 200 --data-binary @"$T/fits16" /api/v1/config/apply
status_is 413 --data-binary @"$T/over16" /api/v1/config/apply
status_is 400 -X GET -d body /api/v1/volumes

mkfifo "$T/slow-pipe"
# Slowness: no handshake, headers byte by byte, a body byte by byte, a policyd that does not answer.
between() { if [ "$1" -lt "$2" ] || [ "$1" -gt $(($3 * PATIENCE)) ]; then die "$4 lasted for $1 ms"; fi; }
between "$(raw silent)" 1000 5000 "a connection without a handshake"
between "$(raw drip 200 "GET / HTTP/1.1\r\nHost: localhost\r\nX: $(printf 'a%.0s' {1..900})")" 1000 5000 "slow headers"
between "$(raw drip 100 "POST /api/v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n$(printf 'a%.0s' {1..900})")" \
	1000 12000 "a slow body"
status_is 504 /api/v1/hang

# A client that takes its time with a volume's content is not policyd being slow.
{ for _ in 1 2 3 4 5 6; do head -c 40000 /dev/zero; sleep 0.5; done; } >"$T/slow-pipe" &
status_is 200 -X PUT -H 'Transfer-Encoding: chunked' -T "$T/slow-pipe" /api/v1/volumes/v0/content
[ "$(jq .body_bytes "$T/body")" = 240000 ] || die "a slow content arrived as $(cat "$T/body")"

# Connections of one address; others (and this one, later) go on.
opened=$(raw idle 40)
if [ "$opened" -lt 15 ] || [ "$opened" -gt 20 ]; then die "$opened connections of one address instead of 20"; fi
wait_until 5 "connections to be free again" status_is 200 /

# Attempts to log in.
for _ in 1 2 3 4 5; do
	status_is 401 -d '{"user":"anna","password":"wrong"}' /api/v1/login
done
status_is 429 -d '{"user":"anna","password":"right"}' /api/v1/login
[ "$(header Retry-After)" -ge 1 ] || die "no Retry-After"
status_is 429 -d '{"setup_token":"x","user":"a","password":"b"}' /api/v1/setup
status_is 200 /api/v1/volumes

# Requests: 300 at once pass, then 100 a second. After a refusal curl comes back with a new connection, which may be
# refused as well.
for i in {1..2000}; do echo "url = \"$WEB_URL/style.css?$i\""; done >"$T/urls"
from=$(now_ms)
timeout 60 curl -sk -o /dev/null -w '%{http_code}\n' -K "$T/urls" >"$T/codes" || true
most=$((300 + ($(now_ms) - from) / 10 + 10))
passed=$(grep -c 200 "$T/codes" || true)
grep -q 429 "$T/codes" || die "of 2000 requests none was refused"
if [ "$passed" -lt 100 ] || [ "$passed" -gt "$most" ]; then die "$passed passed; $most are the most"; fi
wait_until 10 "the address to be welcome again" status_is 200 /
note "of 2000 requests at once $passed passed"
gateway_stop
