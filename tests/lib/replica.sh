# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# replica.sh - replicated volumes on two appliances. Source it after harness.sh and two.sh.
#
#   replica_pair SIZE [PARAMETERS]   a and b paired, datastore d0 and volume v0 on each, the filter on both: a is
#                                    primary, b its replica; journals of $JOURNAL_BYTES. PARAMETERS: JSON members for both, such as '"mode":"async"'
#   replica_attach NAME PEER ROLE [PARAMETERS]
#   repl NAME JQ                     a member of the filter's status
#   repl_is NAME JQ VALUE            for wait_until
#   repl_say NAME COMMAND [ARGS]     a command to it; dies if it is refused
#   image_of NAME                    the file with the volume's content
# The volume is v0, and its group $REPL_GROUP; a test of several sets VOL, and a group for each.
REPL_GROUP=0123456789abcdef0123456789abcdef

replica_attach() {
	ask_on "$1" "{\"request\":\"filter.attach\",\"name\":\"${VOL:-v0}\",\"filter\":\"replication\",\"params\":{\"group\":\"$REPL_GROUP\",
		\"peer\":\"$2\",\"initial_role\":\"$3\",\"journal_bytes\":${JOURNAL_BYTES:-67108864}${4:+,$4}}}" >"$T/attach-$1.json"
}
replica_volume() {
	mkdir -p "$T/$1/d0"
	ctl_on "$1" datastore add d0 --type dir --path "$T/$1/d0" >/dev/null
	ctl_on "$1" volume create v0 --datastore d0 --size "$2" >/dev/null
}
replica_pair() {
	local size=$1
	two_start
	replica_volume a "$size"
	replica_volume b "$size"
	replica_attach b a secondary "${2:-}"
	replica_attach a b primary "${2:-}"
}
repl() {
	ask_on "$1" "{\"request\":\"volume.show\",\"name\":\"${VOL:-v0}\"}" |
		jq -r "[.. | objects | select(.filter? == \"replication\")][0].status | $2"
}
repl_is() { [ "$(repl "$1" "$2" 2>/dev/null)" = "$3" ]; }
repl_say() {
	ask_on "$1" "{\"request\":\"filter.command\",\"name\":\"${VOL:-v0}\",\"filter\":\"replication\",\"command\":\"$2\",\"args\":${3:-{\}}}" |
		jq -c .reply
}
image_of() { echo "$T/$1/d0/${VOL:-v0}.img"; }

#   switch_start NAME                 initiators' port 3300 in the test's namespace leads to NAME's tgtd
#   switch_to NAME|none               ... to another one; connections are cut
#   load_start OPTION...              verify_load over it in the background, reconnecting; LOAD_URL: another disk
#   load_advances N                   waits until N more commands have ended
#   load_stop [ERROR]                 ends it; its final pass reads everything. ERROR: answers that are no fault
#   promoted NAME [ARGS]              asks for a promotion; true once it serves
switch_start() {
	local name
	for name in a b; do
		tgtd_reachable "$name"
	done
	switch_to "$1"
	rm -f "$T/switch.log" # another one may have said before that it listens
	start_bg switch python3 "$ROOT/tests/tools/switch_proxy.py" 3300 "$T/switch.target"
	wait_until 10 "the switch" grep -q listens "$T/switch.log"
}
# Its portal is on localhost there; targets are to be reached from outside.
tgtd_reachable() { adm_on "$1" --op new --mode portal --param "portal=$(address_of "$1"):3260"; }
switch_to() {
	if [ "$1" = none ]; then
		: >"$T/switch.new"
	else
		echo "$(address_of "$1") 3260" >"$T/switch.new"
	fi
	mv "$T/switch.new" "$T/switch.target"
}
load_start() {
	rm -f "$T/load.progress"
	start_bg load "$(tool verify_load)" --survive-reconnect --zero --progress "$T/load.progress" --limit-ms 90000 "$@" \
		"${LOAD_URL:-iscsi://127.0.0.1:3300/$IQN:two.1/1}"
	wait_until 20 "the load to begin" test -s "$T/load.progress"
}
load_count() { tr -dc 0-9 <"$T/load.progress"; }
load_is_past() { [ "$(load_count)" -gt "$1" ]; }
load_advances() { wait_until "${2:-40}" "$1 more commands to end" load_is_past $(($(load_count) + $1)); }
# shellcheck disable=SC2120 # an error that is expected, mostly none
load_stop() {
	kill -TERM "${PID_OF[load]}"
	wait_bg load 60
	note "load: $(tail -n 1 "$T/load.log")"
	[ "$RC" = 0 ] && return
	[ -n "${1:-}" ] || die "the load found a fault"
	[ "$(tail -n 1 "$T/load.log" | jq .violations)" = 0 ] || die "the load found a violation"
	! grep ' failed: ' "$T/load.log" | grep -v "$1" || die "the load got another error"
}
promoted() {
	repl_is "$1" .is_serving true && return 0
	(ask_on "$1" "{\"request\":\"filter.command\",\"name\":\"${VOL:-v0}\",\"filter\":\"replication\",\"command\":\"promote\",\"args\":${2:-{\}}}") \
		>"$T/promote.json" 2>&1 || return 1
	repl_is "$1" .is_serving true
}
