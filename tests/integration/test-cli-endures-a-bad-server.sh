#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# sluice against a server that answers garbage, half answers, pages, failing tasks and text that would drive a
# terminal: it ends with a sentence and the right exit code each time.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
exec timeout -k 2 80 /usr/bin/python3 "${0%.sh}.py" "$root/build/${VARIANT:-release}/bin/sluice"
