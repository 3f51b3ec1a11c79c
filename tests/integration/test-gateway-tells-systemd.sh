#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 30 s
#
# webd and egressd say READY when they serve, WATCHDOG while their loops turn, more often than the unit's limit, and STOPPING.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/gateway.sh"

cat >"$T/listen.py" <<-'PY'
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(sys.argv[1])
	while True:
	    print(s.recv(4096).decode().replace("\n", " "), flush=True)
PY
heard() { grep -q "$2" "$T/$1-notified.log"; }
beats() { [ "$(grep -c WATCHDOG=1 "$T/$1-notified.log")" -ge 5 ]; }
listen() {
	start_bg "$1-notified" python3 "$T/listen.py" "$T/$1-notify"
	wait_until 5 "the listener" test -S "$T/$1-notify"
	export NOTIFY_SOCKET=$T/$1-notify WATCHDOG_USEC=600000
}
follow() {
	wait_until 5 "READY of $1" heard "$1" READY=1
	wait_until 5 "the watchdog of $1 to be told" beats "$1"
}
fake_start
listen webd
webd_start
follow webd
listen egressd
egress_start
follow egressd
unset NOTIFY_SOCKET WATCHDOG_USEC
gateway_stop
egress_stop
heard webd STOPPING=1 || die "webd did not say STOPPING"
heard egressd STOPPING=1 || die "egressd did not say STOPPING"
