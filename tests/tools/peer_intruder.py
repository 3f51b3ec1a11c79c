#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""peer_intruder.py ADDRESS PORT WHAT [FILE] - comes to the port for peers as one that has no business there.

    replay FILE     says byte by byte what a peer once said (fault_proxy.py recorded it)
    tls12           offers TLS 1.2 at most
    bare            TLS 1.3 without a certificate
    key FILE        TLS 1.3 with the key and certificate in FILE, and asks for a link
    alpn FILE       the same, for a protocol that is not ours
    flood N         N connections that say nothing, held until standard input ends

Prints what came of it in one word: closed (nothing was said to us but TLS), answered (a link's answer came).
"""
import socket
import ssl
import struct
import sys

LIMIT_S = 12


def connect():
    return socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=LIMIT_S)


def drain(s):
    """What is said to us until the end, or None if nothing ends it."""
    data = b""
    try:
        while piece := s.recv(65536):
            data += piece
    except TimeoutError:
        return None
    except OSError:
        pass
    return data


def replay(path):
    s = connect()
    with open(path, "rb") as f:
        data = f.read()
    try:
        s.sendall(data)
    except OSError:
        pass
    return "hangs" if drain(s) is None else "closed"


def context(highest=ssl.TLSVersion.TLSv1_3):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    c.minimum_version = ssl.TLSVersion.TLSv1_2
    c.maximum_version = highest
    c.set_alpn_protocols(["frp/1"])
    return c


def ask(c):
    try:
        s = c.wrap_socket(connect())
        s.sendall(struct.pack("<IBBBB16s40x", 0x484B4E4C, 1, 1, 0, 0, b"link-probe-group"))
    except (ssl.SSLError, OSError):
        return "closed"
    answer = drain(s)
    return "hangs" if answer is None else "answered" if answer else "closed"


def flood(count):
    kept = [connect() for _ in range(count)]
    print("held", len(kept), flush=True)
    sys.stdin.read()
    return "done"


def main():
    what = sys.argv[3]
    if what == "replay":
        return replay(sys.argv[4])
    if what == "tls12":
        return ask(context(ssl.TLSVersion.TLSv1_2))
    if what == "bare":
        return ask(context())
    if what == "flood":
        return flood(int(sys.argv[4]))
    c = context()
    c.load_cert_chain(sys.argv[4])
    if what == "alpn":
        c.set_alpn_protocols(["h2", "http/1.1"])
    return ask(c)


print(main())
