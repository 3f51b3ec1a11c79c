#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 900 s
#
# bench_policy.sh [--smoke] - what the policy plane costs: volumes made one by one and in one document, a boot with
# all of them, tgtd's restart; time, CPU of each daemon, memory of policyd. Prints a table; judges nothing.
#
#   VOLUMES=500     in the document; --smoke: 20
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"
VOLUMES=${VOLUMES:-500}
ONE_BY_ONE=20
[ "${1:-}" != --smoke ] || VOLUMES=20
TASK_LIMIT_S=300

ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
cpu_ms() { echo $((($(ticks "$1") - $2) * 1000 / $(getconf CLK_TCK))); }
memory_mib() { awk '/^VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/${PID_OF[policyd]}/status"; }
all_back() {
	[ "$(adm a --op show --mode target 2>/dev/null | grep -c '^Target ')" -ge "$1" ]
}
line() { printf '%-44s %10s ms  %8s ms CPU of policyd\n' "$1" "$2" "$3"; }

document() {
	jq -n --argjson n "$1" '{format: 1, volumes: [range($n) | {name: "bulk-\(.)", datastore: "main",
		size_bytes: 1073741824, hosts: ["client"], policy: "observe"}]}'
}

start_appliance
# The bundled policies come when filterd's filters are known.
wait_until 20 "the policy observe" curl -sf --unix-socket "$POLICYD_SOCKET" http://localhost/api/v1/policies/observe
host_make client "$INITIATOR"
printf 'empty appliance: policyd has %s MiB\n' "$(memory_mib)"

at=$(ticks "${PID_OF[policyd]}") from=$(now_ms)
for ((i = 0; i < ONE_BY_ONE; i++)); do
	api_ok POST /volumes "{\"name\":\"one-$i\",\"datastore\":\"main\",\"size_bytes\":1073741824,\"hosts\":[\"client\"]}" >/dev/null
	task_done
done
line "$ONE_BY_ONE volumes one by one, each waited for" $(($(now_ms) - from)) "$(cpu_ms "${PID_OF[policyd]}" "$at")"

document "$VOLUMES" >"$T/bulk.json"
at=$(ticks "${PID_OF[policyd]}") from=$(now_ms)
api_ok POST /config/apply @"$T/bulk.json" >/dev/null
answered=$(($(now_ms) - from))
task_done
settled
line "$VOLUMES volumes in one document: answered" "$answered" "-"
line "$VOLUMES volumes in one document: all reachable" $(($(now_ms) - from)) "$(cpu_ms "${PID_OF[policyd]}" "$at")"
printf 'with %s volumes: policyd has %s MiB, its database %s bytes\n' $((VOLUMES + ONE_BY_ONE)) "$(memory_mib)" \
	"$(stat -c %s "$T"/policy/*.db | awk '{ s += $1 } END { print s }')"

policyd_stop
from=$(now_ms)
policyd_start
settled
line "policyd started again: agrees" $(($(now_ms) - from)) "$(cpu_ms "${PID_OF[policyd]}" 0)"

at=$(ticks "${PID_OF[policyd]}")
tgtd_kill a
from=$(now_ms)
tgtd_start a
wait_until 120 "all targets" all_back $((VOLUMES + ONE_BY_ONE))
line "tgtd started again: all targets are back" $(($(now_ms) - from)) "$(cpu_ms "${PID_OF[policyd]}" "$at")"

at=$(ticks "${PID_OF[policyd]}")
sleep 10
line "10 s of nothing" 10000 "$(cpu_ms "${PID_OF[policyd]}" "$at")"
