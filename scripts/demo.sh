#!/bin/bash
# SPDX-License-Identifier: MIT
#
# demo.sh preflight|up|down - one demo LUN on this machine, for "make up" and "make down".
#
#   preflight  root? port free? Asked before the long part, building
#   up         starts what is not running yet: sluice-filterd, then a tgtd of our own with a target and a LUN
#   down       stops exactly these two; PURGE=1 removes the data, too (an empty folder for modules stays)
#
#   PORT=3260  PORTAL=127.0.0.1  SIZE=1G   of the first "up"; afterwards the running demo's count
#
# Our tgtd has a management socket of its own (TGT_IPC_SOCKET), so a system tgtd is never spoken to. tgtd loads
# modules from one compiled-in folder; our tgtd gets a mount namespace in which that folder is ours.
# What runs was copied from build/, so that the next build does not pull it away from under the daemons.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/say.sh

run_dir=${SLUICE_DEMO_RUN:-/run/sluice-demo}
state_dir=${SLUICE_DEMO_STATE:-/var/lib/sluice-demo}
build_dir=${SLUICE_DEMO_BUILD:-build/release}
portal=${PORTAL:-127.0.0.1}
port=${PORT:-3260}
size=${SIZE:-1G}
control=1
iqn=iqn.2026-01.org.sluice:demo
module_dir=/usr/lib/tgt/backing-store # compiled into Debian's tgtd
programs=$state_dir/programs
export TGT_IPC_SOCKET=$run_dir/tgtd.sock

tgt()
{
	timeout 10 tgtadm -C "$control" --lld iscsi "$@"
}

ctl()
{
	timeout 20 "$programs/sluice-filterctl" --socket "$run_dir/filterd.sock" "$@"
}

filterd_pid() { pid_of "$run_dir/filterd.pid"; }
tgtd_pid() { pid_of "$run_dir/tgtd.pid"; }

port_is_taken()
{
	ss -Hltn "sport = :$port" 2>/dev/null | grep -q .
}

check_port()
{
	local holder

	if ! [[ $port =~ ^[0-9]{1,5}$ ]] || [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
		die "PORT=$port is no port: say a number from 1 to 65535, for example \"make up PORT=3261\"."
	fi
	port_is_taken || return 0
	holder=$(ss -Hltnp "sport = :$port" | sed -nE 's/.*users:\(\("([^"]+)",pid=([0-9]+).*/\1, process \2/p' | head -n1)
	[[ $holder != tgtd,* ]] || holder="$holder: a tgtd of this system, which is left alone"
	die "port $port is taken (${holder:-by an unknown process}); choose another one, for example" \
		"\"make up PORT=$((port < 65535 ? port + 1 : 3261))\"."
}

preflight()
{
	need_root "make up"
	if tgtd_pid >/dev/null; then
		local running_portal running_port

		read -r running_portal running_port <"$run_dir/portal"
		[ -z "${PORT:-}" ] || [ "$PORT" = "$running_port" ] ||
			die "the demo already runs on port $running_port; \"make down\" first to move it to $PORT."
		[ -z "${PORTAL:-}" ] || [ "$PORTAL" = "$running_portal" ] ||
			die "the demo already runs on $running_portal; \"make down\" first to move it to $PORTAL."
		portal=$running_portal
		port=$running_port
		return
	fi
	# Right after installation ss may be missing still; "up" asks again.
	! command -v ss >/dev/null || check_port
}

copy_programs()
{
	local file

	for file in bin/sluice-filterd bin/sluice-filterctl tgt/bs_sluice.so; do
		[ -f "$build_dir/$file" ] || die "$build_dir/$file is missing; run \"make\" and look at its first error."
	done
	rm -rf "$programs"
	mkdir -p "$programs/filters" "$programs/tgt" || die "cannot write $state_dir."
	cp "$build_dir"/bin/sluice-filterd "$build_dir"/bin/sluice-filterctl "$programs/" ||
		die "cannot copy the programs to $programs; is the disk full?"
	cp "$build_dir"/tgt/bs_sluice.so "$programs/tgt/" || die "cannot copy the module to $programs."
	for file in "$build_dir"/filters/*.so; do
		[ ! -f "$file" ] || cp "$file" "$programs/filters/"
	done
}

# wait_for SECONDS COMMAND...: until it succeeds. Neither daemon can tell a script that it is ready.
wait_for()
{
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# spawn NAME COMMAND...: in a session of its own, pid noted, output to a log that is kept.
spawn()
{
	local name=$1

	shift
	setsid "$@" </dev/null >>"$state_dir/log/$name.log" 2>&1 9>&- &
	pid_note "$run_dir/$name.pid" $!
}

start_filterd()
{
	say "starting sluice-filterd"
	spawn filterd "$programs/sluice-filterd" --run-dir "$run_dir" --state-dir "$state_dir/state" \
		--filter-dir "$programs/filters"
	wait_for 10 ctl status ||
		die "sluice-filterd does not answer; its last words: $(tail -n1 "$state_dir/log/filterd.log")"
}

make_volume()
{
	local status

	status=$(ctl status) || die "sluice-filterd does not tell its status; see $state_dir/log/filterd.log."
	if ! grep -qw demo-store <<<"$status"; then
		mkdir -p "$state_dir/datastore"
		ctl datastore add demo-store --type dir --path "$state_dir/datastore" >/dev/null ||
			die "the demo datastore could not be made in $state_dir/datastore."
	fi
	if ! grep -qw demo-volume <<<"$status"; then
		ctl volume create demo-volume --datastore demo-store --size "$size" --filter passthru >/dev/null ||
			die "the demo volume could not be made; is there room in $state_dir, and is SIZE=$size a size?"
	fi
}

start_tgtd()
{
	check_port
	say "starting a tgtd of our own on $portal:$port"
	# An empty folder to mount over; the package does not bring it.
	mkdir -p "$module_dir" || die "cannot make $module_dir, where tgtd looks for modules."
	# shellcheck disable=SC2016 # expanded by the inner shell
	spawn tgtd unshare --mount --propagation private sh -c \
		'mount --bind "$1" "$2" && exec tgtd -f -C "$3" --iscsi "portal=$4:$5"' sh \
		"$programs/tgt" "$module_dir" "$control" "$portal" "$port"
	printf '%s %s\n' "$portal" "$port" >"$run_dir/portal"
	wait_for 10 tgt --op show --mode system || die "tgtd did not start; its last words:" \
		"$(tail -n1 "$state_dir/log/tgtd.log")"
	{ tgtd_pid >/dev/null && port_is_taken; } ||
		die "tgtd does not listen on $portal:$port; is $portal an address of this machine?"
}

make_lun()
{
	local shown

	shown=$(tgt --op show --mode target) || die "our tgtd does not answer; see $state_dir/log/tgtd.log."
	if ! grep -q "$iqn" <<<"$shown"; then
		tgt --op new --mode target --tid 1 --targetname "$iqn" || die "tgtd refused the target $iqn."
		tgt --op bind --mode target --tid 1 --initiator-address ALL || die "tgtd refused access to $iqn."
	fi
	if ! grep -qE '^ *LUN: 1$' <<<"$shown"; then
		tgt --op new --mode logicalunit --tid 1 --lun 1 --bstype sluice --backing-store demo-volume \
			--bsopts "socket=$run_dir/ring.sock" ||
			die "tgtd refused the LUN; see $state_dir/log/tgtd.log."
	fi
}

say_what_next()
{
	local server=$portal esxi_note=

	[ "$portal" != 0.0.0.0 ] || server=$(hostname -I 2>/dev/null | awk '{print $1}')
	[ -n "$server" ] || server=127.0.0.1
	[[ $server != 127.* ]] || esxi_note="
    (this LUN is on the loopback address; for other machines: make down, then make up PORTAL=0.0.0.0;
     there is no authentication in the demo, so keep it to a network that you trust)"
	cat <<TEXT

The demo LUN is up. Its data is in $state_dir and stays there.

    iscsi://$server:$port/$iqn/1

What to type next:

  Linux (package open-iscsi)
    iscsiadm -m discovery -t sendtargets -p $server:$port
    iscsiadm -m node -T $iqn -p $server:$port --login
    lsblk -o NAME,VENDOR,MODEL,SIZE        # SLUICE VIRTUAL DISK is the new disk

  QEMU (packages qemu-utils, qemu-block-extra)
    qemu-img info iscsi://$server:$port/$iqn/1
    qemu-system-x86_64 -m 1G -drive file=iscsi://$server:$port/$iqn/1,format=raw,if=virtio

  ESXi (as root in its shell; vmhbaN is what the first command shows)
    esxcli iscsi software set --enabled=true ; esxcli iscsi adapter list
    esxcli iscsi adapter discovery sendtarget add --adapter=vmhbaN --address=$server:$port
    esxcli storage core adapter rescan --adapter=vmhbaN$esxi_note

  Look inside:    $programs/sluice-filterctl --socket $run_dir/filterd.sock status
  Logs:           $state_dir/log
  Stop:           make down              (PURGE=1 removes the data as well)
TEXT
}

up()
{
	preflight
	mkdir -p "$run_dir" "$state_dir/log" "$state_dir/state" || die "cannot write $run_dir and $state_dir."
	exec 9>"$run_dir/lock" || die "cannot write $run_dir/lock."
	flock -n 9 || die "another \"make up\" or \"make down\" is at work; wait for it."
	if ! filterd_pid >/dev/null; then
		tgtd_pid >/dev/null || copy_programs
		start_filterd
	fi
	make_volume
	tgtd_pid >/dev/null || start_tgtd
	make_lun
	say_what_next
}

# stop NAME SECONDS: a polite signal, then the end. The whole session goes, which only we have put there.
stop()
{
	local pid

	pid=$(pid_of "$run_dir/$1.pid") || return 0
	[ "$1" = tgtd ] || say "stopping $1"
	kill -TERM "$pid" 2>/dev/null
	if ! pid_wait_end "$run_dir/$1.pid" "$2"; then
		say "$1 did not end within $2 s and is killed"
		kill -KILL -- "-$pid" 2>/dev/null
		pid_wait_end "$run_dir/$1.pid" 5 || die "process $pid ($1) cannot be killed; a reboot ends it."
	fi
}

down()
{
	need_root "make down"
	if [ -d "$run_dir" ]; then
		exec 9>"$run_dir/lock"
		flock -n 9 || die "another \"make up\" or \"make down\" is at work; wait for it."
		if tgtd_pid >/dev/null; then
			say "stopping tgtd"
			# tgtd ignores SIGTERM; it ends when it is told to and has no target left.
			tgt --op delete --mode target --tid 1 --force >/dev/null 2>&1
			tgt --op delete --mode system >/dev/null 2>&1
		fi
		stop tgtd 5
		stop filterd 15
		rm -rf "$run_dir"
	else
		say "nothing of the demo runs"
	fi
	if [ "${PURGE:-}" = 1 ]; then
		rm -rf "$state_dir"
		say "the demo is down, its data is gone"
	else
		say "the demo is down, its data stays in $state_dir (make down PURGE=1 removes it)"
	fi
}

case ${1:-} in
preflight | up | down) "$1" ;;
*) die "say demo.sh preflight, up or down." ;;
esac
