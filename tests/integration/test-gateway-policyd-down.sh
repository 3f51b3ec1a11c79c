#!/bin/bash
# SPDX-License-Identifier: MIT
# policyd is killed in the middle of answers, is away, and comes back: clients hear it, webd goes on.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

webd_start
status_is 503 /api/v1/volumes
[ "$(header Retry-After)" -ge 1 ] || die "no Retry-After"
[ "$(header Content-Type)" = application/problem+json ] || die "its type is $(header Content-Type)"
jq -e '.code == "daemon_down" and .status == 503 and .detail' "$T/body" >/dev/null || die "no problem: $(cat "$T/body")"
status_is 503 /healthz
status_is 503 -d '{"user":"anna","password":"right"}' /api/v1/login
head -c 300000 /dev/zero >"$T/some"
status_is 503 -T "$T/some" /api/v1/volumes/v0/content
status_is 200 /

fake_start
status_is 200 /api/v1/volumes

# It dies in the middle of an answer, of a stream, of a body.
rc=0
timeout 20 curl -sk -o /dev/null "$WEB_URL/api/v1/exit" || rc=$?
[ "$rc" = 18 ] || [ "$rc" = 56 ] || die "half an answer looks whole (curl says $rc)"
wait_bg fake 5
status_is 503 /api/v1/volumes

fake_start
timeout 30 curl -skN "$WEB_URL/api/v1/stream" >"$T/events" &
reader=$!
wait_until 5 "the first event" grep -q '^data: 0' "$T/events"
timeout 30 curl -sk -o /dev/null -w '%{http_code}' "$WEB_URL/api/v1/hang" >"$T/hang" &
hang=$!
mkfifo "$T/body-pipe"
timeout 30 curl -sk -o /dev/null -w '%{http_code}' -X PUT -H 'Transfer-Encoding: chunked' -T - \
	"$WEB_URL/api/v1/volumes/v0/content" <"$T/body-pipe" >"$T/put" &
put=$!
exec 9>"$T/body-pipe"
head -c 500000 /dev/zero >&9
has_three() { [ "$(ss -xH state established | grep -c "$FAKE_SOCKET")" -ge 3 ]; }
wait_until 5 "three requests to be under way" has_three
kill_bg fake KILL
wait "$hang" || true
[ "$(cat "$T/hang")" = 502 ] || die "a request under way: $(cat "$T/hang") instead of 502"
rc=0
wait "$reader" || rc=$?
if [ "$rc" = 0 ] || [ "$rc" = 124 ]; then die "the stream did not end when policyd died ($rc)"; fi
exec 9>&-
wait "$put" || true
[ "$(cat "$T/put")" = 502 ] || die "a body under way: $(cat "$T/put") instead of 502"
status_is 503 /api/v1/volumes
fake_start
status_is 200 /api/v1/volumes
gateway_stop
