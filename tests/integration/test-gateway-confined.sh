#!/bin/bash
# SPDX-License-Identifier: MIT
# webd and egressd run as another user, can gain no rights and start no program.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

chmod 755 "$T"
mkdir -p "$RUN_DIR"
site_make "$T/site"
chmod -R a+rX "$T/site"
WEB_STATIC=$T/site
fake_start
chmod 666 "$FAKE_SOCKET"
# The programs as that user may read them, wherever the build tree stands.
mkdir -p "$T/bin-dir/bin"
cp "$B/bin/sluice-webd" "$B/bin/sluice-egressd" "$T/bin-dir/bin"
B=$T/bin-dir
uid=$(id -u nobody)
webd_start --user nobody
egress_start --user nobody
of() { awk -v k="$2:" '$1 == k { print $2 }' "/proc/${PID_OF[$1]}/status"; }
for daemon in webd egressd; do
	[ "$(of $daemon Uid)" = "$uid" ] || die "$daemon runs as $(of $daemon Uid)"
	[ "$(of $daemon NoNewPrivs)" = 1 ] || die "$daemon may gain rights"
	[ "$(of $daemon Seccomp)" = 2 ] || die "$daemon has no system call filter"
	for set in CapInh CapPrm CapEff CapAmb; do
		[ "$(of $daemon $set)" = 0000000000000000 ] || die "$daemon has $set $(of $daemon $set)"
	done
	[ -z "$(awk '/^Groups/ { print $2 }' "/proc/${PID_OF[$daemon]}/status")" ] || die "$daemon is in groups"
	find "/proc/${PID_OF[$daemon]}/fd" -mindepth 1 -printf '%l\n' | grep '^/' | grep -vE '^/(dev/null|var/tmp/[^ ]*\.log)$' >"$T/files" || true
	[ ! -s "$T/files" ] || die "$daemon has files open: $(cat "$T/files")"
done
[ "$(stat -c '%U %a' "$T/web/tls.key")" = "nobody 600" ] || die "tls.key: $(stat -c '%U %a' "$T/web/tls.key")"
status_is 200 /
status_is 200 /api/v1/volumes

# Root may ask egressd, and itself; others cannot even connect.
egress_says '.ok == true' '{"request": "status"}'
cp "$ROOT/tests/tools/ctl_ask.py" "$T/ask.py"
chmod 755 "$T/ask.py"
! setpriv --reuid 1 --regid 1 --clear-groups /usr/bin/python3 "$T/ask.py" "$RUN_DIR/egress.sock" '{"request": "status"}' \
	>"$T/other" 2>&1 || die "uid 1 could ask: $(cat "$T/other")"
# Were the socket open to all, the answer would still be a refusal.
chmod 777 "$RUN_DIR" "$RUN_DIR/egress.sock"
! setpriv --reuid 1 --regid 1 --clear-groups /usr/bin/python3 "$T/ask.py" "$RUN_DIR/egress.sock" '{"request": "status"}' \
	>"$T/other" 2>&1 || die "uid 1 was answered: $(cat "$T/other")"
grep -q 'uid 1 may not ask' "$T/egressd.log" || die "uid 1 was not refused but: $(cat "$T/other")"
egress_stop
gateway_stop
