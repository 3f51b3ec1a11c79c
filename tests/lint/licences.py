#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""licences.py - one SPDX line at the head of each source file: GPL-2.0-only in target/, MIT elsewhere.

target/ is one work with tgtd; everything else must not be. Tests that compile the module itself, and the stand-in
for tgtd that they need, are part of that work. No licence texts in files.
"""
import re
import sys

import source

ENDS = (".c", ".h", ".def", ".mk", ".sh", ".py", ".pml", ".sql", ".js", ".mjs", ".css", "Makefile", ".ci/run")

OF_THE_MODULE = re.compile(r"tests/(lib/tgt_stub|ring/client/test_module_)\w*\.[ch]$")


def main():
    findings = []
    for path in source.files(*ENDS):
        want = "GPL-2.0-only" if path.startswith("target/") or OF_THE_MODULE.match(path) else "MIT"
        head = source.read(path).split("\n")[:2]
        # A script's first line belongs to the kernel.
        line = head[1] if head[0].startswith("#!") and len(head) > 1 else head[0]
        tag = f"SPDX-License-Identifier: {want}"
        if not line.rstrip(" */").endswith(tag):
            findings.append(f"{path}:1: the first line must say {tag}")
    return source.report(findings)


sys.exit(main())
