"""Python's websockets as a client."""

import websockets

from play import Client, play


class Websockets(Client):
    @classmethod
    async def connect(cls, url, offered):
        client = cls()
        client.ws = await websockets.connect(
            url, subprotocols=offered or None, max_size=None, max_queue=None
        )
        return client

    def protocol(self):
        return self.ws.subprotocol or ""

    def extension(self):
        return self.ws.response_headers.get("Sec-WebSocket-Extensions", "").split(";")[0]

    async def send(self, content):
        await self.ws.send(content)

    async def send_fragments(self, content, size):
        async def fragments():
            for start in range(0, len(content), size):
                yield content[start : start + size]

        await self.ws.send(fragments())

    async def receive(self):
        return await self.ws.recv()

    async def ping(self, payload):
        # The waiter resolves for a pong with the very payload only.
        await (await self.ws.ping(payload))
        return payload

    async def closed(self):
        await self.ws.wait_closed()
        return self.ws.close_rcvd.code, self.ws.close_rcvd.reason

    async def close(self, status, reason):
        await self.ws.close(status, reason)
        # What the server sent, and not only what was sent to it.
        received = self.ws.close_rcvd
        return (received.code, received.reason) if received else (None, None)


play(Websockets)
