"""Tornado as an echo server: see aiohttp_server.py."""

import asyncio
import sys

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler


class Echo(WebSocketHandler):
    def get_compression_options(self):
        return {} if "--compression" in sys.argv else None

    def select_subprotocol(self, subprotocols):
        known = [name for name in subprotocols if name in ("chat.v1", "chat.v2")]
        return known[0] if known else None

    def open(self):
        if self.request.path == "/close":
            self.close(4002, "as you wish")

    async def on_message(self, message):
        await self.write_message(message, binary=isinstance(message, bytes))


async def main():
    application = Application([("/(?:close)?", Echo)], websocket_max_message_size=64 << 20)
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(application).add_sockets(sockets)
    print("listening on", sockets[0].getsockname()[1], flush=True)
    await asyncio.Future()


asyncio.run(main())
