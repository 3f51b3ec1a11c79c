#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/openapi.yaml says what it must about every route, and its own examples are right.
set -euo pipefail
exec /usr/bin/python3 "${0%.sh}.py"
