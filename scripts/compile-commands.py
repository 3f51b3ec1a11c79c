#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compile-commands.py FILE - reads what "make -nB V=1" would run and writes compile_commands.json.

So the database holds exactly the flags and include paths of the build, and needs no tool that watches it.
"""
import json
import os
import shlex
import sys


def main():
    entries = []
    for line in sys.stdin:
        if not line.startswith("gcc ") or " -c " not in line:
            continue
        words = shlex.split(line)
        entries.append({
            "directory": os.getcwd(),
            "file": words[words.index("-c") + 1],
            "output": words[words.index("-o") + 1],
            "arguments": words,
        })
    text = json.dumps(entries, indent=1) + "\n"
    try:
        with open(sys.argv[1]) as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(sys.argv[1], "w") as f:
        f.write(text)


main()
