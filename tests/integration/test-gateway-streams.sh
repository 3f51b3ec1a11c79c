#!/bin/bash
# SPDX-License-Identifier: MIT
# Events pass at once; 100 MB pass in both directions through bounded memory, stopped by the slower side.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

gateway_start
token=(-H 'Authorization: Bearer good')

open_files() { find "/proc/${PID_OF[webd]}/fd" -mindepth 1 | wc -l; }
# What asked whether it serves may be hanging up still.
is_calm() { idle_files=$(open_files) && sleep 1 && [ "$(open_files)" = "$idle_files" ]; }
wait_until 20 "webd to be idle" is_calm

# Events: each is there when it was sent, not when something is full.
timeout 60 curl -skN "$WEB_URL/api/v1/stream" >"$T/events" &
reader=$!
has_event() { grep -q "^data: $1\$" "$T/events"; }
wait_until 20 "the first event" has_event 0
for i in 1 2 3; do
	from=$(now_ms)
	status_is 200 -X POST /api/v1/poke
	wait_until 20 "event $i" has_event "$i"
	note "event $i after $(($(now_ms) - from)) ms, two requests included"
done
# The listener goes: webd lets go of policyd's stream, though policyd sends nothing.
kill "$reader"
wait "$reader" 2>/dev/null || true
no_stream() { [ "$(open_files)" -le "$idle_files" ]; }
wait_until 20 "webd to hang up on policyd" no_stream

# Content, both ways, with its bytes unharmed.
head -c 100000000 /dev/urandom >"$T/content"
before=$(hwm_kib webd)
status_is 200 "${token[@]}" -T "$T/content" /api/v1/volumes/v0/content
[ "$(jq -r .sha256 "$T/body")" = "$(sha256sum "$T/content" | cut -d' ' -f1)" ] || die "other bytes arrived"
status_is 200 "${token[@]}" -X PUT -H 'Transfer-Encoding: chunked' -T "$T/content" /api/v1/volumes/v0/content
[ "$(jq -r .body_bytes "$T/body")" = 100000000 ] || die "in chunks: $(cat "$T/body")"
[ "$(timeout 60 curl -sk "$WEB_URL/api/v1/volumes/v0/content?100000000" | wc -c)" = 100000000 ] || die "not all came back"

# A slow reader stops policyd's side: little of 100 MB is read ahead of it.
got=$(raw slow-read '/api/v1/volumes/v0/content?100000000' 200000 2)
[ "$got" -lt 5000000 ] || die "the slow reader read $got"
after=$(hwm_kib webd)
limit=$([ "$VARIANT" = release ] && echo 16384 || echo 200000)
note "memory: $before KiB before, $after KiB at most"
[ "$after" -lt $((before + limit)) ] || die "memory grew from $before to $after KiB"

# Who may not, hears it before the body is sent.
from=$(now_ms)
timeout 20 curl -sk --expect100-timeout 15 -o "$T/body" -w '%{http_code} %{size_upload}\n' -H 'Authorization: Bearer bad' -T "$T/content" \
	"$WEB_URL/api/v1/volumes/v0/content" >"$T/status" || true
read -r code sent <"$T/status"
[ "$code" = 401 ] || die "a bad token: $code"
[ "$sent" -lt 1000000 ] || die "$sent bytes were sent in vain"

# An answer that breaks off is seen as broken off.
rc=0
timeout 20 curl -sk -o /dev/null "$WEB_URL/api/v1/volumes/cut/content?1000000" || rc=$?
[ "$rc" = 18 ] || [ "$rc" = 56 ] || die "half an answer looks whole (curl says $rc)"

# Thirty streams at once need no thread each.
pids=()
for _ in {1..30}; do
	timeout 60 curl -skN -o /dev/null "$WEB_URL/api/v1/stream" &
	pids+=($!)
done
all_there() { [ "$(open_files)" -ge $((idle_files + 60)) ]; }
wait_until 20 "thirty streams" all_there
[ "$(awk '/^Threads/ { print $2 }' "/proc/${PID_OF[webd]}/status")" -le 2 ] || die "threads: $(grep Threads "/proc/${PID_OF[webd]}/status")"
status_is 200 /api/v1/volumes
kill "${pids[@]}"
wait "${pids[@]}" 2>/dev/null || true
wait_until 20 "webd to hang up on policyd" no_stream
gateway_stop
