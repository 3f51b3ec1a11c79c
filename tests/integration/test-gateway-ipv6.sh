#!/bin/bash
# SPDX-License-Identifier: MIT
# One socket serves IPv6 and IPv4, and policyd is told each client's address in its own notation.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

ip -6 addr show dev lo | finds '::1' || skip "no IPv6 here"
gateway_start --listen "[::]:$WEB_PORT"
address() { jq -r '.headers[] | select(.[0] == "Sluice-Client-Address") | .[1]' "$T/body"; }
status_is 200 /api/v1/volumes
[ "$(address)" = 127.0.0.1 ] || die "an IPv4 client is called $(address)"
WEB_URL="https://[::1]:$WEB_PORT"
status_is 200 /api/v1/volumes
[ "$(address)" = ::1 ] || die "an IPv6 client is called $(address)"
status_is 200 -X DELETE -H "Origin: $WEB_URL" /api/v1/volumes/v0
status_is 403 -X DELETE -H 'Origin: https://[::2]:8443' /api/v1/volumes/v0
timeout 5 curl -s -o /dev/null -D "$T/head" -H "Host: [::1]:$WEB_HTTP_PORT" "http://127.0.0.1:$WEB_HTTP_PORT/x"
[ "$(header Location)" = "$WEB_URL/x" ] || die "the redirect leads to $(header Location)"
gateway_stop
