#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-policyd keeps no capability, makes no socket but Unix ones, starts no program, dumps no core; its sockets and
# files are root's alone but for the gateway's socket; a second one is refused; SIGTERM ends it at once, under load too.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

policyd_start --web-user nobody
pid=${PID_OF[policyd]}
status() { awk -v k="$1:" '$1 == k { print $2 }' "$2"; }

for task in /proc/"$pid"/task/*/status; do
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		[ "$(status "$set" "$task")" = 0000000000000000 ] || die "$task has $set $(status "$set" "$task")"
	done
	[ "$(status Seccomp "$task")" = 2 ] || die "$task has no system call filter"
	[ "$(status NoNewPrivs "$task")" = 1 ] || die "$task may gain rights"
done
note "threads without rights: $(find "/proc/$pid/task" -maxdepth 1 -mindepth 1 | wc -l)"

# PR_SET_DUMPABLE 0 shows in who owns /proc/PID.
grep -q "^Max core" "/proc/$pid/limits" || die "no limits"
[ -z "$(find "/proc/$pid/fd" -maxdepth 1 -type l -lname 'socket:*' -printf '%l\n' |
	tr -dc '0-9\n' | while read -r inode; do grep -q " $inode " /proc/net/unix || echo "$inode"; done)" ] ||
	die "it has a socket that is no Unix socket"

[ "$(stat -c '%a %U' "$RUN_DIR/policyd.sock")" = "600 root" ] || die "$(stat -c '%a %U' "$RUN_DIR/policyd.sock")"
[ "$(stat -c '%a %U' "$RUN_DIR/policyd-web.sock")" = "660 nobody" ] || die "$(stat -c '%a %U' "$RUN_DIR/policyd-web.sock")"
find "$T/policy" -type f -perm /077 | grep . && die "somebody else may read these"

# The gateway's user reaches its socket, where he is nobody; root's socket he does not reach.
chmod 711 "$T" "$RUN_DIR"
as_nobody() { setpriv --reuid nobody --clear-groups curl -s -o /dev/null -w '%{http_code}' --unix-socket "$1" http://x/api/v1/me || true; }
[ "$(as_nobody "$RUN_DIR/policyd-web.sock")" = 401 ] || die "webd's socket answers $(as_nobody "$RUN_DIR/policyd-web.sock")"
[ "$(as_nobody "$RUN_DIR/policyd.sock")" = 000 ] || die "root's socket answers nobody"
# And where the file's mode fails, the peer's credentials still stand.
chmod 666 "$RUN_DIR/policyd.sock"
[ "$(as_nobody "$RUN_DIR/policyd.sock")" = 403 ] || die "root's socket trusts nobody"

start_bg second "$B/bin/sluice-policyd" --run-dir "$RUN_DIR" --state-dir "$T/policy"
expect_error 'another sluice-policyd'
wait_bg second 10
[ "$RC" = 1 ] || die "a second one started"
grep -q "another sluice-policyd" "$T/second.log" || die "it does not say why"
api_ok GET /me >/dev/null

for _ in 1 2 3 4 5 6; do
	curl -s -o "$T/null" --unix-socket "$RUN_DIR/policyd-web.sock" -H 'Content-Type: application/json' \
		-d '{"user":"x","password":"some password"}' http://x/api/v1/login &
	curl -s -N -m 20 -o "$T/null" --unix-socket "$POLICYD_SOCKET" http://x/api/v1/stream &
done
wait_until 5 "a stream to be open" test -s "$T/null"
from=$(now_ms)
policyd_stop
[ $(($(now_ms) - from)) -lt $((6000 * PATIENCE)) ] || die "the end took $(($(now_ms) - from)) ms"
[ ! -e "$RUN_DIR/policyd.sock" ] || die "the socket stays"
note "ended in $(($(now_ms) - from)) ms under load"
