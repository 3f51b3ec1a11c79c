# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2120 # variables for the tests; options are optional
#
# gateway.sh - sluice-webd before a policyd of the test's own, and sluice-egressd. Source it after
# harness.sh.
#
#   gateway_start [option...]     tests/tools/fake_policyd.py and sluice-webd; state is kept in $T/web
#   gateway_stop                  webd's orderly end; a sanitizer's report is a failure
#   fake_start                    fake_policyd.py alone
#   get [curl option...] PATH     the body; status in $T/status, headers in $T/head
#   status_is NUMBER [curl option...] PATH
#   raw OPTION...                 tests/tools/raw_https.py at webd
#   site_make FOLDER              two files to be served, for what needs a folder of its own
#   header NAME                   its value in the last answer
#   egress_start [option...]      sluice-egressd
#   egress JSON                   one request to it; prints the answer
WEB_PORT=8443
WEB_HTTP_PORT=8080
WEB_URL=https://127.0.0.1:$WEB_PORT
FAKE_SOCKET=$T/policyd-web.sock

fake_start() {
	start_bg fake python3 "$ROOT/tests/tools/fake_policyd.py" "$FAKE_SOCKET"
	wait_until 10 "the fake policyd" timeout 5 curl -sf --unix-socket "$FAKE_SOCKET" http://localhost/healthz
}

# Pages to be served, of the test's own.
site_make() {
	mkdir -p "$1"
	printf '<!DOCTYPE html>\n<title>Sluice</title>\n' >"$1/index.html"
	printf 'p { margin: 0; }\n' >"$1/style.css"
}

webd_start() {
	[ -n "${WEB_STATIC:-}" ] || site_make "$T/pages"
	[ -x "$B/bin/sluice-webd" ] || die "$B/bin/sluice-webd is missing; say: make VARIANT=$VARIANT"
	ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:exitcode=99:quarantine_size_mb=16} \
		start_bg webd "$B/bin/sluice-webd" --listen "127.0.0.1:$WEB_PORT" --http "127.0.0.1:$WEB_HTTP_PORT" \
		--static "${WEB_STATIC:-$T/pages}" --policyd "$FAKE_SOCKET" --state-dir "$T/web" "$@"
	wait_until 10 "webd to answer" timeout 5 curl -sk -o /dev/null "$WEB_URL/"
}

gateway_start() {
	fake_start
	webd_start "$@"
}

gateway_stop() {
	kill -TERM "${PID_OF[webd]}"
	wait_bg webd 15
	[ "$RC" = 0 ] || die "webd did not end well after SIGTERM (status $RC)"
}

get() {
	timeout -k 1 "${GET_LIMIT_S:-30}" curl -sk -o "$T/body" -D "$T/head" -w '%{http_code}' "${@:1:$#-1}" \
		"$WEB_URL${*: -1}" >"$T/status" || true
	cat "$T/body" 2>/dev/null || true
}

status_is() {
	local want=$1
	shift
	rm -f "$T/body"
	get "$@" >"$T/out"
	[ "$(cat "$T/status")" = "$want" ] ||
		die "$*: status $(cat "$T/status") instead of $want: $(head -c 300 "$T/out" | tr -d '\0')"
}

header() { sed -nE "s/^$1: (.*)\r\$/\1/Ip" "$T/head" | head -n 1; }
raw() { timeout -k 1 60 python3 "$ROOT/tests/tools/raw_https.py" "$WEB_PORT" "$@"; }
hwm_kib() { awk '/^VmHWM/ { print $2 }' "/proc/${PID_OF[$1]}/status"; }

egress_start() {
	[ -x "$B/bin/sluice-egressd" ] || die "$B/bin/sluice-egressd is missing; say: make VARIANT=$VARIANT"
	ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:exitcode=99} \
		start_bg egressd "$B/bin/sluice-egressd" --run-dir "$RUN_DIR" "$@"
	wait_until 10 "egressd to answer" egress '{"request": "status"}'
}
egress_stop() {
	kill -TERM "${PID_OF[egressd]}"
	wait_bg egressd 15
	[ "$RC" = 0 ] || die "egressd did not end well after SIGTERM (status $RC)"
}
egress() { timeout -k 1 60 python3 "$ROOT/tests/tools/ctl_ask.py" "$RUN_DIR/egress.sock" "$@"; }

# egress_says JQ-EXPRESSION JSON  the answer must satisfy it
egress_says() {
	egress "$2" >"$T/answer"
	jq -e "$1" "$T/answer" >/dev/null || die "$2: not '$1' but $(cat "$T/answer")"
}
