# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# demo-daemons.sh - sourced by demo.sh: starts and stops the demo's daemons, each noted by its pid.
#
# Our tgtd has a management socket of its own (TGT_IPC_SOCKET), so a system tgtd is never spoken to. tgtd loads
# modules from one compiled-in folder; our tgtd gets a mount namespace in which that folder is ours.
# What runs was copied from build/, so that the next build does not pull it away from under the daemons.
run_dir=${SLUICE_DEMO_RUN:-/run/sluice-demo}
state_dir=${SLUICE_DEMO_STATE:-/var/lib/sluice-demo}
build_dir=${SLUICE_DEMO_BUILD:-build/release}
control=1
module_dir=/usr/lib/tgt/backing-store # compiled into Debian's tgtd
programs=$state_dir/programs
daemons=(webd egressd policyd tgtd filterd) # in the order in which they stop
export TGT_IPC_SOCKET=$run_dir/tgtd.sock

tgt()
{
	timeout 10 tgtadm -C "$control" --lld iscsi "$@"
}

cli()
{
	timeout 120 "$programs/sluice" --socket "$run_dir/policyd.sock" "$@"
}

is_up() { pid_of "$run_dir/$1.pid" >/dev/null; }

any_is_up()
{
	local name

	for name in "${daemons[@]}"; do
		! is_up "$name" || return 0
	done
	return 1
}

copy_programs()
{
	local file

	rm -rf "$programs"
	mkdir -p "$programs/filters" "$programs/tgt" || die "cannot write $state_dir."
	for file in sluice sluice-filterd sluice-filterctl sluice-policyd sluice-egressd sluice-webd; do
		[ -f "$build_dir/bin/$file" ] || die "$build_dir/bin/$file is missing; run \"make\" and look at its first error."
		cp "$build_dir/bin/$file" "$programs/" || die "cannot copy the programs to $programs; is the disk full?"
	done
	cp "$build_dir"/tgt/bs_sluice.so "$programs/tgt/" || die "cannot copy the module to $programs."
	for file in "$build_dir"/filters/*.so; do
		[ ! -f "$file" ] || cp "$file" "$programs/filters/"
	done
	cp -R policy/samples "$programs/" || die "cannot copy the samples to $programs."
	cp -R build/console "$programs/static" || die "cannot copy the console to $programs."
	printf '#!/bin/sh\n# The command line of this demo.\nexec "%s/sluice" --socket "%s/policyd.sock" "$@"\n' \
		"$programs" "$run_dir" >"$state_dir/sluice" && chmod 755 "$state_dir/sluice"
}

# wait_for SECONDS COMMAND...: until it succeeds. None of the daemons can tell a script that it is ready.
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

# await NAME COMMAND...: it must answer.
await()
{
	local name=$1

	shift
	wait_for 20 "$@" || die "sluice-$name does not answer; its last words: $(tail -n1 "$state_dir/log/$name.log")"
}

start_filterd()
{
	say "starting sluice-filterd"
	spawn filterd "$programs/sluice-filterd" --run-dir "$run_dir" --state-dir "$state_dir/state" \
		--filter-dir "$programs/filters"
	await filterd timeout 20 "$programs/sluice-filterctl" --socket "$run_dir/filterd.sock" status
}

start_egressd()
{
	say "starting sluice-egressd"
	spawn egressd "$programs/sluice-egressd" --run-dir "$run_dir" --user nobody
	await egressd test -S "$run_dir/egress.sock"
}

start_policyd()
{
	say "starting sluice-policyd"
	mkdir -p "$state_dir/policy" "$state_dir/transfer"
	spawn policyd "$programs/sluice-policyd" --run-dir "$run_dir" --state-dir "$state_dir/policy" \
		--filterd-socket "$run_dir/filterd.sock" --ring-socket "$run_dir/ring.sock" \
		--tgt-socket "$TGT_IPC_SOCKET.$control" --egress-socket "$run_dir/egress.sock" \
		--transfer-dir "$state_dir/transfer" --samples-dir "$programs/samples" --web-user nobody
	await policyd cli --json system show
}

# start_webd PORT
start_webd()
{
	say "starting sluice-webd on https://127.0.0.1:$1"
	mkdir -p "$state_dir/web"
	spawn webd "$programs/sluice-webd" --listen "127.0.0.1:$1" --static "$programs/static" \
		--policyd "$run_dir/policyd-web.sock" --state-dir "$state_dir/web" --user nobody
	# shellcheck disable=SC2016 # expanded by the inner shell
	await webd bash -c '</dev/tcp/127.0.0.1/$1' bash "$1"
}

# start_tgtd PORTAL PORT
start_tgtd()
{
	say "starting a tgtd of our own on $1:$2"
	# An empty folder to mount over; the package does not bring it.
	mkdir -p "$module_dir" || die "cannot make $module_dir, where tgtd looks for modules."
	# shellcheck disable=SC2016 # expanded by the inner shell
	spawn tgtd unshare --mount --propagation private sh -c \
		'mount --bind "$1" "$2" && exec tgtd -f -C "$3" --iscsi "portal=$4:$5"' sh \
		"$programs/tgt" "$module_dir" "$control" "$1" "$2"
	wait_for 10 tgt --op show --mode system || die "tgtd did not start; its last words:" \
		"$(tail -n1 "$state_dir/log/tgtd.log")"
	is_up tgtd || die "tgtd does not listen on $1:$2; is $1 an address of this machine?"
}

# stop NAME SECONDS: a polite signal, then the end. The whole session goes, which only we have put there.
stop()
{
	local pid

	pid=$(pid_of "$run_dir/$1.pid") || return 0
	say "stopping $1"
	kill -TERM "$pid" 2>/dev/null
	if ! pid_wait_end "$run_dir/$1.pid" "$2"; then
		say "$1 did not end within $2 s and is killed"
		kill -KILL -- "-$pid" 2>/dev/null
		pid_wait_end "$run_dir/$1.pid" 5 || die "process $pid ($1) cannot be killed; a reboot ends it."
	fi
}

# tgtd ignores SIGTERM; it ends when it is told to and has no target left.
empty_tgtd()
{
	local tid

	for tid in $(tgt --op show --mode target 2>/dev/null | sed -n 's/^Target \([0-9]*\):.*/\1/p'); do
		tgt --op delete --mode target --tid "$tid" --force >/dev/null 2>&1
	done
	tgt --op delete --mode system >/dev/null 2>&1
}

stop_all()
{
	local name

	for name in "${daemons[@]}"; do
		[ "$name" != tgtd ] || ! is_up tgtd || empty_tgtd
		stop "$name" 15
	done
}
