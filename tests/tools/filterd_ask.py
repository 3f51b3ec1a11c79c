#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""filterd_ask.py SOCKET JSON [FILE|-] - one request of the control protocol, a descriptor with it if one is named.

FILE is opened for reading if it exists, else made for writing; "-" passes standard input or output on,
whichever is no terminal. Prints the answer as JSON; exit 1 when it is an error.
"""
import array
import json
import os
import socket
import struct
import sys

HEADER = struct.Struct("=IHHII")
MAGIC = 0x4C544353
REQUEST = 1


def receive(sock, size):
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            sys.exit("the connection ended before the answer")
        data += piece
    return data


def open_named(name):
    if name == "-":
        return 1 if sys.stdin.isatty() or os.fstat(0).st_rdev == os.stat("/dev/null").st_rdev else 0
    if os.path.exists(name):
        return os.open(name, os.O_RDONLY)
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)


def main():
    body = sys.argv[2].encode()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(30)
    sock.connect(sys.argv[1])
    frame = HEADER.pack(MAGIC, 1, REQUEST, 1, len(body)) + body
    extra = []
    if len(sys.argv) > 3:
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [open_named(sys.argv[3])]))]
    sock.sendmsg([frame], extra)
    size = HEADER.unpack(receive(sock, HEADER.size))[4]
    answer = json.loads(receive(sock, size))
    print(json.dumps(answer))
    return 0 if answer.get("ok") else 1


if __name__ == "__main__":
    sys.exit(main())
