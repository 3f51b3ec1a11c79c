#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kmip_proxy.py PORT TO-PORT MODE-FILE - a TCP proxy on 127.0.0.1 that does what MODE-FILE says, read for every piece:

    pass        carries everything
    slow MS     answers come that much later
    hang        answers do not come
    garble      one bit of each answer is turned over
    cut         an answer ends after 8 bytes, and the connection with it
"""
import asyncio
import sys


def mode():
    with open(sys.argv[3]) as f:
        return f.read().split() or ["pass"]


async def up(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def down(reader, writer):
    while data := await reader.read(65536):
        what = mode()
        if what[0] == "slow":
            await asyncio.sleep(int(what[1]) / 1000)
        elif what[0] == "hang":
            await asyncio.sleep(3600)
        elif what[0] == "garble":
            data = data[:-1] + bytes([data[-1] ^ 1])
        elif what[0] == "cut":
            writer.write(data[:8])
            break
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(reader, writer):
    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    except OSError:
        writer.close()
        return
    await asyncio.gather(up(reader, far_writer), down(far_reader, writer), return_exceptions=True)


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
