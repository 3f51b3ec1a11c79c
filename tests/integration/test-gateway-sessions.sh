#!/bin/bash
# SPDX-License-Identifier: MIT
# A session lives in a cookie that scripts cannot read; changes come from our own pages only.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

gateway_start
status_is 200 -d '{"user":"anna","password":"right"}' /api/v1/login
[ "$(header Set-Cookie)" = "__Host-sluice=$(printf 's%.0s' {1..43}); Secure; HttpOnly; SameSite=Strict; Path=/" ] ||
	die "the cookie is '$(header Set-Cookie)'"
jq -e '(has("session") | not) and .csrf_token and .user == "anna"' "$T/body" >/dev/null || die "the body is $(cat "$T/body")"

# A browser's jar: the cookie comes back to policyd and nothing else does.
status_is 200 -c "$T/jar" -d '{"user":"anna","password":"right"}' /api/v1/login
status_is 200 -b "$T/jar" /api/v1/me
jq -e --arg c "__Host-sluice=$(printf 's%.0s' {1..43})" '[.headers[] | select(.[0] == "Cookie") | .[1]] == [$c]' "$T/body" >/dev/null ||
	die "policyd saw $(cat "$T/body")"

status_is 401 -d '{"user":"anna","password":"wrong"}' /api/v1/login
[ -z "$(header Set-Cookie)" ] || die "a refused login set a cookie"
jq -e '.code == "unauthorized"' "$T/body" >/dev/null || die "policyd's refusal did not pass: $(cat "$T/body")"
[ "$(header Content-Type)" = application/problem+json ] || die "its type is $(header Content-Type)"

status_is 204 -X POST /api/v1/logout
[ "$(header Set-Cookie)" = "__Host-sluice=; Max-Age=0; Secure; HttpOnly; SameSite=Strict; Path=/" ] ||
	die "logout sets '$(header Set-Cookie)'"

status_is 400 -H 'Cookie: __Host-sluice=a; __Host-sluice=b' /api/v1/me
status_is 400 -H 'Cookie: __Host-sluice=a' -H 'Cookie: __Host-sluice=b' /api/v1/me

# Another site's page may look like a browser of ours, but its browser says where it comes from.
change() { status_is "$@" -b "$T/jar" -X DELETE /api/v1/volumes/v0; }
change 403 -H 'Origin: https://evil.example'
jq -e '.code == "forbidden" and .status == 403' "$T/body" >/dev/null || die "no problem: $(cat "$T/body")"
change 403 -H 'Origin: null'
change 403 -H "Origin: http://127.0.0.1:$WEB_PORT"
change 403 -H 'Origin: https://127.0.0.1:9999'
change 403 -H 'Sec-Fetch-Site: cross-site'
change 403 -H 'Sec-Fetch-Site: same-site'
change 403 -H "Origin: $WEB_URL" -H 'Sec-Fetch-Site: cross-site'
change 200 -H "Origin: $WEB_URL" -H 'Sec-Fetch-Site: same-origin'
change 200 -H 'Sec-Fetch-Site: none'
change 200
status_is 403 -H 'Origin: https://evil.example' -d '{"user":"anna","password":"right"}' /api/v1/login
[ -z "$(header Set-Cookie)" ] || die "another site's page logged somebody in"
status_is 200 -H 'Origin: https://evil.example' /api/v1/volumes
[ -z "$(header Access-Control-Allow-Origin)" ] || die "another site may read"
! grep -qE 'sssss|right' "$T/webd.log" || die "the log holds a secret"
gateway_stop
