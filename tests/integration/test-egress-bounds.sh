#!/bin/bash
# SPDX-License-Identifier: MIT
# egressd's posts arrive as they were signed, over verified TLS, within their time; replies and the queue have bounds.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$T/hook.key" -out "$T/hook.crt" -days 10 \
	-subj /CN=hook -addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null
start_bg tls python3 "$ROOT/tests/tools/hook_receiver.py" 127.0.0.1 8443 "$T/tls.json" "$T/hook.crt" "$T/hook.key"
start_bg plain python3 "$ROOT/tests/tools/hook_receiver.py" 127.0.0.1 8080 "$T/plain.json"
wait_until 5 "the receiver" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8443'
wait_until 5 "the other receiver" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080'
allow='{"request": "allow", "hosts": ["127.0.0.1:8443", "localhost:8443!private", "http://127.0.0.1:8080", "http://127.0.0.1:9"]}'
post() { printf '{"request": "http.post", "url": "%s", "body": "x", "timeout_ms": %s}' "$1" "${2:-5000}"; }

# TLS is verified: an unknown certificate, then a known one under another name.
egress_start
egress "$allow" >/dev/null
egress_says '.error.code == "EACCES" and (.error.text | contains("not trusted"))' "$(post https://127.0.0.1:8443/ok)"
egress_stop
egress_start --ca "$T/hook.crt"
egress "$allow" >/dev/null
egress_says '.status == 200' "$(post https://127.0.0.1:8443/ok)"
egress_says '.error.code == "EACCES"' "$(post https://localhost:8443/ok)"

# Body and signature arrive byte by byte as they were given.
body='{"kind":"volume.created","name":"ä \"quoted\" \\ volume"}'
signature="sha256=$(printf %s "$body" | openssl dgst -sha256 -hmac secret | sed 's/.*= //')"
egress_says '.status == 200' "$(jq -cn --arg b "$body" --arg s "$signature" '{request: "http.post", url: "https://127.0.0.1:8443/ok",
	body: $b, headers: {"Content-Type": "application/json", "X-Sluice-Signature": $s, "X-Sluice-Delivery": "7"}}')"
tail -n 1 "$T/tls.json" | jq -e --arg b "$body" --arg s "$signature" '.body == $b and .headers["X-Sluice-Signature"] == $s and
	.headers["X-Sluice-Delivery"] == "7" and .headers["Content-Type"] == "application/json" and (.headers | has("Expect") | not)' \
	>/dev/null || die "something else arrived: $(tail -n 1 "$T/tls.json")"

# Headers that frame the message, or that carry a second one, are refused.
for header in '"Host": "evil"' '"Content-Length": "0"' '"transfer-encoding": "chunked"' '"Proxy-Authorization": "x"' '"X": "a\r\nY: b"' \
	'"X: Y": "a"' '"": "a"' '"X": ""' '"X": 5'; do
	egress_says '.error.code == "EINVAL" and .error.field == "headers"' \
		'{"request": "http.post", "url": "https://127.0.0.1:8443/ok", "headers": {'"$header"'}}'
done
egress_says '.error.code == "EINVAL"' '{"request": "http.post", "url": "https://127.0.0.1:8443/ok", "method": "GET"}'
egress_says '.error.code == "ERANGE"' "$(post https://127.0.0.1:8443/ok 99)"
egress_says '.error.code == "EOPNOTSUPP"' '{"request": "exec"}'

# Any status is an answer; no answer is an error, in time.
egress_says '.status == 500' "$(post http://127.0.0.1:8080/status/500)"
from=$(now_ms)
egress_says '.error.code == "ETIMEDOUT"' "$(post http://127.0.0.1:8080/slow 500)"
took=$(($(now_ms) - from))
if [ "$took" -lt 450 ] || [ "$took" -gt $((3000 * PATIENCE)) ]; then die "a limit of 500 ms took $took ms"; fi
egress_says '.error.code == "ECONNREFUSED"' "$(post http://127.0.0.1:9/)"

# A name server that does not answer costs its own post its time, and nobody else anything.
echo 'nameserver 127.0.0.53' >"$T/resolv.conf"
mount --bind "$T/resolv.conf" /etc/resolv.conf
start_bg silent-dns python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.53", 53))
while True:
    s.recv(512)
    print("asked", flush=True)'
egress '{"request": "allow", "hosts": ["slow.example", "http://127.0.0.1:8080"]}' >/dev/null
egress "$(post https://slow.example/ 4000)" >"$T/slow" &
slow=$!
wait_until 5 "the name server to be asked" grep -q asked "$T/silent-dns.log"
egress_says '.status == 200' "$(post http://127.0.0.1:8080/ok)"
kill -0 "$slow" 2>/dev/null || die "another post waited for the name server"
wait "$slow"
jq -e '.error.code == "ETIMEDOUT"' "$T/slow" >/dev/null || die "no name server: $(cat "$T/slow")"
egress_says '.status == 200' "$(post http://127.0.0.1:8080/ok)"
egress "$allow" >/dev/null

# A reply without end is cut off, and costs no memory.
before=$(hwm_kib egressd)
egress_says '.status == 200 and .is_cut == true and .ms < 4000' "$(post http://127.0.0.1:8080/big)"
[ "$(hwm_kib egressd)" -lt $((before + 8192)) ] || die "memory grew from $before to $(hwm_kib egressd) KiB"

# Sixteen at once, 240 wait, more are told to come again; then all that were taken are answered.
hold=$(post http://127.0.0.1:8080/hold 30000)
jobs=()
for i in 1 2 3 4 5; do
	# shellcheck disable=SC2046 # sixty requests
	(IFS=$'\n'; egress $(for _ in {1..60}; do echo "$hold"; done) >"$T/hold.$i") &
	jobs+=($!)
done
is_full() { egress '{"request": "status"}' | jq -e '.running == 16 and .waiting == 240'; }
wait_until 10 "the queue to be full" is_full
egress_says '.error.code == "EAGAIN"' "$hold"
touch "$T/plain.json.go"
wait "${jobs[@]}"
cat "$T"/hold.* >"$T/held"
[ "$(jq -s 'map(select(.status == 200)) | length' "$T/held")" = 256 ] || die "not 256 were sent: $(sort "$T/held" | uniq -c | head)"
[ "$(jq -s 'map(select(.error.code == "EAGAIN")) | length' "$T/held")" = 44 ] || die "not 44 were refused"

# Ending answers what is under way.
rm "$T/plain.json.go"
egress "$hold" >"$T/last" &
last=$!
is_running_one() { egress '{"request": "status"}' | jq -e '.running == 1'; }
wait_until 5 "one to be under way" is_running_one
egress_stop
wait "$last"
jq -e '.error.code == "ESHUTDOWN"' "$T/last" >/dev/null || die "at the end: $(cat "$T/last")"
