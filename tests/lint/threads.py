#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""threads.py - clang checks the thread roles of common/role.h over all sources, with each unit's own flags.

Reads compile_commands.json; gcc's flags that clang does not know are left out. Test programs are not checked: with one
thread they play every role.
"""
import concurrent.futures
import json
import os
import subprocess
import sys


def flags_for_clang(words):
    kept = []
    for before, word in zip([""] + words, words):
        if word.startswith(("-I", "-D", "-std", "-isystem", "-include")) or before in ("-isystem", "-include"):
            kept.append(word)
    return kept


def check(entry):
    command = ["clang", "-fsyntax-only", "-pthread", "-Wno-everything", "-Wthread-safety", "-Werror=thread-safety",
               *flags_for_clang(entry["arguments"][1:]), entry["file"]]
    r = subprocess.run(command, capture_output=True, text=True, check=False)
    return r.stderr if r.returncode else ""


def main():
    with open("compile_commands.json") as f:
        entries = [e for e in json.load(f) if not e["file"].startswith("tests/")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [text for text in pool.map(check, entries) if text]
    for text in dict.fromkeys(faults):
        print(text, end="")
    return 1 if faults else 0


sys.exit(main())
