#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# Secrets reach sluice by files, standard input, the environment or a prompt without echo, are never in its
# arguments, and what cannot be undone asks for the name.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$HERE/appliance.sh"

start_appliance
timeout -k 2 70 /usr/bin/python3 "${0%.sh}.py" "$B/bin/sluice" "$POLICYD_SOCKET" "$T"
