# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2119,SC2120 # variables for the tests; options are optional
#
# package.sh - a fresh Debian with our packages in a test's sandbox, without systemd: the daemons are started there by
# their units' own commands, users and capabilities. Source it after harness.sh and appliance.sh.
#
#   package_root               $ROOT_DIR: a fresh Debian, as an overlay that goes with the test
#   in_root COMMAND...         in it, as root
#   package_install DEB...     apt-get install, without a network
#   package_lower VERSION      the package sluice with a lower version, made of ours: its path
#   unit_start NAME            ExecStart of NAME.service with its user, groups and capabilities
#   unit_stop NAME             SIGTERM, and it must end well
#   package_up                 all daemons, and tgtd; afterwards api, web and the others of appliance.sh work
#   package_down               all but tgtd
#   first_admin NAME PASSWORD  by the set-up token over HTTPS
#   package_volume [BYTES]     a volume "disk"; its LUN is $URL
ROOT_DIR=$T/root
DEB_DIR=$ROOT/build/deb
RUN_DIR=$ROOT_DIR/run/sluice
POLICYD_SOCKET=$RUN_DIR/policyd.sock

the_deb() { compgen -G "$DEB_DIR/$1_[0-9]*_amd64.deb" | head -n 1 || die "$1's package is missing; say: make deb"; }

package_root() {
	local tree=$ROOT/build/packages/root
	[ -d "$tree/usr" ] || skip "build/packages/root is missing; say: make check-packages"
	mkdir -p "$ROOT_DIR" "$T/upper" "$T/work"
	mount -t overlay -o "lowerdir=$tree,upperdir=$T/upper,workdir=$T/work" overlay "$ROOT_DIR"
	mount -t proc proc "$ROOT_DIR/proc"
	mount --rbind /dev "$ROOT_DIR/dev"
	at_exit "umount -R -l '$ROOT_DIR'"
	mount -t tmpfs -o mode=755 run "$ROOT_DIR/run"
	mkdir -p "$ROOT_DIR/run/lock" "$ROOT_DIR/pkg"
	printf '#!/bin/sh\nexit 101\n' >"$ROOT_DIR/usr/sbin/policy-rc.d"
	chmod 755 "$ROOT_DIR/usr/sbin/policy-rc.d"
}

in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "${IN_ROOT_ENV[@]}" chroot "$ROOT_DIR" "$@"; }
IN_ROOT_ENV=(DEBIAN_FRONTEND=noninteractive)

package_install() {
	local deb names=()
	for deb in "$@"; do
		cp "$deb" "$ROOT_DIR/pkg/"
		names+=("/pkg/$(basename "$deb")")
	done
	in_root apt-get install -q -y --no-install-recommends --allow-downgrades "${names[@]}" >>"$T/apt.log" 2>&1 || return 1
}

package_lower() {
	local version=$1 tree=$T/lower out
	out=$T/sluice_$1_amd64.deb
	if [ ! -f "$out" ]; then
		rm -rf "$tree"
		dpkg-deb -R "$(the_deb sluice)" "$tree"
		sed -i "s/^Version: .*/Version: $version/" "$tree/DEBIAN/control"
		sed -i "s/^version='.*'/version='$version'/" "$tree/DEBIAN/preinst"
		dpkg-deb -b "$tree" "$out" >/dev/null
	fi
	echo "$out"
}

# unit_word NAME KEY  the last value that the unit gives it.
unit_word() { sed -n "s/^$2=//p" "$ROOT_DIR/lib/systemd/system/$1.service" | tail -n 1; }

unit_start() {
	local name=$1 user group command env state dir bounding words=()
	user=$(unit_word "$name" User)
	group=$(unit_word "$name" Group)
	command=$(unit_word "$name" ExecStart)
	env=$(unit_word "$name" EnvironmentFile)
	state=$(unit_word "$name" StateDirectory)
	bounding=$(unit_word "$name" CapabilityBoundingSet)
	for dir in $state; do
		in_root install -d -m 700 -o "${user:-root}" -g "${group:-root}" "/var/lib/$dir"
	done
	if [ "$name" != tgt ]; then
		words+=(--no-new-privs "--bounding-set=-all$(tr ' ' '\n' <<<"$bounding" | sed -n 's/^CAP_\(.*\)/,+\L\1/p' | tr -d '\n')")
	fi
	words+=(--reuid "${user:-root}" --regid "${group:-root}")
	if [ -n "$(unit_word "$name" SupplementaryGroups)" ]; then
		words+=(--groups "$(unit_word "$name" SupplementaryGroups)")
	else
		words+=(--clear-groups)
	fi
	start_bg "$name" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$ROOT_DIR" setpriv "${words[@]}" \
		sh -c "umask 077; [ ! -r '${env#-}' ] || . '${env#-}'; exec $command"
}

unit_stop() {
	kill -TERM "${PID_OF[$1]}"
	wait_bg "$1" 30
	[ "$RC" = 0 ] || die "$1 did not end well after SIGTERM (status $RC)"
}

filterd_serves() { in_root sluice-filterctl status; }
package_up() {
	unit_start sluice-filterd
	wait_until 20 "filterd" filterd_serves
	if [ -z "${PID_OF[tgt]:-}" ]; then
		mkdir -p "$ROOT_DIR/run/tgtd"
		unit_start tgt
		wait_until 10 "tgtd" in_root tgtadm --op show --mode sys
	fi
	unit_start sluice-egressd
	wait_until 10 "egressd's socket" test -S "$RUN_DIR/egress.sock"
	unit_start sluice-policyd
	wait_until 20 "policyd to answer" policyd_answers
	unit_start sluice-webd
	wait_until 20 "webd to answer" curl -skf "https://127.0.0.1:$WEB_PORT/healthz"
}
package_down() {
	local name
	for name in sluice-webd sluice-policyd sluice-egressd sluice-filterd; do
		unit_stop "$name"
	done
}

first_admin() {
	local token
	token=$(cat "$RUN_DIR/setup-token")
	web POST /setup "{\"setup_token\":\"$token\",\"user\":\"$1\",\"password\":\"$2\"}" >/dev/null
	[ "$STATUS" -lt 300 ] || die "the first administrator: $STATUS $(cat "$T/api.body")"
}

# package_volume [BYTES]  a volume "disk" for the test programs' initiator, on the folder that the package brings;
# its LUN's URL is in $URL.
LOAD_IQN=iqn.2025-01.test.sluice:initiator
package_volume() {
	api_ok POST /datastores '{"name":"main","type":"dir","path":"/var/lib/sluice/volumes","is_buffered":true}' >/dev/null
	task_done
	host_make client "$LOAD_IQN"
	volume_make disk "${1:-67108864}" '"hosts":["client"]'
	URL=$(lun_url disk)
}
