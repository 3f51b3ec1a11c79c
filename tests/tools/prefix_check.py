#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes in a known order, and says of an image which of them it holds: a prefix of all, or not.

    prefix_check.py commands SEED COUNT BLOCKS     commands for qemu-io, one write after the other, each acknowledged
    prefix_check.py check SEED COUNT BLOCKS FILE   "prefix N": FILE is as after the first N writes; else exit 1
"""
import random
import sys

BLOCK = 4096


def writes(seed, count, blocks):
    rng = random.Random(seed)
    for n in range(count):
        yield rng.randrange(blocks), n % 255 + 1


def check(seed, count, blocks, path):
    with open(path, "rb") as f:
        data = f.read(blocks * BLOCK)
    have = [data[b * BLOCK:(b + 1) * BLOCK] for b in range(blocks)]
    for b, content in enumerate(have):
        if content.count(content[:1]) != BLOCK:
            sys.exit(f"block {b} is torn")
    have = [content[0] for content in have]
    wrong = sum(1 for value in have if value != 0)
    want = [0] * blocks
    if wrong == 0:
        found = 0
    else:
        found = None
    for n, (block, value) in enumerate(writes(seed, count, blocks), 1):
        wrong += (have[block] != value) - (have[block] != want[block])
        want[block] = value
        if wrong == 0:
            found = n
    if found is None:
        sys.exit("the image is as after no number of writes")
    print("prefix", found)


def main():
    seed, count, blocks = (int(a) for a in sys.argv[2:5])
    if sys.argv[1] == "commands":
        for block, value in writes(seed, count, blocks):
            print(f"write -q -P {value} {block * BLOCK} {BLOCK}")
        print("quit")
    else:
        check(seed, count, blocks, sys.argv[5])


main()
