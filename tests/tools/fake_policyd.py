#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fake_policyd.py SOCKET - answers on a Unix socket what the tests of sluice-webd need to see.

  any path                     what came, as JSON: method, path, headers (a list of pairs), body_bytes, sha256
  POST /api/v1/login           {"user", "password": "right"} -> a session
  POST /api/v1/logout          204
  GET  /api/v1/stream          Server-Sent Events: one at once, then one for each POST /api/v1/poke, heartbeats between
  PUT  /api/v1/volumes/*/content   as any path; "Bearer bad" is refused before the body is read
  GET  /api/v1/volumes/*/content?N N bytes; /api/v1/volumes/cut/content breaks off half-way
  GET  /api/v1/hang            never answers
  GET  /api/v1/exit            ends the whole process in the middle of its answer
"""
import hashlib
import http.server
import json
import os
import socketserver
import sys
import threading

pokes = threading.Condition()
poke_count = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "fake"

    def address_string(self):
        return "unix"

    def log_message(self, text, *args):
        pass

    def handle_expect_100(self):
        if self.headers.get("Authorization") == "Bearer bad":
            self.close_connection = True
            self.send_json(401, {"status": 401, "code": "unauthorized", "title": "Who are you?", "detail": "bad token"},
                           "application/problem+json")
            return False
        return super().handle_expect_100()

    def pieces(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data = self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return
                yield data
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            data = self.rfile.read(min(left, 1 << 16))
            if not data:
                raise ConnectionError
            left -= len(data)
            yield data

    def send_json(self, status, value, kind="application/json", more=()):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, text in more:
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def echo(self):
        digest, size = hashlib.sha256(), 0
        for data in self.pieces():
            digest.update(data)
            size += len(data)
        self.send_json(200, {"method": self.command, "path": self.path, "headers": self.headers.items(), "body_bytes": size,
                             "sha256": digest.hexdigest()},
                       more=[("ETag", '"7"'), ("X-Inner", "secret"), ("Set-Cookie", "inner=1"), ("Keep-Alive", "timeout=9")])

    def login(self):
        asked = json.loads(b"".join(self.pieces()))
        if asked.get("password") != "right":
            self.send_json(401, {"status": 401, "code": "unauthorized", "title": "Who are you?", "detail": "wrong"},
                           "application/problem+json")
            return
        self.send_json(200, {"session": "s" * 43, "csrf_token": "c" * 43, "user": asked["user"], "role": "admin"})

    def stream(self):
        global poke_count
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with pokes:
            seen = poke_count
        number = 0
        while True:
            text = b"data: %d\n\n" % number
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
            number += 1
            with pokes:
                while not pokes.wait_for(lambda: poke_count > seen, timeout=1):
                    self.wfile.write(b"3\r\n:\n\n\r\n") # a heartbeat, as policyd's own
                seen += 1

    def poke(self):
        global poke_count
        for _ in self.pieces():
            pass
        with pokes:
            poke_count += 1
            pokes.notify_all()
        self.send_json(200, {})

    def content(self):
        size = int(self.path.partition("?")[2])
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if "/cut/" in self.path:
            self.wfile.write(bytes(size // 2))
            self.close_connection = True
            return
        block = bytes(range(256)) * 256
        while size:
            n = min(size, len(block))
            self.wfile.write(block[:n])
            size -= n

    def end_process(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half")
        self.wfile.flush()
        os._exit(0)

    def answer(self):
        path = self.path.partition("?")[0]
        special = {
            ("POST", "/api/v1/login"): self.login,
            ("POST", "/api/v1/logout"): lambda: (self.send_response(204), self.end_headers()),
            ("GET", "/api/v1/stream"): self.stream,
            ("POST", "/api/v1/poke"): self.poke,
            ("GET", "/api/v1/hang"): lambda: threading.Event().wait(),
            ("GET", "/api/v1/exit"): self.end_process,
        }.get((self.command, path))
        if not special and self.command == "GET" and path.endswith("/content"):
            special = self.content
        try:
            (special or self.echo)()
        except (BrokenPipeError, ConnectionError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


if os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])
Server(sys.argv[1], Handler).serve_forever()
