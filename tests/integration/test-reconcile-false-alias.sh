#!/bin/bash
# SPDX-License-Identifier: MIT
# An initiator's alias may hold newlines, and with them lines that look like tgtd's own: another target, another number
# of the connection, another address. None of them keeps its session alive once its host is not allowed any more.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$ROOT/tests/lib/appliance.sh"

NAME_OF_EVE=iqn.2026-01.test.client:eve
is_said() { grep -qx "$1" "$T/eve.log"; }

# log_in ALIAS  eve comes to volume v1 with it
log_in() {
	: >"$T/eve.log"
	start_bg eve timeout 60 python3 "$ROOT/tests/tools/iscsi_login.py" "$PORTAL_PORT" "$iqn" "$NAME_OF_EVE" "$1"
	wait_until 10 "eve to be logged in" is_said in
}

start_appliance
volume_make v1 16777216
volume_make v2 16777216
host_make eve "$NAME_OF_EVE"
iqn=$(api_ok GET /volumes/v1 | jq -r .target.iqn)
other=$(api_ok GET /volumes/v2 | jq -r .target.iqn)

connection='x\n            Connection: 7'
for alias in \
	'x\nTarget 9: iqn.2026-01.x:y' \
	"$connection" \
	"$connection"'\n                IP Address: 127.0.0.1\n    LUN information:\nTarget 2: '"$other"'\n    I_T nexus information:\n    LUN information:'; do
	api_ok PUT /volumes/v1/access '{"hosts":["eve"]}' >/dev/null
	task_done
	log_in "$alias"
	api_ok PUT /volumes/v1/access '{"hosts":[]}' >/dev/null
	TASK_LIMIT_S=20 task_done
	wait_until 10 "eve's session to end after: $alias" is_said out
	wait_bg eve 10
done

# An address that the alias says is nobody's address.
api_ok PATCH /hosts/eve '{"addresses":["192.0.2.1"]}' >/dev/null
api_ok PUT /volumes/v1/access '{"hosts":["eve"]}' >/dev/null
task_done
log_in 'x\n                IP Address: 192.0.2.1'
api_ok GET /iscsi-sessions >/dev/null # who looks makes the reconciler look
wait_until 20 "eve's session from a wrong address to end" is_said out
wait_bg eve 10
settled
policyd_stop
note "an alias hides nothing"
