#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A forwarder whose target is what a file says: initiators follow a volume from one appliance to the other.

    switch_proxy.py LISTEN_PORT TARGET_FILE

TARGET_FILE holds "ADDRESS PORT", or nothing: then nobody gets through. When it changes, all connections are cut.
"""
import selectors
import socket
import sys


def target_of(path):
    try:
        words = open(path).read().split()
    except OSError:
        return None
    return (words[0], int(words[1])) if len(words) == 2 else None


class Proxy:
    def __init__(self, port, path):
        self.path = path
        self.target = target_of(path)
        self.sel = selectors.DefaultSelector()
        self.pairs = {}
        self.listener = socket.create_server(("127.0.0.1", port))
        self.sel.register(self.listener, selectors.EVENT_READ)

    def drop(self, s):
        other = self.pairs.pop(s, None)
        for each in (s, other):
            if each is None:
                continue
            self.pairs.pop(each, None)
            try:
                self.sel.unregister(each)
            except (KeyError, ValueError):
                pass
            each.close()

    def accept(self):
        a, _ = self.listener.accept()
        try:
            b = socket.create_connection(self.target, timeout=2) if self.target else None
        except OSError:
            b = None
        if b is None:
            a.close()
            return
        for s in (a, b):
            s.settimeout(20)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sel.register(s, selectors.EVENT_READ)
        self.pairs[a], self.pairs[b] = b, a

    def turn(self):
        for key, _ in self.sel.select(timeout=0.05):
            s = key.fileobj
            if s is self.listener:
                self.accept()
                continue
            if s not in self.pairs:
                continue
            try:
                data = s.recv(1 << 18)
                if data:
                    self.pairs[s].sendall(data)
                    continue
            except OSError:
                pass
            self.drop(s)
        now = target_of(self.path)
        if now != self.target:
            self.target = now
            for s in list(self.pairs):
                self.drop(s)


def main():
    proxy = Proxy(int(sys.argv[1]), sys.argv[2])
    print("switch_proxy listens", flush=True)
    while True:
        proxy.turn()


main()
