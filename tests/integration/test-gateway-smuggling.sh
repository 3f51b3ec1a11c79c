#!/bin/bash
# SPDX-License-Identifier: MIT
# A request that can be read in two ways is refused, and never becomes two for policyd.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

gateway_start
evil='GET /api/v1/evil HTTP/1.1\r\nHost: localhost\r\nSluice-Client-Address: 6.6.6.6\r\n\r\n'
len=$(printf '%b' "$evil" | wc -c)
# refused NAME REQUEST: not one answer that is a success, and no echo of the hidden request
refused() {
	raw send "$2" >"$T/answer" || true
	! grep -aq 'HTTP/1.1 200' "$T/answer" || die "$1: $(head -c 600 "$T/answer")"
	! grep -aq 'evil' "$T/answer" || die "$1: the hidden request was answered: $(head -c 600 "$T/answer")"
	n=$((n + 1))
}
n=0
post='POST /api/v1/x HTTP/1.1\r\nHost: localhost\r\n'
refused "length and chunks" "${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$evil"
refused "chunks and length" "${post}Transfer-Encoding: chunked\r\nContent-Length: $len\r\n\r\n0\r\n\r\n$evil"
refused "two lengths" "${post}Content-Length: 0\r\nContent-Length: $len\r\n\r\n$evil"
refused "the same length twice" "${post}Content-Length: 0\r\nContent-Length: 0\r\n\r\n$evil"
refused "a list of lengths" "${post}Content-Length: 0, $len\r\n\r\n$evil"
refused "a signed length" "${post}Content-Length: +0\r\n\r\n$evil"
refused "a negative length" "${post}Content-Length: -1\r\n\r\n$evil"
refused "a hexadecimal length" "${post}Content-Length: 0x5\r\n\r\nabcde$evil"
refused "a length too large" "${post}Content-Length: 99999999999999999999\r\n\r\n$evil"
refused "an odd encoding" "${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n$evil"
refused "two encodings" "${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n$evil"
refused "a list of encodings" "${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n$evil"
refused "a tab before chunked" "${post}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n$evil"
refused "a chunk size that is none" "${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n$evil"
refused "no host" "GET /api/v1/x HTTP/1.1\r\n\r\n"
refused "two hosts" "GET /api/v1/x HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n"
refused "two tokens" "GET /api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"
refused "garbage" "\x16\x03\x01\r\n\r\n"
refused "a GET with a hidden body" "GET /api/v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: $len\r\n\r\n$evil"
status_is 200 /api/v1/volumes

# A header folded over two lines must not become two.
raw send "GET /api/v1/x HTTP/1.1\r\nHost: localhost\r\nAccept: a\r\n Sluice-Client-Address: 6.6.6.6\r\nConnection: close\r\n\r\n" >"$T/answer" || true
! grep -aq '\["Sluice-Client-Address", "6.6.6.6"\]' "$T/answer" || die "a folded header became one of ours: $(cat "$T/answer")"

# What stands behind a zero byte goes nowhere.
raw send "GET /api/v1/x HTTP/1.1\r\nHost: localhost\r\nIf-Match: a\0evil\r\nConnection: close\r\n\r\n" >"$T/answer" || true
! grep -aq evil "$T/answer" || die "a zero byte passed: $(cat "$T/answer")"

# Two requests in one go are two, each with its own address, and the second is not the first one's body.
raw send "${post}Content-Length: 3\r\n\r\nabc" "GET /api/v1/second HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" >"$T/answer" || true
[ "$(grep -ao 'HTTP/1.1 200' "$T/answer" | wc -l)" = 2 ] || die "two in one go: $(cat "$T/answer")"
grep -aq '"body_bytes": 3' "$T/answer" || die "the first one's body: $(cat "$T/answer")"
note "$n tries refused"
gateway_stop
