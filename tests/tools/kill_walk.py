#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill_walk.py SIDECAR PARENT KILLS - kill -9 of filterd's child, again and again, while a walk of the encryption filter goes on.

Looks at the sidecar "reencrypt" (filterd/filters/encryption/reencrypt_record.h): the next kill waits until the child after
the last one has written a record, so each walk gets somewhere. Every other kill then waits until a zone is half copied (its
journal is on stable storage, the zone itself is being written), the rest for a moment by chance. Ends when the walk has
ended. Prints {"kills": N, "copying": N}.
"""
import json
import os
import random
import signal
import struct
import sys
import time

RECORD = struct.Struct("<IHBB16sQQQQ")
RECORD_BYTES = 4096
MAGIC, COPYING, DONE = 0x454E4352, 2, 3
LIMIT_S = 60


def newest(path):
    """(sequence, state) of the newest record; None: the walk is over."""
    best = (0, 0)
    try:
        with open(path, "rb") as f:
            pages = f.read(2 * RECORD_BYTES)
    except FileNotFoundError:
        return None
    for at in (0, RECORD_BYTES):
        if len(pages) < at + RECORD.size:
            continue
        magic, _version, _kind, state, _volume, sequence = RECORD.unpack_from(pages, at)[:6]
        if magic == MAGIC:
            best = max(best, (sequence, state))
    return None if best[1] == DONE else best


def child_of(parent):
    with open(f"/proc/{parent}/task/{parent}/children") as f:
        pids = f.read().split()
    return int(pids[0]) if pids else 0


def wait_for(what, seconds):
    """Whatever what() says that is true; None after that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        said = what()
        if said:
            return said
        time.sleep(0.0005)
    return None


def kill_one(path, parent, is_aimed):
    """Kills; True if a zone was half copied. None: the walk is over."""

    def is_over():
        return newest(path) is None

    if is_aimed:
        wait_for(lambda: is_over() or newest(path)[1] == COPYING, 1)
    else:
        wait_for(is_over, random.random() / 10)
    pid = wait_for(lambda: child_of(parent), LIMIT_S)
    found = newest(path)
    if found is None or not pid:
        return None
    os.kill(pid, signal.SIGKILL)
    return found[1] == COPYING


def main():
    path, parent, wanted = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    done = {"kills": 0, "copying": 0}
    while done["kills"] < wanted:
        found = newest(path)
        was_copying = found and kill_one(path, parent, done["kills"] % 2 == 1)
        if found is None or was_copying is None:
            break
        done["kills"] += 1
        done["copying"] += was_copying
        sequence = (newest(path) or found)[0]
        if not wait_for(lambda: newest(path) is None or newest(path)[0] > sequence, LIMIT_S):
            sys.exit(f"kill_walk.py: no record in {LIMIT_S} s after kill {done['kills']}")
    print(json.dumps(done))


main()
