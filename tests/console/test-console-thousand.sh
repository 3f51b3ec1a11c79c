#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# A thousand volumes in the list of the console. VOLUMES=1000; they are offline, which the list does not care about.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$ROOT/tests/lib/appliance.sh"
# shellcheck source=tests/lib/console.sh
. "$ROOT/tests/lib/console.sh"
VOLUMES=${VOLUMES:-1000}
TASK_LIMIT_S=400

console_start
api_ok POST /datastores '{"name":"main","type":"mem"}' >/dev/null
task_done
jq -n --argjson n "$VOLUMES" '{format: 1, volumes: [range($n) | {name: "v\(.)", datastore: "main", size_bytes: 16777216,
	desired_state: "offline", description: "number \(.)"}]}' >"$T/bulk.json"
api_ok POST /config/apply @"$T/bulk.json" >/dev/null
task_done
browse thousand "$VOLUMES"
