#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill_in_copy.py SIDECAR PID - kill -9 while a walk of the encryption filter copies a zone.

Looks at the sidecar "reencrypt" (filterd/filters/encryption/reencrypt_record.h) until its newest record says COPYING: the
zone's journal is on stable storage then, the zone itself half written. A walk that rests all the time is killed after a
second as it is. Prints "copying" or "resting".
"""
import os
import signal
import struct
import sys
import time

RECORD = struct.Struct("<IHBB16sQQQQ")
RECORD_BYTES = 4096
MAGIC, COPYING = 0x454E4352, 2


def newest_state(path):
    best = (0, 0)
    try:
        with open(path, "rb") as f:
            pages = f.read(2 * RECORD_BYTES)
    except FileNotFoundError:
        return 0
    for at in (0, RECORD_BYTES):
        if len(pages) < at + RECORD.size:
            continue
        magic, _version, _kind, state, _volume, sequence = RECORD.unpack_from(pages, at)[:6]
        if magic == MAGIC:
            best = max(best, (sequence, state))
    return best[1]


def main():
    path, pid = sys.argv[1], int(sys.argv[2])
    end = time.monotonic() + 1
    state = newest_state(path)
    while state != COPYING and time.monotonic() < end:
        time.sleep(0.0002)
        state = newest_state(path)
    os.kill(pid, signal.SIGKILL)
    print("copying" if state == COPYING else "resting")


main()
