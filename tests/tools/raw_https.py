#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
r"""raw_https.py PORT JOB... - what no proper client sends, to 127.0.0.1.

  send TEXT...          the texts one after the other (\r, \n, \0, \xNN are understood), prints everything that comes back
                        until the end of the connection or two seconds without a byte
  drip PAUSE_MS TEXT    the text one byte at a time; prints the milliseconds until the server ended the connection
  silent                no TLS handshake; prints the milliseconds until the server ended the connection
  idle COUNT            opens COUNT connections, prints how many finished their handshake
  chaos SEED COUNT      COUNT clients in random states, random bytes changed, many of which vanish in the middle
  slow-read PATH BYTES_PER_S SECONDS   reads an answer slowly; prints the bytes that came
"""
import random
import socket
import ssl
import struct
import sys
import threading
import time

context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def connect(port, limit_s=2.0, receive_bytes=None):
    s = socket.socket()
    if receive_bytes:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    s.settimeout(limit_s)
    s.connect(("127.0.0.1", port))
    return context.wrap_socket(s, server_hostname="localhost")


def bytes_of(text):
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def send(port, *texts):
    s = connect(port)
    try:
        for text in texts:
            s.sendall(bytes_of(text))
        while data := s.recv(65536):
            sys.stdout.buffer.write(data)
    except (TimeoutError, OSError):
        pass


def until_end(s, step):
    from_s = time.monotonic()
    try:
        while step():
            pass
    except OSError:
        pass
    print(round((time.monotonic() - from_s) * 1000))


def drip(port, pause_ms, text):
    s = connect(port, int(pause_ms) / 1000)
    left = list(bytes_of(text))

    def step():
        if left:
            s.sendall(bytes([left.pop(0)]))
        try:
            return bool(s.recv(65536)) # an answer is not the end
        except TimeoutError:
            return True

    until_end(s, step)


def silent(port):
    s = socket.create_connection(("127.0.0.1", port))
    until_end(s, lambda: s.recv(1))


def idle(port, count):
    there = []
    for _ in range(int(count)):
        try:
            there.append(connect(port))
        except OSError:
            pass
    print(len(there))


def slow_read(port, path, bytes_per_s, seconds):
    s = connect(port, 30.0, 8192)
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    end_s, total = time.monotonic() + float(seconds), 0
    while time.monotonic() < end_s:
        data = s.recv(4096)
        if not data:
            break
        total += len(data)
        time.sleep(len(data) / int(bytes_per_s))
    print(total)


CHAOS = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/volumes/a/content?3000000 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/volumes/cut/content?300000 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/hang HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /api/v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\n" + bytes(70000),
    b"PUT /api/v1/volumes/a/content HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000\r\n\r\n" + bytes(400000),
    b"PUT /api/v1/volumes/a/content HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"8000\r\n" + bytes(32768) + b"\r\n" + b"0\r\n\r\n",
    b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 34\r\n\r\n" + b'{"user":"a","password":"right"}   ',
    b"PUT /api/v1/volumes/a/content HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer bad\r\nContent-Length: 90000\r\n\r\n"
    + bytes(90000),
]


def chaos_client(port, r):
    data = bytearray(r.choice(CHAOS) + (r.choice(CHAOS) if r.random() < 0.3 else b""))
    for _ in range(r.choice([0, 0, 1, 5])):
        data[r.randrange(min(len(data), 300))] = r.randrange(256)
    if r.random() < 0.5:
        del data[r.randrange(len(data)):]
    try:
        s = connect(port, 2.0)
    except OSError:
        return
    try:
        s.settimeout(r.uniform(0.05, 0.4))
        s.sendall(data)
        total, most = 0, r.choice([1, 5000, 1 << 30])
        while total < most and (piece := s.recv(65536)):
            total += len(piece)
    except OSError:
        pass
    if r.random() < 0.5: # a reset instead of an orderly end
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def chaos(port, seed, count):
    def run(number):
        r = random.Random(f"{seed}.{number}")
        for _ in range(int(count) // 10):
            chaos_client(port, r)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


JOBS = {"send": send, "drip": drip, "silent": silent, "idle": idle, "chaos": chaos, "slow-read": slow_read}
JOBS[sys.argv[2]](int(sys.argv[1]), *sys.argv[3:])
