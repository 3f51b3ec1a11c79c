#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# The package on a fresh Debian: apt installs it, the units' commands start it, the first administrator is made over
# HTTPS, and a LUN is found, written and verified by another machine's initiator.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
. "$(dirname "$0")/../lib/package.sh"
need_tools verify_load

package_root
package_install "$(the_deb sluice)" || die "apt: $(tail -n 20 "$T/apt.log")"
note "installed: $(in_root sluice --version)"

# What the package promises about users and folders.
owner() { in_root stat -c '%a %U:%G' "$1"; }
[ "$(owner /run/sluice)" = "1771 root:sluice" ] || die "/run/sluice: $(owner /run/sluice)"
[ "$(owner /var/lib/sluice/volumes)" = "750 sluice:sluice" ] || die "volumes: $(owner /var/lib/sluice/volumes)"
for user in sluice sluice-web sluice-egress; do
	[[ $(in_root getent passwd "$user") == *nologin ]] || die "user $user is not there, or may log in"
done

package_up
uid_of() { awk '/^Uid:/ { print $2 }' "/proc/${PID_OF[$1]}/status"; }
caps_of() { awk '/^CapEff:/ { print $2 }' "/proc/${PID_OF[$1]}/status"; }
for name in sluice-filterd:sluice sluice-webd:sluice-web sluice-egressd:sluice-egress; do
	want=$(in_root id -u "${name#*:}")
	[ "$(uid_of "${name%:*}")" = "$want" ] || die "${name%:*} runs as uid $(uid_of "${name%:*}")"
done
for name in sluice-filterd sluice-policyd sluice-webd sluice-egressd; do
	[ "$(caps_of "$name")" = 0000000000000000 ] || die "$name has capabilities: $(caps_of "$name")"
done
[ "$(owner /run/sluice/policyd.sock)" = "600 root:root" ] || die "policyd.sock: $(owner /run/sluice/policyd.sock)"
[ "$(owner /run/sluice/policyd-web.sock)" = "660 sluice-web:sluice-web" ] || die "policyd-web.sock: $(owner /run/sluice/policyd-web.sock)"
[ "$(owner /run/sluice/egress.sock)" = "600 root:root" ] || die "egress.sock: $(owner /run/sluice/egress.sock)"
[ "$(owner /run/sluice/ring.sock)" = "600 sluice:sluice" ] || die "ring.sock: $(owner /run/sluice/ring.sock)"

first_admin anna "a long enough password 1"
web POST /login '{"user":"anna","password":"a long enough password 1"}' >/dev/null
[ "$STATUS" = 200 ] || die "the first administrator cannot sign in: $STATUS"

package_volume
# Nobody has named a portal: tgtd listens where it was started to, on all addresses.
timeout 20 iscsi-ls -s -i "$LOAD_IQN" iscsi://127.0.0.1:3260 >"$T/ls" || die "iscsi-ls fails"
grep -q 'Lun:1 .*DIRECT_ACCESS' "$T/ls" || die "iscsi-ls does not show the LUN: $(cat "$T/ls")"
ends_within 60 "a verified load" "$(tool verify_load)" --seconds 4 --sessions 2 --depth 8 --zero "$URL"
package_down
