#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 200 s
#
# Rights, the end of a session, restarts of every daemon under an open page, and the keyboard.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$ROOT/tests/lib/appliance.sh"
# shellcheck source=tests/lib/console.sh
. "$ROOT/tests/lib/console.sh"

end_sessions() {
	local id
	for id in $(api_ok GET /sessions | jq '.items[].id'); do
		api_ok DELETE "/sessions/$id" >/dev/null
	done
}
# What the browser's test asks for by a file.
do_as_asked() {
	case $1 in
	sessions) end_sessions ;;
	policyd)
		policyd_kill
		policyd_start
		;;
	webd)
		kill_bg webd TERM
		webd_start --rate 2000 --attempts 1000
		;;
	filterd)
		kill -KILL "$(filterd_child)"
		wait_until 20 "filterd to be back" ctl status
		;;
	*) die "nobody knows how to do '$1'" ;;
	esac
}
until_over() {
	while is_running browser; do
		if [ -s "$T/asked" ]; then
			what=$(cat "$T/asked")
			rm "$T/asked"
			do_as_asked "$what"
			touch "$T/answered"
		fi
		sleep 0.1
	done
}

console_start
console_datastores
console_policies_plain
host_make esx-01 "$CLIENT_IQN"
volume_make silver $((64 * 1048576)) '"hosts":["esx-01"],"policy":"limited"'
console_load s silver --depth 1
expect_error 'ended by signal 9'
browse session >"$T/browser.log" 2>&1 &
PID_OF[browser]=$!
until_over
wait_bg browser 5
cat "$T/browser.log"
[ "$RC" = 0 ] || die "see above"
