#!/bin/bash
# SPDX-License-Identifier: MIT
# The whole appliance as a browser meets it: set-up, login by cookie, changes with and without the CSRF token, events,
# a volume's content in and out, a webhook through egressd, logout.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/appliance.sh"

# web_is STATUS METHOD PATH [JSON] [curl option...]
web_is() {
	local want=$1
	shift
	web "$@" >"$T/out"
	[ "$STATUS" = "$want" ] || die "$1 $2: status $STATUS instead of $want: $(cat "$T/out")"
}

start_appliance web egress
volume_make v1 67108864

# The first administrator, then a login: the session is in the cookie alone.
web_is 401 GET /volumes
web_is 200 GET /setup
[ "$(jget .is_needed)" = true ] || die "set-up is not needed?"
setup=$(jq -cn --arg t "$(cat "$RUN_DIR/setup-token")" '{setup_token: $t, user: "anna", password: "correct horse battery"}')
web POST /setup "$setup" >/dev/null
[ "$STATUS" -lt 300 ] || die "set-up: $(cat "$T/api.body")"
web_is 401 POST /login '{"user":"anna","password":"wrong wrong wrong"}'
web_is 200 POST /login '{"user":"anna","password":"correct horse battery"}' -c "$T/jar"
[ "$(jget 'has("session")')" = false ] || die "the session stands in the body: $(cat "$T/api.body")"
csrf=$(jget .csrf_token)
grep -qi '^set-cookie: __Host-sluice=.*; Secure; HttpOnly; SameSite=Strict; Path=/' "$T/api.head" || die "the cookie: $(cat "$T/api.head")"
# curl keeps a __Host- cookie for this address only, as browsers do.
browser=(-b "$T/jar" -H "Origin: https://127.0.0.1:$WEB_PORT" -H 'Sec-Fetch-Site: same-origin')

web_is 200 GET /me '' "${browser[@]}"
[ "$(jget .user)$(jget .name)" != nullnull ] || die "who am I? $(cat "$T/api.body")"
web_is 403 PATCH /volumes/v1 '{"description":"no token"}' "${browser[@]}"
web_is 403 PATCH /volumes/v1 '{"description":"another site"}' -b "$T/jar" -H "X-CSRF-Token: $csrf" -H 'Origin: https://evil.example'
web PATCH /volumes/v1 '{"description":"from a browser"}' "${browser[@]}" -H "X-CSRF-Token: $csrf" >/dev/null
[ "$STATUS" -lt 300 ] || die "a change from our own page: $STATUS $(cat "$T/api.body")"
web_is 200 GET /volumes/v1 '' "${browser[@]}"
[ "$(jget .description)" = "from a browser" ] || die "it was not made: $(cat "$T/api.body")"
web_is 422 GET '/volumes?nonsense=1' '' "${browser[@]}"
[ "$(jget .code)" != null ] || die "policyd's problem did not pass"
# policyd notes where the browser is, not where webd is.
api_ok GET '/audit?actor=user:anna' >/dev/null
jget '.items[].address' | finds -x 127.0.0.1 || die "the audit does not know the browser's address: $(cat "$T/api.body")"

# Events pass while the browser listens.
timeout 60 curl -skN -b "$T/jar" "https://127.0.0.1:$WEB_PORT/api/v1/stream?topics=events" >"$T/events" &
reader=$!
wait_until 10 "the stream to begin" sh -c "ss -xH | grep -c policyd-web.sock | grep -qv '^0'"
api_ok POST /hosts '{"name":"h1","iqn":"iqn.2026-01.test:h1"}' >/dev/null
wait_until 10 "an event about h1" grep -q h1 "$T/events"
kill "$reader"
wait "$reader" 2>/dev/null || true

# A volume's content, in and out; who has no right is told before sending.
head -c 67108864 /dev/urandom >"$T/content"
timeout 60 curl -sk -o "$T/api.body" -w '%{http_code} %{size_upload}\n' -T "$T/content" \
	"https://127.0.0.1:$WEB_PORT/api/v1/volumes/v1/content" >"$T/put" || true
read -r code sent <"$T/put"
if [ "$code" != 401 ] || [ "$sent" -gt 1000000 ]; then die "without a session: $code after $sent bytes"; fi
timeout 60 curl -sk -o "$T/api.body" -w '%{http_code}' "${browser[@]}" -H "X-CSRF-Token: $csrf" -H 'Content-Type: application/octet-stream' \
	-T "$T/content" "https://127.0.0.1:$WEB_PORT/api/v1/volumes/v1/content" >"$T/put"
[ "$(cat "$T/put")" -lt 300 ] || die "content in: $(cat "$T/put") $(cat "$T/api.body")"
[ -z "$(jq -r '.task_id // empty' "$T/api.body")" ] || task_done
timeout 60 curl -skf -o "$T/back" -b "$T/jar" "https://127.0.0.1:$WEB_PORT/api/v1/volumes/v1/content" || die "content out"
cmp "$T/content" "$T/back" || die "other bytes came back"

# A webhook: refused until its destination is allowed, then signed so that its receiver can tell.
start_bg hook python3 "$ROOT/tests/tools/hook_receiver.py" 127.0.0.1 8099 "$T/hook.json"
wait_until 5 "the receiver" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8099'
api_ok POST /webhooks '{"name":"w1","url":"http://127.0.0.1:8099/ok"}' >/dev/null
secret=$(jget .secret)
api POST /webhooks/w1/test '{}' >/dev/null
[ ! -s "$T/hook.json" ] || die "a destination that is not allowed was reached"
api_ok PUT /settings/egress_allow '{"value":["http://127.0.0.1:8099"]}' >/dev/null
hook_works() { api POST /webhooks/w1/test '{}' >/dev/null && [ -s "$T/hook.json" ]; }
wait_until 20 "the webhook to arrive" hook_works
signature=$(head -n 1 "$T/hook.json" | jq -r '.headers["Sluice-Signature"]')
time=${signature%%,*}
wanted=$(head -n 1 "$T/hook.json" | jq -j --arg t "${time#t=}" '$t + "." + .body' | openssl dgst -sha256 -hmac "$secret" | sed 's/.*= //')
[ "${signature#*v1=}" = "$wanted" ] || die "the signature is $signature, wanted is $wanted: $(head -n 1 "$T/hook.json")"

web POST /logout '' "${browser[@]}" -H "X-CSRF-Token: $csrf" >/dev/null
[ "$STATUS" -lt 300 ] || die "logout: $STATUS $(cat "$T/api.body")"
grep -qi '^set-cookie: __Host-sluice=; Max-Age=0' "$T/api.head" || die "the cookie stays"
web_is 401 GET /me '' "${browser[@]}"
! grep -qE "correct horse|$csrf" "$T/webd.log" "$T/policyd.log" || die "a log holds a secret"
