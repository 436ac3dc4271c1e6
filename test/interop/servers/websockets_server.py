"""Python's websockets as an echo server: see aiohttp_server.py."""

import asyncio
import sys

import websockets


async def echo(ws, *_):
    if ws.path == "/close":
        await ws.close(4002, "as you wish")
    async for message in ws:
        await ws.send(message)


async def main():
    compression = "deflate" if "--compression" in sys.argv else None
    async with websockets.serve(
        echo,
        "127.0.0.1",
        0,
        max_size=None,
        compression=compression,
        subprotocols=["chat.v1", "chat.v2"],
        select_subprotocol=lambda offered, known: next((p for p in offered if p in known), None),
    ) as server:
        print("listening on", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
