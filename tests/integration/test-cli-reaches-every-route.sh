#!/bin/bash
# SPDX-License-Identifier: MIT
# Every route of docs/openapi.yaml is reached by a command of sluice, every member of its body and every query name
# by an argument, and no command sends what the file does not have.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
"$root/build/${VARIANT:-release}/bin/sluice" help --routes | exec /usr/bin/python3 "${0%.sh}.py"
