#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fault_proxy.py LISTEN-ADDRESS PORT TO-ADDRESS TO-PORT MODE-FILE [RECORD-FILE] - a TCP proxy that does what MODE-FILE
says; the file is looked at every 20 ms, and its words are one of

    pass                       carries everything
    delay MS [MS]              every byte comes MS later, up to the second number more
    rate BYTES_PER_S           each direction, each connection
    hold                       half-open: nothing passes in either direction, nothing is closed, nobody is told
    oneway up | oneway down    as hold, but only what the dialer (up) or the listener (down) sends still passes
    cut                        every connection is reset; new ones are carried
    refuse                     every connection is reset, and new ones are, at once
    garble N                   one bit in about N bytes is turned over
    truncate N                 each direction carries N bytes more, then the connection ends

RECORD-FILE gets what the first dialer says, byte by byte. SIGTERM ends it.
"""
import asyncio
import os
import random
import socket
import struct
import sys
import time

PIECE = 262144
LOOK_S = 0.02


class Proxy:
    def __init__(self, to, mode_file, record_file):
        self.to = to
        self.mode_file = mode_file
        self.record = open(record_file, "wb") if record_file else None
        self.words = ["pass"]
        self.changed = asyncio.Event()
        self.writers = set()

    def read_mode(self):
        try:
            with open(self.mode_file) as f:
                return f.read().split() or ["pass"]
        except OSError:
            return ["pass"]

    async def watch(self):
        while True:
            words = self.read_mode()
            if words != self.words:
                self.words = words
                self.changed.set()
                self.changed = asyncio.Event()
                if words[0] in ("cut", "refuse"):
                    self.reset_all()
            await asyncio.sleep(LOOK_S)

    def reset_all(self):
        for writer in list(self.writers):
            reset(writer)

    def may_pass(self, direction):
        return not (self.words[0] == "hold" or (self.words[0] == "oneway" and self.words[1] != direction))

    async def wait_until_it_may_pass(self, direction):
        while not self.may_pass(direction):
            await self.changed.wait()

    def spoil(self, data):
        if self.words[0] != "garble":
            return data
        data = bytearray(data)
        for _ in range(max(1, len(data) // int(self.words[1])) if random.random() < len(data) / int(self.words[1]) else 0):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        return bytes(data)

    def delay_s(self):
        if self.words[0] != "delay":
            return 0
        more = float(self.words[2]) if len(self.words) > 2 else 0
        return (float(self.words[1]) + random.uniform(0, more)) / 1000

    async def read_side(self, reader, queue, direction, record):
        left = None
        while data := await reader.read(PIECE):
            if record:
                record.write(data)
                record.flush()
            if self.words[0] == "truncate":
                left = int(self.words[1]) if left is None else left
                data = data[:left]
                left -= len(data)
            if data:
                await queue.put((time.monotonic() + self.delay_s(), self.spoil(data)))
            if left == 0:  # whatever the mode is by now: the rest of this piece is gone
                break
        await queue.put((0, b""))

    async def write_side(self, writer, queue, direction):
        next_s = 0
        while True:
            due, data = await queue.get()
            if not data:
                break
            await asyncio.sleep(max(0, due - time.monotonic()))
            await self.wait_until_it_may_pass(direction)
            if self.words[0] == "rate":
                next_s = max(next_s, time.monotonic()) + len(data) / float(self.words[1])
                await asyncio.sleep(max(0, next_s - time.monotonic()))
            writer.write(data)
            await writer.drain()

    async def carry(self, reader, writer, direction, record=None):
        queue = asyncio.Queue(16)  # bounded: a reader that waits makes the sender wait
        if self.words[0] == "delay":
            queue = asyncio.Queue(4096)
        tasks = [asyncio.create_task(self.read_side(reader, queue, direction, record)),
                 asyncio.create_task(self.write_side(writer, queue, direction))]
        try:
            await asyncio.gather(*tasks)
        except OSError:
            pass
        finally:
            for task in tasks:
                task.cancel()
            reset(writer)

    async def serve(self, reader, writer):
        if self.words[0] == "refuse":
            reset(writer)
            return
        record, self.record = self.record, None
        try:
            # Half-open: the dialer's TCP stands, and nothing is behind it.
            await self.wait_until_it_may_pass("up")
            far_reader, far_writer = await asyncio.open_connection(*self.to)
        except OSError:
            reset(writer)
            return
        for w in (writer, far_writer):
            w.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.writers.add(w)
        up = asyncio.create_task(self.carry(reader, far_writer, "up", record))
        down = asyncio.create_task(self.carry(far_reader, writer, "down"))
        await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        for task in (up, down):
            task.cancel()
        for w in (writer, far_writer):
            self.writers.discard(w)
            reset(w)


def reset(writer):
    """RST instead of FIN, and at once."""
    sock = writer.get_extra_info("socket")
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except (OSError, AttributeError):
        pass
    writer.transport.abort()


async def main():
    address, port, to_address, to_port, mode_file = sys.argv[1:6]
    proxy = Proxy((to_address, int(to_port)), mode_file, sys.argv[6] if len(sys.argv) > 6 else None)
    proxy.words = proxy.read_mode()
    server = await asyncio.start_server(proxy.serve, address, int(port), limit=PIECE, reuse_address=True)
    print(f"fault_proxy: {address}:{port} in front of {to_address}:{to_port}, pid {os.getpid()}", flush=True)
    async with server:
        await proxy.watch()


asyncio.run(main())
