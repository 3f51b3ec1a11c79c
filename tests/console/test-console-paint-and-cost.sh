#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# What the dashboard costs: its first paint in a browser, and twenty open ones in webd and policyd. The last is
# reported, not judged: the machine may be busy with other things.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$ROOT/tests/lib/appliance.sh"
# shellcheck source=tests/lib/console.sh
. "$ROOT/tests/lib/console.sh"
BROWSERS=${BROWSERS:-20}
SECONDS_EACH=${SECONDS_EACH:-20}

ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
# cost NAME  what webd and policyd take for the next seconds, in hundredths of a percent of a core
cost() {
	local web policy
	web=$(ticks "${PID_OF[webd]}") policy=$(ticks "${PID_OF[policyd]}")
	sleep "$SECONDS_EACH"
	web=$(($(ticks "${PID_OF[webd]}") - web)) policy=$(($(ticks "${PID_OF[policyd]}") - policy))
	COST=$(((web + policy) * 10000 / SECONDS_EACH / $(getconf CLK_TCK)))
	note "$1: webd $((web * 1000 / SECONDS_EACH / $(getconf CLK_TCK))), policyd $((policy * 1000 / SECONDS_EACH / $(getconf CLK_TCK))) tenths of a percent of a core"
}

console_start
console_datastores
console_policies_plain
host_make esx-01 "$CLIENT_IQN"
volume_make silver 67108864 '"hosts":["esx-01"],"policy":"limited"'
browse paint
console_load s silver --depth 1
cost "nobody looks"
idle=$COST
# One user has eight streams at most.
for i in $(seq "$BROWSERS"); do
	[ $((i % 8)) != 1 ] || token=$(api_ok POST /tokens "{\"name\":\"watch$i\",\"role\":\"viewer\",\"expires_in_s\":3600}" | jq -r .token)
	start_bg "stream$i" timeout 120 curl -sSkN -o "$T/stream$i" -H "Authorization: Bearer $token" \
		"https://127.0.0.1:$WEB_PORT/api/v1/stream?topics=events,tasks,figures,alerts"
done
told() { [ "$(grep -c '^event: figures' "$T/stream$BROWSERS")" -ge 2 ]; }
wait_until 20 "the streams to tell" told
cost "$BROWSERS browsers look"
note "$BROWSERS browsers cost $(((COST - idle) / 100)).$(printf %02d $(((COST - idle) % 100))) % of a core in webd and policyd together (goal: 2 %)"
[ "$COST" -lt $((idle + 2000)) ] || die "twenty browsers cost more than 20 % of a core"
