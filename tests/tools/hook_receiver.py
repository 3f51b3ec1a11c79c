#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hook_receiver.py ADDRESS PORT RECORD [CERTIFICATE KEY] - a webhook's receiver, with and without TLS.

Each request is one JSON line in RECORD: path, headers, body. Paths: /ok; /redirect (to /trap); /status/N; /slow (answers
after ten seconds); /big (a body without end); /hold (answers when RECORD.go exists).
"""
import http.server
import json
import os
import ssl
import sys
import time

record = open(sys.argv[3], "a", encoding="utf-8")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, text, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        print(json.dumps({"path": self.path, "headers": dict(self.headers.items()), "body": body.decode()}), file=record, flush=True)
        status = 200
        if self.path == "/redirect":
            status = 302
        elif self.path.startswith("/status/"):
            status = int(self.path[8:])
        elif self.path == "/slow":
            time.sleep(10)
        while self.path == "/hold" and not os.path.exists(sys.argv[3] + ".go"):
            time.sleep(0.02)
        try:
            self.answer(status)
        except OSError:
            self.close_connection = True

    def answer(self, status):
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/trap")
        if self.path == "/big":
            self.send_header("Content-Length", str(1 << 40))
        else:
            self.send_header("Content-Length", "0")
        self.end_headers()
        while self.path == "/big":
            self.wfile.write(bytes(65536))


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass


server = Server((sys.argv[1], int(sys.argv[2])), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
