#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""memory_search.py [--unfiltered] PID NEEDLE-FILE... - is a needle in what a core file of that process would hold?

Walks every mapping that is not left out of cores (no "dd" among its VmFlags, and no kind that the process's
coredump_filter leaves out, but with --unfiltered) through /proc/PID/mem. Prints the mappings that hold a needle,
status 1; says how much was searched otherwise.
"""
import re
import sys

STEP = 8 << 20


# Bits of coredump_filter, core(5). What was written to a private mapping of a file is anonymous, so such a one counts
# as both.
ANON_PRIVATE, ANON_SHARED, FILE_PRIVATE, FILE_SHARED = 1, 2, 4, 8


def kinds(flags, name):
    is_file = name.startswith("/") and not name.startswith(("/memfd:", "/dev/zero"))
    if flags[3] == "s":
        return FILE_SHARED if is_file else ANON_SHARED
    return ANON_PRIVATE | FILE_PRIVATE if is_file else ANON_PRIVATE


def dumped_kinds(pid):
    with open(f"/proc/{pid}/coredump_filter") as f:
        return int(f.read(), 16)


def mappings(pid, dumped):
    with open(f"/proc/{pid}/smaps") as f:
        at = None
        for line in f:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line)
            if head:
                at = (int(head[1], 16), int(head[2], 16), head[3], head[4])
            elif line.startswith("VmFlags:") and at[2].startswith("r") and " dd" not in line:
                if at[3] not in ("[vvar]", "[vvar_vclock]", "[vsyscall]") and kinds(at[2], at[3]) & dumped:
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
    args = sys.argv[1:]
    dumped = ~0
    if args[0] == "--unfiltered":
        args = args[1:]
    else:
        dumped = dumped_kinds(int(args[0]))
    pid, files = int(args[0]), args[1:]
    needles = [open(f, "rb").read() for f in files]
    total, found = 0, False
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for start, end, flags, name in mappings(pid, dumped):
            total += end - start
            i = search(mem, start, end, needles)
            if i is not None:
                found = True
                print(f"{files[i]} is in {start:x}-{end:x} {flags} {name}")
    if found:
        sys.exit(1)
    print(f"{total >> 20} MiB of process {pid} searched")


main()
