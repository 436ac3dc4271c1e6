"""aiohttp as an echo server: `aiohttp_server.py [--compression]` prints the port that it listens on.

As every server here it takes the subprotocol that the client likes best of those it knows, and at the path /close it
closes with 4002 and a reason at once.
"""

import asyncio
import sys

from aiohttp import WSMsgType, web


async def echo(request):
    ws = web.WebSocketResponse(
        protocols=("chat.v1", "chat.v2"), compress="--compression" in sys.argv, max_msg_size=0
    )
    await ws.prepare(request)
    if request.path == "/close":
        await ws.close(code=4002, message=b"as you wish")
    async for message in ws:
        if message.type == WSMsgType.BINARY:
            await ws.send_bytes(message.data)
        else:
            await ws.send_str(message.data)
    return ws


async def main():
    application = web.Application()
    application.router.add_get("/{path:(close)?}", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("listening on", runner.addresses[0][1], flush=True)
    await asyncio.Future()


asyncio.run(main())
