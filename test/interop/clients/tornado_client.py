"""Tornado as a client."""

import asyncio

from tornado.websocket import websocket_connect

from play import Client, play


class Tornado(Client):
    @classmethod
    async def connect(cls, url, offered):
        client = cls()
        client.ws = await websocket_connect(
            url, subprotocols=offered or None, compression_options={}, max_message_size=64 << 20
        )
        return client

    def protocol(self):
        return self.ws.selected_subprotocol or ""

    def extension(self):
        return self.ws.headers.get("Sec-WebSocket-Extensions", "").split(";")[0]

    async def send(self, content):
        await self.ws.write_message(content, binary=isinstance(content, bytes))

    async def receive(self):
        message = await self.ws.read_message()
        if message is None:
            raise AssertionError(f"Closed with {self.ws.close_code} {self.ws.close_reason}")
        return message

    async def ping(self, payload):
        pong = asyncio.get_running_loop().create_future()
        self.ws.on_pong = pong.set_result
        self.ws.ping(payload)
        return await pong

    async def close(self, status, reason):
        self.ws.close(status, reason)
        return await self.closed()

    async def closed(self):
        message = await self.ws.read_message()
        if message is not None:
            raise AssertionError(f"Expected the end, got {message!r:.80}")
        return self.ws.close_code, self.ws.close_reason or ""


play(Tornado)
