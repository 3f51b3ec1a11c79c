#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 30 s
#
# With NOTIFY_SOCKET the watching parent says READY once, WATCHDOG while it lives, and STOPPING at the end;
# a killed child changes nothing of that.
. "$(dirname "$0")/../lib/harness.sh"
expect_error "ended by signal 9"

cat >"$T/listen.py" <<-'PY'
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(sys.argv[1])
	while True:
	    print(s.recv(4096).decode().replace("\n", " "), flush=True)
PY
start_bg notified python3 "$T/listen.py" "$T/notify"
wait_until 5 "the listener" test -S "$T/notify"
heard() { grep -q "$1" "$T/notified.log"; }

export NOTIFY_SOCKET=$T/notify
filterd_start
wait_until 5 "READY" heard "READY=1"
grep -q "MAINPID=${PID_OF[filterd]}" "$T/notified.log" || die "another pid is named"
child=$(filterd_child)
kill -9 "$child"
is_replaced() { [ -n "$(filterd_child)" ] && [ "$(filterd_child)" != "$child" ]; }
wait_until 5 "the next child" is_replaced
before=$(grep -c "WATCHDOG=1" "$T/notified.log")
goes_on() { [ "$(grep -c "WATCHDOG=1" "$T/notified.log")" -gt $((before + 2)) ]; }
wait_until 5 "the watchdog to be told" goes_on
[ "$(grep -c "READY=1" "$T/notified.log")" = 1 ] || die "READY was said more than once"
filterd_stop
heard "STOPPING=1" || die "STOPPING was not said"
