#!/usr/bin/env python3
"""A bad link to a broker: forwards TCP connections, and is now quick, now slow, now silent, now cut.

bad_link.py PORT BROKER_PORT SEED        both on loopback
"""
import asyncio
import random
import sys


class Link:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.state = "quick"
        self.connections = set()

    async def change(self):
        while True:
            self.state = self.random.choice(["quick", "quick", "slow", "silent", "cut"])
            if self.state == "cut":
                for writer in list(self.connections):
                    writer.transport.abort()
            # Silence sometimes lasts until both sides have given the connection up.
            await asyncio.sleep(self.random.uniform(0.3, 6 if self.state == "silent" else 2))

    async def forward(self, reader, writer):
        try:
            while data := await reader.read(65536):
                while self.state == "silent":
                    await asyncio.sleep(0.05)
                if self.state == "slow":
                    await asyncio.sleep(0.02 + len(data) / 1e6)
                writer.write(data)
                await writer.drain()
        except (ConnectionError, OSError):
            pass
        finally:
            writer.close()

    async def connect(self, reader, writer, broker_port):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", broker_port)
        except OSError:
            writer.close()
            return
        both = {writer, far_writer}
        self.connections |= both
        await asyncio.gather(self.forward(reader, far_writer), self.forward(far_reader, writer))
        self.connections -= both


async def main():
    port, broker_port, seed = (int(word) for word in sys.argv[1:4])
    link = Link(seed)
    server = await asyncio.start_server(lambda r, w: link.connect(r, w, broker_port), "127.0.0.1", port)
    async with server:
        await link.change()


asyncio.run(main())
