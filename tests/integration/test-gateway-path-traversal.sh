#!/bin/bash
# SPDX-License-Identifier: MIT
# No spelling of a path leads out of the static files, or reaches policyd in two spellings.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

mkdir -p "$T/site/js/.hidden" "$T/outside"
echo '<p>index' >"$T/site/index.html"
echo 'app' >"$T/site/js/app.js"
echo secret >"$T/site/.htaccess"
echo secret >"$T/site/js/.hidden/x.js"
echo secret >"$T/outside/secret.html"
echo secret >"$T/site/key.pem"
ln -s "$T/outside" "$T/site/out"
ln -s "$T/outside/secret.html" "$T/site/link.html"
WEB_STATIC=$T/site
gateway_start
status_is 200 /js/app.js
status_is 200 '/js/app.js?v=../../x'

n=0
while read -r path; do
	[ -n "$path" ] || continue
	raw send "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" >"$T/answer" || true
	grep -aqE '^HTTP/1.1 (400|404)' "$T/answer" || die "$path: $(head -1 "$T/answer")"
	! grep -aqE 'secret|root:' "$T/answer" || die "$path shows a file: $(cat "$T/answer")"
	n=$((n + 1))
done <<'END'
/../outside/secret.html
/js/../../outside/secret.html
/./index.html/../../outside/secret.html
/%2e%2e/outside/secret.html
/%2E%2E/%2E%2E/etc/passwd
/..%2foutside/secret.html
/..%5coutside/secret.html
/%252e%252e/outside/secret.html
/%c0%ae%c0%ae/outside/secret.html
//etc/passwd
/js//app.js
/out/secret.html
/link.html
/.htaccess
/js/.hidden/x.js
/key.pem
/index.html/
/js/app.js%00.html
/js/app.js/..
/js
/INDEX.HTML
/etc/passwd
/proc/self/environ
/index.html%20
/index.html..
/js\\app.js
END
for path in /api/v1/../../etc/passwd /api/../secret.html '/api/v1/volumes/..%2f..%2fusers' /api/v1/volumes/%2e%2e/users '/api/v1//users' \
	'/api/v1/volumes/a%00b' '/api/v1/volumes/a%0d%0aX:%20y' /healthz/../api/v1/users; do
	status_is 400 --path-as-is "$path"
	n=$((n + 1))
done
# A request for another server's address is not ours, whatever it says.
raw send "GET http://evil.example/api/v1/users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" >"$T/answer" || true
grep -aq '^HTTP/1.1 400' "$T/answer" || die "an absolute address: $(head -1 "$T/answer")"
! grep -aq evil "$T/fake.log" || die "policyd saw it"
status_is 200 /js/app.js
note "$n spellings refused"
gateway_stop
