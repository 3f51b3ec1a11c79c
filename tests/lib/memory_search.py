#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""memory_search.py PID NEEDLE-FILE... - is a needle in what a core file of that process would hold?

Walks every mapping that is not left out of cores (no "dd" among its VmFlags) through /proc/PID/mem. Prints the
mappings that hold a needle, status 1; says how much was searched otherwise.
"""
import re
import sys

STEP = 8 << 20


def mappings(pid):
    with open(f"/proc/{pid}/smaps") as f:
        at = None
        for line in f:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line)
            if head:
                at = (int(head[1], 16), int(head[2], 16), head[3], head[4])
            elif line.startswith("VmFlags:") and at[2].startswith("r") and " dd" not in line:
                if at[3] not in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
                    yield at


def search(mem, start, end, needles):
    keep = max(map(len, needles)) - 1
    tail = b""
    for at in range(start, end, STEP):
        mem.seek(at)
        try:
            data = tail + mem.read(min(STEP, end - at))
        except OSError:
            return None
        for i, needle in enumerate(needles):
            if needle in data:
                return i
        tail = data[-keep:] if keep else b""
    return None


def main():
    pid, files = int(sys.argv[1]), sys.argv[2:]
    needles = [open(f, "rb").read() for f in files]
    total, found = 0, False
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for start, end, flags, name in mappings(pid):
            total += end - start
            i = search(mem, start, end, needles)
            if i is not None:
                found = True
                print(f"{files[i]} is in {start:x}-{end:x} {flags} {name}")
    if found:
        sys.exit(1)
    print(f"{total >> 20} MiB of process {pid} searched")


main()
