#!/bin/bash
# SPDX-License-Identifier: MIT
#
# demo.sh preflight|up|down - a whole appliance with one volume on this machine, for "make up" and "make down".
#
#   preflight  root? ports free? Asked before the long part, building
#   up         starts what is not running yet: filterd, egressd, policyd, webd and a tgtd of our own; then a portal,
#              a datastore, a host and a volume, all through the command line that an administrator uses
#   down       stops exactly these; PURGE=1 removes the data, too (an empty folder for modules stays)
#
#   PORT=3260  PORTAL=127.0.0.1  WEB_PORT=8443  SIZE=1G   of the first "up"; afterwards the running demo's count
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/say.sh
# shellcheck source=scripts/demo-daemons.sh
. scripts/demo-daemons.sh

portal=${PORTAL:-127.0.0.1}
port=${PORT:-3260}
web_port=${WEB_PORT:-8443}
size=${SIZE:-1G}
host_iqn=iqn.2026-01.org.sluice:demo-client

port_is_taken()
{
	ss -Hltn "sport = :$1" 2>/dev/null | grep -q .
}

# check_port VARIABLE NUMBER ANOTHER
check_port()
{
	local holder

	if ! [[ $2 =~ ^[0-9]{1,5}$ ]] || [ "$2" -lt 1 ] || [ "$2" -gt 65535 ]; then
		die "$1=$2 is no port: say a number from 1 to 65535, for example \"make up $1=$3\"."
	fi
	port_is_taken "$2" || return 0
	holder=$(ss -Hltnp "sport = :$2" | sed -nE 's/.*users:\(\("([^"]+)",pid=([0-9]+).*/\1, process \2/p' | head -n1)
	[[ $holder != tgtd,* ]] || holder="$holder: a tgtd of this system, which is left alone"
	die "port $2 is taken (${holder:-by an unknown process}); choose another one, for example" \
		"\"make up $1=$(($2 < 65535 ? $2 + 1 : $3))\"."
}

# Of a demo that runs, its own settings count; others are refused rather than ignored.
keep_running_settings()
{
	local was_portal was_port was_web_port

	read -r was_portal was_port was_web_port <"$run_dir/ports"
	[ -z "${PORT:-}" ] || [ "$PORT" = "$was_port" ] ||
		die "the demo already runs on port $was_port; \"make down\" first to move it to $PORT."
	[ -z "${PORTAL:-}" ] || [ "$PORTAL" = "$was_portal" ] ||
		die "the demo already runs on $was_portal; \"make down\" first to move it to $PORTAL."
	[ -z "${WEB_PORT:-}" ] || [ "$WEB_PORT" = "$was_web_port" ] ||
		die "the demo's console is on port $was_web_port; \"make down\" first to move it to $WEB_PORT."
	portal=$was_portal
	port=$was_port
	web_port=$was_web_port
}

preflight()
{
	need_root "make up"
	if is_up tgtd && [ -r "$run_dir/ports" ]; then
		keep_running_settings
		return
	fi
	# Right after installation ss may be missing still; "up" asks again.
	! command -v ss >/dev/null || { check_port PORT "$port" 3261 && check_port WEB_PORT "$web_port" 8444; }
}

# ---------------------------------------------------------------- what is on it

has() { cli --json "$1" show "$2" >/dev/null 2>&1; }

make_objects()
{
	local name=$portal:$port

	[[ $portal != *:* ]] || name="[$portal]:$port"
	has portal "$name" || cli portal create "$portal" --port "$port" >/dev/null ||
		die "the portal $name could not be made."
	mkdir -p "$state_dir/datastore"
	has datastore main || cli datastore create main --type dir --path "$state_dir/datastore" >/dev/null ||
		die "the datastore could not be made in $state_dir/datastore."
	has host demo-client || cli host create demo-client --iqn "$host_iqn" >/dev/null ||
		die "the host demo-client could not be made."
	has volume demo || cli volume create demo --datastore main --size "$size" --host demo-client >/dev/null ||
		die "the volume could not be made; is there room in $state_dir, and is SIZE=$size a size?"
}

say_what_next()
{
	local server=$portal token="" how_to_set_up="" iqn

	[ "$portal" != 0.0.0.0 ] || server=$(hostname -I 2>/dev/null | awk '{print $1}')
	[ -n "$server" ] || server=127.0.0.1
	if [ -r "$run_dir/setup-token" ]; then
		token=$(<"$run_dir/setup-token")
		how_to_set_up="                   makes the first administrator, by REST from elsewhere or here:
                   $state_dir/sluice setup run admin --setup-token-file $run_dir/setup-token
"
	fi
	iqn=$(cli --json volume show demo | sed -n 's/^ *"iqn": "\(.*\)",\{0,1\}$/\1/p' | head -n 1)
	cat <<TEXT

The appliance is up. Its data is in $state_dir and stays there.

  Console, REST    https://127.0.0.1:$web_port
  Set-up token     ${token:-none: an administrator exists already}
$how_to_set_up  A volume         iscsi://$server:$port/$iqn/1   for initiator $host_iqn

Three commands to try:

  $state_dir/sluice status
  $state_dir/sluice volume connect demo
  $state_dir/sluice top

Read and write the volume from here (packages qemu-utils, qemu-block-extra):

  qemu-img info --image-opts driver=iscsi,transport=tcp,portal=$server:$port,target=$iqn,lun=1,initiator-name=$host_iqn

  Logs    $state_dir/log
  Stop    make down              (PURGE=1 removes the data as well)
TEXT
}

up()
{
	preflight
	mkdir -p "$run_dir" "$state_dir/log" "$state_dir/state" || die "cannot write $run_dir and $state_dir."
	chmod 755 "$run_dir" "$state_dir"
	exec 9>"$run_dir/lock" || die "cannot write $run_dir/lock."
	flock -n 9 || die "another \"make up\" or \"make down\" is at work; wait for it."
	any_is_up || copy_programs
	is_up filterd || start_filterd
	if ! is_up tgtd; then
		check_port PORT "$port" 3261
		start_tgtd "$portal" "$port"
		printf '%s %s %s\n' "$portal" "$port" "$web_port" >"$run_dir/ports"
	fi
	is_up egressd || start_egressd
	is_up policyd || start_policyd
	is_up webd || { check_port WEB_PORT "$web_port" 8444 && start_webd "$web_port"; }
	make_objects
	say_what_next
}

down()
{
	need_root "make down"
	if [ -d "$run_dir" ]; then
		exec 9>"$run_dir/lock"
		flock -n 9 || die "another \"make up\" or \"make down\" is at work; wait for it."
		stop_all
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
