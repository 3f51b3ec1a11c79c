#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""files_hold.py NEEDLE PATH...: prints each file, of these or below them, that holds NEEDLE's bytes; exits 1 if none does.

A key is no text: grep takes a newline in it for the end of a pattern, and then finds what is not there, or nothing.
"""
import mmap
import os
import stat
import sys


def files_below(path):
    if not os.path.isdir(path):
        yield path
    for folder, _, names in os.walk(path):
        yield from (os.path.join(folder, name) for name in names)


def holds(path, needle):
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode) or os.path.getsize(path) == 0:
            return False
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            return view.find(needle) >= 0
    except FileNotFoundError:  # daemons run beside this
        return False


def main():
    with open(sys.argv[1], "rb") as file:
        needle = file.read()
    assert len(needle) >= 8, "too short to say anything"
    found = [path for top in sys.argv[2:] for path in files_below(top) if holds(path, needle)]
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(0 if found else 1)


main()
