# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # variables for the tests that source this
#
# two.sh - appliances in network namespaces of their own, joined by a cable each can be cut from. Source it after
# harness.sh.
#
#   two_start [option of filterd...]   "a" (10.9.0.1) and "b" (10.9.0.2): filterd and tgtd each; paired
#   node_start NAME [option...]        one more appliance, such as a witness "w" (10.9.0.3): filterd alone
#   on NAME command...                 in its namespace, with $RUN_DIR and the like of that appliance
#   ctl_on NAME COMMAND...             sluice-filterctl there, ten seconds at most
#   ask_on NAME JSON                   one request of filterd's control protocol; prints the answer, dies if refused
#   filterd_on NAME [option...]        starts filterd there (again); filterd_child_on NAME: the serving child's id
#   kill_filterd_on NAME               parent and child, as a power cut does; kill_child_on NAME: kill -9 of the child
#   tgtd_on NAME                       starts tgtd there; adm_on NAME OPTION...: tgtadm
#   lun_on NAME TID VOLUME             a target that anybody may use, with the volume as LUN 1
#   url_on NAME TID                    its iscsi:// URL, for a tool that runs "on NAME"
#   pair_nodes OFFERER JOINER [ADDRESS PORT]   each is called by its NAME at the other; ADDRESS: through a proxy
#   cable_cut / cable_mend             takes the wire between all of them away, and puts it back
#   cable_oneway FROM TO               packets of FROM do not reach TO any more (till cable_mend)
#   cable_delay MS                     netem on both, where the kernel has it; returns 1 where it has not
#   proxy_start NAME                   a fault_proxy.py at 10.9.0.254:PORT in front of NAME's port; prints nothing
#   proxy_mode NAME WORDS...           what it is to do, see tests/tools/fault_proxy.py
#   address_of NAME, dir_of NAME, PEER_PORT
#   policyd_on NAME [option...]   webd_on NAME   egressd_on NAME    the policy plane there; needs tgtd_on NAME before
#   api_on NAME METHOD PATH [JSON]     asks policyd there as local root; body to stdout, status in $STATUS
#   api_ok_on NAME METHOD PATH [JSON]  the same; a status that is no success ends the test
#   task_done_on NAME [ID]             waits until the task (of the last answer there) has ended well
#   sluice_on NAME COMMAND...          the command line there
#   linked                             a and b without tgtd, a volume v0 each with a link_probe on it, linked; see below
PEER_PORT=3262
declare -A NODE_PID=() NODE_NUMBER=()
NODES=0
HUB_ADDRESS=10.9.0.254

address_of() { echo "10.9.0.${NODE_NUMBER[$1]}"; }
dir_of() { echo "$T/$1"; }
proxy_port_of() { echo $((4000 + ${NODE_NUMBER[$1]})); }

# ---------------------------------------------------------------- namespaces

# The test's own namespace has the bridge, and so the proxies.
hub_make() {
	[ -z "${HUB_MADE:-}" ] || return 0
	ip link add hub type bridge 2>"$T/hub.log" || skip "the kernel has no bridge: $(head -1 "$T/hub.log")"
	ip addr add "$HUB_ADDRESS/24" dev hub
	ip link set hub up
	HUB_MADE=1
}

node_make() {
	local name=$1
	[ -z "${NODE_PID[$name]:-}" ] || return 0
	hub_make
	NODES=$((NODES + 1))
	NODE_NUMBER[$name]=$NODES
	mkdir -p "$T/$name/run" "$T/$name/state"
	start_bg "node-$name" unshare --net sleep infinity
	NODE_PID[$name]=${PID_OF[node-$name]}
	wait_until 5 "the namespace of $name" node_is_apart "$name"
	ip link add "to-$name" type veth peer name eth0 netns "${NODE_PID[$name]}" ||
		skip "the kernel has no veth"
	ip link set "to-$name" master hub up
	on "$name" ip link set lo up
	on "$name" ip addr add "$(address_of "$name")/24" dev eth0
	on "$name" ip link set eth0 up
}
node_is_apart() { [ "$(readlink "/proc/${NODE_PID[$1]}/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }

on() {
	local name=$1
	shift
	nsenter --net="/proc/${NODE_PID[$name]}/ns/net" -- \
		env TGT_IPC_SOCKET="$T/$name/tgtd" RUN_DIR="$T/$name/run" STATE_DIR="$T/$name/state" "$@"
}

# ---------------------------------------------------------------- daemons

filterd_on() {
	local name=$1
	shift
	need_product
	ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:exitcode=99} \
		TSAN_OPTIONS=${TSAN_OPTIONS:-exitcode=99:halt_on_error=0} \
		start_bg "filterd-$name" nsenter --net="/proc/${NODE_PID[$name]}/ns/net" -- \
		"$B/bin/sluice-filterd" --run-dir "$T/$name/run" --state-dir "$T/$name/state" \
		--filter-dir "$FILTERS" --workers "${WORKERS:-1}" --peer-listen "0.0.0.0:$PEER_PORT" "$@"
	wait_until 20 "filterd of $name to answer" ctl_on "$name" status
}
ctl_on() {
	local name=$1
	shift
	timeout -k 1 "${CTL_LIMIT_S:-10}" "$B/bin/sluice-filterctl" --socket "$T/$name/run/filterd.sock" "$@"
}
ask_on() {
	timeout -k 1 "${ASK_LIMIT_S:-30}" python3 "$ROOT/tests/tools/filterd_ask.py" "$T/$1/run/filterd.sock" "$2" ||
		die "filterd of $1 refuses $2"
}
filterd_child_on() { pgrep -P "${PID_OF[filterd-$1]}" | head -n 1; }
kill_child_on() { kill -KILL "$(filterd_child_on "$1")"; }
# Both at once; the child is gone when it returns, and its sockets with it.
kill_filterd_on() {
	local child
	child=$(filterd_child_on "$1")
	kill_bg "filterd-$1" KILL
	[ -z "$child" ] || wait_until 10 "the child of filterd $1 to be gone" is_gone "$child"
}
is_gone() { ! kill -0 "$1" 2>/dev/null; }
filterd_stop_on() {
	kill -TERM "${PID_OF[filterd-$1]}"
	wait_bg "filterd-$1" 15
	[ "$RC" = 0 ] || die "filterd of $1 did not end well after SIGTERM (status $RC)"
}

tgtd_on() {
	local name=$1
	mount_module
	start_bg "tgtd-$name" nsenter --net="/proc/${NODE_PID[$name]}/ns/net" -- \
		env TGT_IPC_SOCKET="$T/$name/tgtd" tgtd -f -C 1 --iscsi "portal=127.0.0.1:3260"
	wait_until 10 "tgtd of $name to answer" adm_on "$name" --op show --mode sys
}
adm_on() {
	local name=$1
	shift
	TGT_IPC_SOCKET="$T/$name/tgtd" timeout -k 1 "${ADM_LIMIT_S:-10}" tgtadm -C 1 --lld iscsi "$@"
}
lun_on() {
	adm_on "$1" --op new --mode target --tid "$2" -T "$IQN:two.$2"
	adm_on "$1" --op bind --mode target --tid "$2" -I ALL
	adm_on "$1" --op new --mode logicalunit --tid "$2" --lun 1 --bstype sluice \
		--backing-store "$3" --bsopts "socket=$T/$1/run/ring.sock"
}
url_on() { echo "iscsi://127.0.0.1:3260/$IQN:two.$2/1"; }

# ---------------------------------------------------------------- policy plane

policyd_on() {
	local name=$1
	shift
	mkdir -p "$T/$name/policy" "$T/$name/transfer"
	ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:exitcode=99} \
		TSAN_OPTIONS=${TSAN_OPTIONS:-exitcode=99:halt_on_error=0} \
		start_bg "policyd-$name" nsenter --net="/proc/${NODE_PID[$name]}/ns/net" -- \
		"$B/bin/sluice-policyd" --run-dir "$T/$name/run" --state-dir "$T/$name/policy" \
		--filterd-socket "$T/$name/run/filterd.sock" --ring-socket "$T/$name/run/ring.sock" \
		--tgt-socket "$T/$name/tgtd.1" --egress-socket "$T/$name/run/egress.sock" \
		--transfer-dir "$T/$name/transfer" --samples-dir "$ROOT/policy/samples" \
		--iqn-base "iqn.2026-01.org.sluice:$name" "$@"
	wait_until 20 "policyd of $name to answer" timeout 5 curl -sf --unix-socket "$T/$name/run/policyd.sock" \
		http://localhost/healthz
}
egressd_on() {
	start_bg "egressd-$1" nsenter --net="/proc/${NODE_PID[$1]}/ns/net" -- "$B/bin/sluice-egressd" --run-dir "$T/$1/run"
	wait_until 10 "egressd of $1" test -S "$T/$1/run/egress.sock"
}
webd_on() {
	local name=$1
	mkdir -p "$T/$name/web"
	start_bg "webd-$name" nsenter --net="/proc/${NODE_PID[$name]}/ns/net" -- \
		"$B/bin/sluice-webd" --listen "0.0.0.0:8443" --http "0.0.0.0:8080" --static "${WEB_STATIC:-$ROOT/build/console}" \
		--policyd "$T/$name/run/policyd-web.sock" --state-dir "$T/$name/web"
	wait_until 20 "webd of $name to answer" curl -skf "https://$(address_of "$name"):8443/healthz"
}
api_on() {
	local name=$1 method=$2 path=$3 body=${4:-}
	set --
	[ -z "$body" ] || set -- -H "Content-Type: application/json" --data-binary "$body"
	STATUS=$(timeout -k 1 60 curl -s -o "$T/$name/api.body" -w '%{http_code}' -X "$method" "$@" \
		--unix-socket "$T/$name/run/policyd.sock" "http://localhost/api/v1$path") || die "$name: $method $path: no answer"
	cat "$T/$name/api.body"
}
api_ok_on() {
	api_on "$@"
	[ "$STATUS" -lt 300 ] || die "$1: $2 $3: status $STATUS: $(cat "$T/$1/api.body")"
}
task_is_over_on() {
	timeout 10 curl -s --unix-socket "$T/$1/run/policyd.sock" "http://localhost/api/v1/tasks/$2" >"$T/$1/task.json" &&
		jq -e '.state | test("succeeded|failed|cancelled")' "$T/$1/task.json"
}
task_done_on() {
	local id=${2:-}
	[ -n "$id" ] || id=$(jq -r '.task_id // empty' "$T/$1/api.body")
	[ -n "$id" ] || die "$1: there is no task in: $(cat "$T/$1/api.body")"
	wait_until "${TASK_LIMIT_S:-60}" "task $id of $1 to end" task_is_over_on "$1" "$id"
	[ "$(jq -r .state "$T/$1/task.json")" = succeeded ] || die "$1: task $id did not end well: $(cat "$T/$1/task.json")"
}
sluice_on() {
	local name=$1
	shift
	timeout -k 1 "${CLI_LIMIT_S:-60}" "$B/bin/sluice" --socket "$T/$name/run/policyd.sock" "$@"
}

node_start() {
	node_make "$1"
	filterd_on "$@"
}

# shellcheck disable=SC2120 # options for node_start, mostly none
two_start() {
	local name
	for name in a b; do
		node_start "$name" "$@"
		tgtd_on "$name"
	done
	pair_nodes a b
}

# ---------------------------------------------------------------- pairing

# The connections of the test's daemons go to ADDRESS and PORT from then on, if they are given.
pair_nodes() {
	local offerer=$1 joiner=$2 address=${3:-} port=${4:-$PEER_PORT} code
	[ -n "$address" ] || address=$(address_of "$offerer")
	code=$(ask_on "$offerer" "{\"request\":\"peer.offer\",\"name\":\"$joiner\"}" | jq -r .code)
	ask_on "$joiner" "{\"request\":\"peer.join\",\"name\":\"$offerer\",\"address\":\"$address\",\"port\":$port,\"code\":\"$code\"}" \
		>"$T/join.json"
}
peer_is_set() { # NODE PEER MEMBERS  such as '"address":"10.9.0.254","port":4002'
	ask_on "$1" "{\"request\":\"peer.set\",\"name\":\"$2\",$3}" >"$T/set.json"
}

# ---------------------------------------------------------------- the wire

cable_cut() { ip link set hub down; }
cable_mend() {
	local entry
	for entry in "${CABLE_BLACKHOLES[@]:-}"; do
		[ -z "$entry" ] || on "${entry% *}" ip route del blackhole "${entry#* }"
	done
	CABLE_BLACKHOLES=()
	ip link set hub up
}
CABLE_BLACKHOLES=()
# What FROM sends to TO is thrown away at FROM; what TO sends arrives.
cable_oneway() {
	on "$1" ip route add blackhole "$(address_of "$2")/32"
	CABLE_BLACKHOLES+=("$1 $(address_of "$2")/32")
}
cable_delay() {
	local name
	for name in "${!NODE_PID[@]}"; do
		on "$name" tc qdisc replace dev eth0 root netem delay "$1ms" 2>/dev/null || return 1
	done
}

# ---------------------------------------------------------------- proxies

proxy_start() {
	local name=$1
	shift
	echo pass >"$T/proxy-$name.mode"
	start_bg "proxy-$name" python3 "$ROOT/tests/tools/fault_proxy.py" "$HUB_ADDRESS" "$(proxy_port_of "$name")" \
		"$(address_of "$name")" "$PEER_PORT" "$T/proxy-$name.mode" "$@"
	wait_until 10 "the proxy in front of $name" grep -q fault_proxy "$T/proxy-$name.log"
}
proxy_mode() {
	local name=$1
	shift
	echo "$*" >"$T/proxy-$name.mode.new"
	mv "$T/proxy-$name.mode.new" "$T/proxy-$name.mode"
}
# Whatever FROM says to TO goes through TO's proxy, and TO never dials FROM.
proxy_between() {
	peer_is_set "$2" "$1" '"dials":"never"'
	peer_is_set "$1" "$2" "\"address\":\"$HUB_ADDRESS\",\"port\":$(proxy_port_of "$2"),\"dials\":\"always\""
}

# ---------------------------------------------------------------- link_probe

# linked [option...]  a and b with a volume v0 each, and on it a link to the other; see tests/lib/link_probe.c
linked() {
	. "$HERE/probe.sh"
	filterd_with_probe link_probe
	node_start a
	node_start b
	pair_nodes a b
	probe_volume a b
	probe_volume b a
	wait_until 10 "the links to be up" links_are_up
}
# probe_volume NAME PEER [WITNESS]
probe_volume() {
	ctl_on "$1" datastore add m0 --type mem --path mem >/dev/null
	ctl_on "$1" volume create v0 --datastore m0 --size 16M >/dev/null
	probe_attach "$@"
}
probe_attach() {
	ask_on "$1" "{\"request\":\"filter.attach\",\"name\":\"v0\",\"filter\":\"link_probe\",\"params\":{\"peer\":\"$2\",\"witness\":\"${3:-}\"}}" \
		>"$T/attach.json"
}
probe_status() { # NAME JQ
	ask_on "$1" '{"request":"volume.show","name":"v0"}' |
		jq -r "[.. | objects | select(.filter? == \"link_probe\")][0].status | $2"
}
probe_say() { # NAME COMMAND ARGS; prints the reply
	ask_on "$1" "{\"request\":\"filter.command\",\"name\":\"v0\",\"filter\":\"link_probe\",\"command\":\"$2\",\"args\":${3:-{\}}}" | jq -c .reply
}
links_are_up() {
	[ "$(probe_status a '.data.is_up and .control.is_up')" = true ] &&
		[ "$(probe_status b '.data.is_up and .control.is_up')" = true ]
}
# falls SECONDS "why" command...  carries it out; both connections go down by it, and may come back.
falls() {
	local limit_s=$1 why=$2
	DOWNS=$(probe_status a '(.data.downs | tostring) + " " + (.control.downs | tostring)')
	shift 2
	"$@"
	wait_until "$limit_s" "the links to go down by $why" links_have_fallen
}
links_have_fallen() {
	[ "$(probe_status a .data.downs)" -gt "${DOWNS% *}" ] && [ "$(probe_status a .control.downs)" -gt "${DOWNS#* }" ]
}
probe_says_more() {
	[ "$(probe_status a .data.received_bytes)" -gt $((CARRIED_A + 100000)) ] &&
		[ "$(probe_status b .data.received_bytes)" -gt $((CARRIED_B + 100000)) ]
}
# What has come since is right, and something has.
links_carry() {
	CARRIED_A=$(probe_status a .data.received_bytes)
	CARRIED_B=$(probe_status b .data.received_bytes)
	wait_until 20 "bytes in both directions ($*)" probe_says_more
	[ "$(probe_status a .data.wrong_bytes) $(probe_status b .data.wrong_bytes)" = "0 0" ] || die "wrong bytes came ($*)"
}
