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
    entries = {}
    with open("compile_commands.json") as f:
        for e in json.load(f):
            # What a simulator's mutations put into a file has no thread of its own: once, as the product has it.
            known = entries.get(e["file"])
            if not e["file"].startswith("tests/") and (not known or len(e["arguments"]) < len(known["arguments"])):
                entries[e["file"]] = e
    if not entries:
        sys.exit("compile_commands.json names no source: rm compile_commands.json, then make lint")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [text for text in pool.map(check, entries.values()) if text]
    for text in dict.fromkeys(faults):
        print(text, end="")
    return 1 if faults else 0


sys.exit(main())
