#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 1800 s
#
# Every view on an appliance that has something of everything, under load: no error, no finding of axe in either theme,
# nothing wider than a narrow screen. SHOTS=1: all in both widths and themes, with pictures in build/console-shots.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$ROOT/tests/lib/appliance.sh"
# shellcheck source=tests/lib/console.sh
. "$ROOT/tests/lib/console.sh"

console_start
console_seed
console_load gold gold
console_load silver silver
BROWSE_LIMIT_S=580 browse views ${SHOTS:+shots}
