# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# reconcile.sh - the reconciler alone, with a real tgtd and a real filterd. Source it after harness.sh.
#
#   reconcile_start            the thread, on the database in $T/policy; reconcile_stop, reconcile_kill
#   db COMMAND ARGUMENT...     a change or a question, see tests/tools/reconcile_once.c; wakes the thread
#   db_quiet ...               the same without waking
#   row TABLE KEY COLUMN       one column of a row, raw
#   done_task KIND TYPE NAME   makes a task and waits until it has ended well
#   task_state ID              its state
#   host_new NAME IQN          a host; volume_row NAME SIZE [MEMBERS]   a volume on datastore "main"
#   shows PATTERN              tgtd's list of targets matches the extended regular expression
#   at VOLUME [USER%SECRET@]   its iscsi:// URL
export FILTERD_SOCKET=$RUN_DIR/filterd.sock RING_SOCKET=$RUN_DIR/ring.sock
export IQN_BASE=iqn.2026-01.org.sluice:test
HOST_ONE=iqn.2026-01.test.client:one
# shellcheck disable=SC2034 # for the tests that source this; verify_load calls itself so
HOST_TWO=iqn.2025-01.test.sluice:initiator

reconcile_tool() { timeout -k 1 20 "$B/bin/reconcile_once" "$T/policy" "$@"; }

reconcile_start() {
	mkdir -p "$T/policy"
	export TGT_SOCKET=$TGT_IPC_SOCKET.${TGTD_C[a]:-1}
	: >"$T/reconciler.log"
	start_bg reconciler "$B/bin/reconcile_once" "$T/policy" run
	wait_until 20 "the reconciler to run" grep -q running "$T/reconciler.log"
}
reconcile_kill() { kill_bg reconciler KILL; }
reconcile_stop() {
	kill -TERM "${PID_OF[reconciler]}"
	wait_bg reconciler 15
	[ "$RC" = 0 ] || die "the reconciler did not end well after SIGTERM (status $RC)"
}
wake() { [ -z "${PID_OF[reconciler]:-}" ] || kill -USR1 "${PID_OF[reconciler]}"; }

db_quiet() { reconcile_tool "$@" || die "reconcile_once $*"; }
db() {
	db_quiet "$@"
	wake
}

row() { reconcile_tool show "$1" "$2" | jq -r ".$3"; }
row_is() { [ "$(row "$1" "$2" "$3")" = "$4" ]; }
no_row() { ! reconcile_tool show "$1" "$2" >/dev/null 2>&1; }

task_state() { row tasks "$1" state; }
task_is() { [ "$(task_state "$1")" = "$2" ]; }
done_task() {
	local id
	id=$(db task "$@")
	wait_until 20 "task $1 of $3 to succeed (it is: $(row tasks "$id" state), $(row tasks "$id" text))" \
		task_is "$id" succeeded
}
task_ends() {
	local id=$1 state=$2
	wait_until 20 "task $id to be $state" task_is "$id" "$state"
}

host_new() { db_quiet insert hosts "{\"name\": \"$1\", \"iqn\": \"$2\"}"; }
volume_row() {
	db_quiet insert volumes "{\"name\": \"$1\", \"datastore\": \"main\", \"size_bytes\": $2${3:+, $3}}"
}
main_datastore() {
	mkdir -p "$T/main"
	db_quiet insert datastores "{\"name\": \"main\", \"type\": \"dir\", \"path\": \"$T/main\"}"
}

shows() { adm a --op show --mode target | finds -E -- "$1"; }
shows_not() { ! shows "$1"; }
at() {
	local p=${TGTD_PORTS[a]}
	echo "iscsi://${2:-}127.0.0.1:${p% *}/$IQN_BASE:$1/1"
}

# A reconciler over filterd and tgtd, datastore "main", host "one".
reconcile_scene() {
	filterd_start
	tgtd_start a
	mkdir -p "$T/policy"
	main_datastore
	host_new one "$HOST_ONE"
	reconcile_start
	done_task datastore.create datastore main
}

# scsi_as IQN URL "command"...  one session under this name
scsi_as() {
	local name=$1 target=$2
	shift 2
	printf '%s\n' "$@" | timeout -k 1 30 "$(tool scsi_sh)" --name "$name" "$target" 2>&1
}
may_login() { scsi_as "$1" "$2" tur | finds '^good'; }
may_not_login() { ! may_login "$@"; }
