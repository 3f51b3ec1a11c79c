# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2119,SC2120,SC2034 # options are optional; variables for the tests
#
# appliance.sh - a whole appliance inside a test's sandbox: tgtd, filterd, policyd, and on request egressd and
# webd. Source it after harness.sh.
#
#   start_appliance [web] [egress]      all daemons; "web" and "egress" add those two
#   policyd_start [option...]  policyd_stop  policyd_kill
#   policyd_launch [option...]          starts it and waits for nothing
#   api METHOD PATH [JSON] [curl option...]   asks policyd as local root; the body goes to stdout and
#                                       $T/api.body, the status is in $STATUS, headers in $T/api.head
#   api_ok METHOD PATH [JSON]           the same; a status that is no success ends the test
#   api_refused STATUS METHOD PATH [JSON]     it must be refused with this status; prints the problem
#   jget EXPRESSION                     jq over the last body, raw
#   task_done [ID]                      waits until the task (of the last answer) has ended well
#   task_ended ID STATE                 waits until it has ended so
#   settled                             waits until nothing is pending
#   volume_make NAME SIZE_BYTES [JSON members]   on datastore "main", waits for it
#   host_make NAME IQN [JSON members]
#   lun_url VOLUME [USER%SECRET@]       its iscsi:// URL
#   web METHOD PATH [JSON] [curl option...]   the same as api through webd, nobody logged in
POLICYD_SOCKET=$RUN_DIR/policyd.sock
IQN_BASE=iqn.2026-01.org.sluice:test
WEB_PORT=8443
WEB_HTTP_PORT=8080
PORTAL_PORT=3260
INITIATOR=iqn.2026-01.test.client:one

sluice() {
	timeout -k 1 "${CLI_LIMIT_S:-60}" "$B/bin/sluice" --socket "$POLICYD_SOCKET" "$@"
}

policyd_launch() {
	mkdir -p "$T/policy" "$T/transfer"
	ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:exitcode=99} \
		TSAN_OPTIONS=${TSAN_OPTIONS:-exitcode=99:halt_on_error=0} \
		start_bg policyd "$B/bin/sluice-policyd" --run-dir "$RUN_DIR" --state-dir "$T/policy" \
		--filterd-socket "$RUN_DIR/filterd.sock" --ring-socket "$RUN_DIR/ring.sock" \
		--tgt-socket "$TGT_IPC_SOCKET.${TGTD_C[a]:-1}" --egress-socket "$RUN_DIR/egress.sock" \
		--transfer-dir "$T/transfer" --samples-dir "$ROOT/policy/samples" --iqn-base "$IQN_BASE" "$@"
}
policyd_start() {
	policyd_launch "$@"
	wait_until 20 "policyd to answer" policyd_answers
}
policyd_answers() {
	timeout 5 curl -sf --unix-socket "$POLICYD_SOCKET" http://localhost/healthz
}
policyd_kill() { kill_bg policyd KILL; }
policyd_stop() {
	kill -TERM "${PID_OF[policyd]}" 2>/dev/null || true
	wait_bg policyd 15
	[ "$RC" = 0 ] || die "policyd did not end well after SIGTERM (status $RC)"
}

webd_start() {
	mkdir -p "$T/web"
	start_bg webd "$B/bin/sluice-webd" --listen "127.0.0.1:$WEB_PORT" --http "127.0.0.1:$WEB_HTTP_PORT" \
		--static "${WEB_STATIC:-$ROOT/build/console}" --policyd "$RUN_DIR/policyd-web.sock" --state-dir "$T/web" "$@"
	wait_until 20 "webd to answer" curl -skf "https://127.0.0.1:$WEB_PORT/healthz"
}

egressd_start() {
	start_bg egressd "$B/bin/sluice-egressd" --run-dir "$RUN_DIR" "$@"
	wait_until 10 "egressd's socket" test -S "$RUN_DIR/egress.sock"
}

start_appliance() {
	local part
	filterd_start
	tgtd_start a
	for part in "$@"; do
		[ "$part" != egress ] || egressd_start
	done
	policyd_start
	for part in "$@"; do
		[ "$part" != web ] || webd_start
	done
	api_ok POST /portals "{\"address\":\"127.0.0.1\",\"port\":$PORTAL_PORT}" >/dev/null
	mkdir -p "$T/main"
	api_ok POST /datastores "{\"name\":\"main\",\"type\":\"dir\",\"path\":\"$T/main\",\"is_buffered\":true}" >/dev/null
	task_done
}

# ---------------------------------------------------------------- asking

# ask URL-PREFIX METHOD PATH [JSON] [option...]
ask() {
	local prefix=$1 method=$2 path=$3 body=${4:-}
	shift 3
	[ $# = 0 ] || shift
	case $path in
	/healthz | /readyz | /metrics*) ;;
	*) path=/api/v1$path ;;
	esac
	[ -z "$body" ] || set -- "$@" -H "Content-Type: application/json" --data-binary "$body"
	# shellcheck disable=SC2086 # the prefix is options and an address
	STATUS=$(timeout -k 1 60 curl -s -o "$T/api.body" -D "$T/api.head" -w '%{http_code}' -X "$method" "$@" \
		$prefix"$path") || die "$method $path: no answer"
}
api() {
	ask "--unix-socket $POLICYD_SOCKET http://localhost" "$@"
	cat "$T/api.body"
}
web() {
	ask "-k https://127.0.0.1:$WEB_PORT" "$@"
	cat "$T/api.body"
}
api_ok() {
	api "$@"
	[ "$STATUS" -lt 300 ] || die "$1 $2: status $STATUS: $(cat "$T/api.body")"
}
api_refused() {
	local want=$1
	shift
	api "$@" >/dev/null
	[ "$STATUS" = "$want" ] || die "$1 $2: status $STATUS instead of $want: $(cat "$T/api.body")"
	jq -e '.code and .detail and .title and .status' "$T/api.body" >/dev/null ||
		die "$1 $2: status $STATUS without a proper problem: $(cat "$T/api.body")"
	cat "$T/api.body"
}
jget() { jq -r "$1" "$T/api.body"; }

# ---------------------------------------------------------------- waiting

task_state() {
	timeout 10 curl -s --unix-socket "$POLICYD_SOCKET" "http://localhost/api/v1/tasks/$1" >"$T/task.json" || return 1
	jq -r .state "$T/task.json"
}
task_is() { [ "$(task_state "$1")" = "$2" ]; }
task_over() { [[ $(task_state "$1") =~ ^(succeeded|failed|cancelled)$ ]]; }
task_ended() {
	wait_until "${TASK_LIMIT_S:-60}" "task $1 to end" task_over "$1"
	task_is "$1" "$2" || die "task $1 did not end as $2: $(cat "$T/task.json")"
}
task_done() {
	local id=${1:-}
	[ -n "$id" ] || id=$(jq -r '.task_id // empty' "$T/api.body")
	[ -n "$id" ] || die "there is no task in: $(cat "$T/api.body")"
	task_ended "$id" succeeded
}
is_settled() {
	timeout 10 curl -s --unix-socket "$POLICYD_SOCKET" http://localhost/api/v1/system >"$T/system.json" &&
		jq -e '.health.pending == 0' "$T/system.json"
}
settled() { wait_until 60 "nothing to be pending" is_settled; }

# ---------------------------------------------------------------- objects

volume_make() {
	local more=${3:-}
	api_ok POST /volumes "{\"name\":\"$1\",\"datastore\":\"main\",\"size_bytes\":$2${more:+,$more}}" >/dev/null
	task_done
}
host_make() {
	local more=${3:-}
	api_ok POST /hosts "{\"name\":\"$1\",\"iqn\":\"$2\"${more:+,$more}}" >/dev/null
}
lun_url() {
	echo "iscsi://${2:-}127.0.0.1:$PORTAL_PORT/$(api_ok GET "/volumes/$1" | jq -r .target.iqn)/1"
}
