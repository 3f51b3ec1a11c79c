#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
#
# Who may not is refused on every route of docs/openapi.yaml, who may is not, and each attempt to change something
# leaves its audit row: without a token, with garbage, with an expired one, as viewer, operator and admin, with a
# session but without its CSRF token, and from another origin.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$HERE/appliance.sh"

start_appliance web
timeout -k 2 200 /usr/bin/python3 "${0%.sh}.py" "$POLICYD_SOCKET" "$RUN_DIR/policyd-web.sock" "$T/policy/sluice.db" "$WEB_PORT"
