#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# A policy is cloned, edited and applied to a volume under load in the browser; its throttling is seen while it
# happens, a new version is seen to be out of date and then applied, and refusals say why.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$ROOT/tests/lib/appliance.sh"
# shellcheck source=tests/lib/console.sh
. "$ROOT/tests/lib/console.sh"

console_start
console_datastores
host_make esx-01 "$CLIENT_IQN"
volume_make bronze $((128 * 1048576)) '"hosts":["esx-01"]'
console_load b bronze --depth 8 # more than the limit also on a busy machine
expect_error nonexistent
browse policy
