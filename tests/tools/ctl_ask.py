#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ctl_ask.py SOCKET JSON... - sends requests of the control protocol (include/wire/ctl.h) at once, prints their answers.

Answers come in the order of the requests, one line each.
"""
import json
import socket
import struct
import sys

HEADER = struct.Struct("=IHHII")
MAGIC = 0x4C544353


def receive(s, size):
    data = b""
    while len(data) < size:
        piece = s.recv(size - len(data))
        if not piece:
            sys.exit("the connection has ended")
        data += piece
    return data


s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
for number, text in enumerate(sys.argv[2:], 1):
    body = text.encode()
    s.sendall(HEADER.pack(MAGIC, 1, 1, number, len(body)) + body)
answers = {}
while len(answers) < len(sys.argv) - 2:
    magic, version, kind, number, size = HEADER.unpack(receive(s, HEADER.size))
    answers[number] = json.loads(receive(s, size))
    if number == 0:
        sys.exit(json.dumps(answers[0]))
for number in sorted(answers):
    print(json.dumps(answers[number]))
