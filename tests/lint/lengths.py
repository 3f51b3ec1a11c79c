#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lengths.py - files of at most 500 lines, functions of fewer than 60, a Makefile of fewer than 400.

A file or function that grows past it usually does two jobs. Prose and generated lists are not counted.
"""
import re
import sys

import source

FILE_MAX = 500
FUNCTION_MAX = 59
MAKEFILE_MAX = 399


def shell_functions(text):
    start = None
    for i, line in enumerate(text.split("\n")):
        m = re.match(r"(\w+)\s*\(\)\s*\{?\s*$", line)
        if m and start is None:
            name, start = m.group(1), i
        elif line == "}" and start is not None:
            yield name, start + 1, i + 1
            start = None


def main():
    findings = []
    for path in source.files(".c", ".h", ".sh", ".py", ".mk", ".pml", "Makefile"):
        text = source.read(path)
        count = text.count("\n")
        limit = MAKEFILE_MAX if path == "Makefile" else FILE_MAX
        if count > limit:
            findings.append(f"{path}:{count}: the file has {count} lines, the limit is {limit}")
        if path.endswith((".c", ".h")):
            parts = source.functions(text)
        elif path.endswith(".sh"):
            parts = shell_functions(text)
        else:
            continue
        for name, first, last in parts:
            if last - first + 1 > FUNCTION_MAX:
                findings.append(f"{path}:{first}: {name}() has {last - first + 1} lines, the limit is {FUNCTION_MAX}")
    return source.report(findings)


sys.exit(main())
