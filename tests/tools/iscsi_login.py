#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A login at an iSCSI target with an alias of any bytes, without CHAP; real initiators do not let one choose them.

usage: iscsi_login.py PORT TARGET-IQN INITIATOR-IQN ALIAS     (\\n in ALIAS is a newline)

Prints "in" when it is logged in, and "out" when the target ends the connection; ends with status 1 when the login is
refused.
"""
import socket
import struct
import sys

port, target, initiator, alias = sys.argv[1:5]
keys = {"InitiatorName": initiator, "InitiatorAlias": alias.replace("\\n", "\n"), "TargetName": target, "SessionType": "Normal",
        "AuthMethod": "None", "HeaderDigest": "None", "DataDigest": "None"}
text = b"".join(f"{k}={v}".encode() + b"\0" for k, v in keys.items())
head = bytearray(48)
head[0] = 0x43  # login, immediate
head[1] = 0x87  # transit, operational negotiation to full feature phase
head[5:8] = len(text).to_bytes(3, "big")
head[8:14] = b"\x80\x12\x34\x56\x00\x01"
struct.pack_into(">I", head, 16, 1)
s = socket.create_connection(("127.0.0.1", int(port)), 10)
s.sendall(bytes(head) + text + b"\0" * (-len(text) % 4))
answer = b""
while len(answer) < 48:
    piece = s.recv(48 - len(answer))
    if not piece:
        sys.exit("the target ended the connection at the login")
    answer += piece
if answer[36] != 0:
    sys.exit(f"refused: status {answer[36]:#x} {answer[37]:#x}")
print("in", flush=True)
s.settimeout(None)
try:
    while s.recv(4096):
        pass
except OSError:
    pass
print("out", flush=True)
