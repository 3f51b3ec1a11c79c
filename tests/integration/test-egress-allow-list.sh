#!/bin/bash
# SPDX-License-Identifier: MIT
# egressd connects to what is allowed, and to nothing else: no other name, no private address, no redirect.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

# A network of the test's own: a public-looking address, a private one, and names for them.
ip addr add 11.0.0.9/32 dev lo
ip addr add 10.9.9.9/32 dev lo
ip addr add 169.254.169.254/32 dev lo
cat >"$T/hosts" <<'END'
127.0.0.1 localhost
11.0.0.9 public.example
10.9.9.9 lan.example
169.254.169.254 metadata.example
127.0.0.1 rebound.example
END
mount --bind "$T/hosts" /etc/hosts
for a in 11.0.0.9 10.9.9.9 169.254.169.254 127.0.0.1; do
	start_bg "hook-$a" python3 "$ROOT/tests/tools/hook_receiver.py" "$a" 8080 "$T/$a.json"
	wait_until 5 "the receiver at $a" bash -c "exec 3<>/dev/tcp/$a/8080"
done
got() { [ ! -e "$T/$1.json" ] || wc -l <"$T/$1.json"; }
post() { printf '{"request": "http.post", "url": "%s", "body": "hello"}' "$1"; }

egress_start
egress_says '.error.code == "EACCES"' "$(post http://public.example:8080/ok)"
egress_says '.allowed == 5' '{"request": "allow", "hosts": ["http://public.example:8080", "http://lan.example:8080",
	"http://metadata.example:8080", "http://rebound.example:8080", "public.example:8443"]}'
egress_says '.status == 200 and .ms >= 0' "$(post http://public.example:8080/ok)"
[ "$(got 11.0.0.9)" = 1 ] || die "the allowed post did not arrive"

# The name is allowed, but where it leads is not.
for name in lan metadata rebound; do
	egress_says '.error.code == "EACCES" and (.error.text | contains("not public"))' "$(post "http://$name.example:8080/ok")"
done
# Neither name, port, scheme nor spelling of another destination.
for url in http://11.0.0.9:8080/ok http://public.example/ok http://public.example:8081/ok https://public.example:8080/ok \
	http://10.9.9.9:8080/ http://127.0.0.1:8080/ http://0x7f.1:8080/ http://localhost:8080/ 'http://[::1]:8080/' \
	http://public.example.:8080/ok; do
	egress_says '.error.code == "EACCES"' "$(post "$url")"
done
for url in file:///etc/passwd gopher://public.example:8080/ http://public.example:8080@127.0.0.1:8080/ public.example:8080 ''; do
	egress_says '.error.code == "EINVAL"' "$(post "$url")"
done
for a in 10.9.9.9 169.254.169.254 127.0.0.1; do
	[ "$(got $a)" = 0 ] || die "$a was reached: $(cat "$T/$a.json")"
done

# A redirect is an answer; nobody goes there.
egress_says '.status == 302' "$(post http://public.example:8080/redirect)"
! grep -q trap "$T/11.0.0.9.json" || die "the redirect was followed"

# An administrator who means it says so: a mark, or the address itself.
egress_says '.ok' '{"request": "allow", "hosts": ["http://lan.example:8080!private", "http://127.0.0.1:8080"]}'
egress_says '.status == 200' "$(post http://lan.example:8080/ok)"
egress_says '.status == 200' "$(post http://127.0.0.1:8080/ok)"
egress_says '.status == 200' "$(post http://127.1:8080/ok)"
egress_says '.error.code == "EACCES"' "$(post http://rebound.example:8080/ok)"
egress_says '.error.code == "EACCES"' "$(post http://public.example:8080/ok)"

# A list that is wrong changes nothing, and a proxy of the environment is not asked.
egress_says '.error.code == "EINVAL" and .error.field == "hosts"' '{"request": "allow", "hosts": ["ok.example", "ftp://x"]}'
egress_says '.status == 200' "$(post http://127.0.0.1:8080/ok)"
egress_stop
http_proxy=http://10.9.9.9:8080 egress_start
egress_says '.ok' '{"request": "allow", "hosts": ["http://127.0.0.1:8080"]}'
before=$(got 127.0.0.1)
egress_says '.status == 200' "$(post http://127.0.0.1:8080/ok)"
[ "$(got 127.0.0.1)" = $((before + 1)) ] || die "the post went by a proxy"
egress_stop
