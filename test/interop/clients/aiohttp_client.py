"""aiohttp as a client."""

import aiohttp

from play import Client, play

KINDS = {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}


class Aiohttp(Client):
    @classmethod
    async def connect(cls, url, offered):
        client = cls()
        client.session = aiohttp.ClientSession()
        # Without autoping it shows pongs.
        client.ws = await client.session.ws_connect(
            url, protocols=offered, compress=15, max_msg_size=0, autoping=False
        )
        return client

    def protocol(self):
        return self.ws.protocol or ""

    def extension(self):
        return "permessage-deflate" if self.ws.compress else ""

    async def send(self, content):
        if isinstance(content, str):
            await self.ws.send_str(content)
        else:
            await self.ws.send_bytes(content)

    async def receive(self):
        message = await self.ws.receive()
        if message.type not in KINDS:
            raise AssertionError(f"Expected a message, got {message}")
        return message.data

    async def ping(self, payload):
        await self.ws.ping(payload)
        message = await self.ws.receive()
        return message.data if message.type == aiohttp.WSMsgType.PONG else message

    async def closed(self):
        message = await self.ws.receive()
        await self.session.close()
        return message.data, message.extra

    async def close(self, status, reason):
        await self.ws.close(code=status, message=reason.encode())
        await self.session.close()
        # It forgets the server's reason.
        return self.ws.close_code, None


play(Aiohttp)
