#!/bin/bash
# SPDX-License-Identifier: MIT
# A file that lies there compressed, too, is sent so to who takes it, under the one address and with a tag of its own;
# the compressed one has no address. The certificate in use is told to scripts of a page.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

site_make "$T/site"
printf '%s\n' '/* '{1..200}' */' >"$T/site/app.js"
gzip -9nk "$T/site/app.js"
echo 'no kind that is served' >"$T/site/secret.conf"
gzip -9nk "$T/site/secret.conf"
WEB_STATIC=$T/site
gateway_start

status_is 200 /app.js
[ -z "$(header Content-Encoding)" ] || die "packed, though nobody asked"
cmp "$T/body" "$T/site/app.js" || die "another file"
plain_tag=$(header ETag)
for takes in gzip 'br, gzip' 'deflate, GZIP;q=0.5'; do
	status_is 200 -H "Accept-Encoding: $takes" /app.js
	[ "$(header Content-Encoding)" = gzip ] || die "'$takes': not packed"
	[ "$(header Content-Type)" = "text/javascript; charset=utf-8" ] || die "'$takes': it is $(header Content-Type)"
	[ "$(header Vary)" = Accept-Encoding ] || die "'$takes': Vary is '$(header Vary)'"
	cmp "$T/body" "$T/site/app.js.gz" || die "'$takes': another file"
done
packed_tag=$(header ETag)
[ "$packed_tag" != "$plain_tag" ] || die "one tag for two bodies"
status_is 304 -H 'Accept-Encoding: gzip' -H "If-None-Match: $packed_tag" /app.js
status_is 200 -H 'Accept-Encoding: gzip' -H "If-None-Match: $plain_tag" /app.js
status_is 200 -H 'Accept-Encoding: gzip;q=0' /app.js
[ -z "$(header Content-Encoding)" ] || die "packed, though it was refused"
status_is 200 -H 'Accept-Encoding: gzip' /style.css
[ -z "$(header Content-Encoding)" ] || die "packed out of nothing"
status_is 404 /app.js.gz
status_is 404 /secret.conf
status_is 404 /secret.conf.gz

fingerprint=$("$B/bin/sluice-webd" --state-dir "$T/web" --fingerprint)
status_is 200 /certificate.json
jq -e --arg f "$fingerprint" '.fingerprint_sha256 == $f and .is_self_signed and .not_after_ms > now * 1000' "$T/body" >/dev/null ||
	die "the certificate: $(cat "$T/body")"
[ "$(header Cache-Control)" = no-store ] || die "it is kept"
gateway_stop
