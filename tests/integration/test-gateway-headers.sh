#!/bin/bash
# SPDX-License-Identifier: MIT
# Every answer has the security headers; nothing of one connection, and nothing unknown, passes through.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

gateway_start
hardened() {
	[ "$(header Content-Security-Policy)" = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'" ] ||
		die "$1: CSP is '$(header Content-Security-Policy)'"
	[ -n "$(header Strict-Transport-Security)" ] || die "$1: no HSTS"
	[ "$(header X-Content-Type-Options)" = nosniff ] || die "$1: no nosniff"
	[ "$(header Referrer-Policy)" = no-referrer ] || die "$1: no Referrer-Policy"
	[ "$(header Cross-Origin-Opener-Policy)" = same-origin ] || die "$1: no COOP"
	[ "$(header Cross-Origin-Resource-Policy)" = same-origin ] || die "$1: no CORP"
}
private() {
	hardened "$1"
	[ "$(header Cache-Control)" = no-store ] || die "$1: Cache-Control is '$(header Cache-Control)'"
}

status_is 200 /
hardened "the index page"
status_is 404 /nothing.html
private "a file that is not there"
status_is 405 -X POST -d x /index.html
status_is 405 -X OPTIONS /api/v1/volumes
private "a method that is not known"
status_is 200 /api/v1/volumes
private "policyd's answer"

# Files: a tag, and 304 for who has it; HEAD has no body.
status_is 200 /style.css
[ "$(header Content-Type)" = "text/css; charset=utf-8" ] || die "style.css is $(header Content-Type)"
etag=$(header ETag)
status_is 304 -H "If-None-Match: $etag" /style.css
hardened "an unchanged file"
status_is 200 -H 'If-None-Match: "other"' /style.css
status_is 200 -I /index.html

# Towards policyd: only what is known.
status_is 200 -H 'Accept: application/json' -H 'If-Match: "3"' -H 'X-CSRF-Token: t' -H 'Authorization: Bearer b' \
	-H 'Connection: close, X-Evil' -H 'X-Evil: 1' -H 'Keep-Alive: 5' -H 'Proxy-Authorization: p' -H 'TE: trailers' \
	-H 'Upgrade: h2c' -H 'Sluice-Client-Address: 6.6.6.6' -H 'X-Forwarded-For: 6.6.6.6' -H 'Forwarded: for=6.6.6.6' \
	-H 'Cookie: a=1; __Host-sluice=sss; b=2' -H 'Last-Event-ID: 9' '/api/v1/volumes?limit=3&q=a%20b'
jq -e '.path == "/api/v1/volumes?limit=3&q=a%20b"' "$T/body" >/dev/null || die "the address changed: $(cat "$T/body")"
jq -r '.headers[] | "\(.[0]): \(.[1])"' "$T/body" | sort >"$T/passed"
cat >"$T/wanted" <<END
Accept: application/json
Authorization: Bearer b
Cookie: __Host-sluice=sss
Host: localhost
If-Match: "3"
Last-Event-ID: 9
Sluice-Client-Address: 127.0.0.1
User-Agent: curl
X-CSRF-Token: t
END
sed -i 's/^User-Agent: curl.*/User-Agent: curl/' "$T/passed"
diff "$T/wanted" "$T/passed" >&2 || die "other headers than wanted reached policyd"

# Towards the client as well.
[ "$(header ETag)" = '"7"' ] || die "policyd's ETag did not pass"
for name in X-Inner Set-Cookie Keep-Alive Server; do
	[ -z "$(header $name)" ] || die "policyd's $name passed: $(header $name)"
done

# Every method keeps its body and its framing.
for method in POST PUT PATCH DELETE; do
	status_is 200 -X "$method" -d '{"a":1}' /api/v1/things/one
	jq -e --arg m "$method" '.method == $m and .body_bytes == 7' "$T/body" >/dev/null || die "$method: $(cat "$T/body")"
	status_is 200 -X "$method" /api/v1/things/one
	jq -e --arg m "$method" '.method == $m and .body_bytes == 0' "$T/body" >/dev/null || die "$method: $(cat "$T/body")"
	status_is 200 -X "$method" -H 'Transfer-Encoding: chunked' -d '{"a":1}' /api/v1/things/one
	jq -e '.body_bytes == 7' "$T/body" >/dev/null || die "$method in chunks: $(cat "$T/body")"
done
status_is 200 -I /api/v1/volumes

# The plain port only says where to go.
timeout 5 curl -s -o /dev/null -D "$T/head" "http://127.0.0.1:$WEB_HTTP_PORT/volumes?x=1"
grep -q '^HTTP/1.1 308' "$T/head" || die "no redirect: $(cat "$T/head")"
[ "$(header Location)" = "$WEB_URL/volumes?x=1" ] || die "it leads to $(header Location)"
timeout 5 curl -s -o /dev/null -D "$T/head" -H 'Host: evil"><script>' "http://127.0.0.1:$WEB_HTTP_PORT/"
grep -q '^HTTP/1.1 400' "$T/head" || die "a strange Host: $(cat "$T/head")"
timeout 5 curl -s -o /dev/null -D "$T/head" -d secret "http://127.0.0.1:$WEB_HTTP_PORT/api/v1/login"
grep -q '^HTTP/1.1 403' "$T/head" || die "a change without encryption: $(cat "$T/head")"
gateway_stop
