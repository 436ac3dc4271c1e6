"""libsoup as a client, by GObject introspection."""

import gi

gi.require_version("Soup", "3.0")
from gi.repository import Gio, GLib, Soup  # noqa: E402

from play import CASE_DEADLINE, Client, play  # noqa: E402


class Soup3(Client):
    @classmethod
    async def connect(cls, url, offered):
        client = cls()
        client.messages, client.is_closed, client.is_late = [], False, False
        session = Soup.Session()
        session.add_feature_by_type(Soup.WebsocketExtensionManager)
        outcome = []
        session.websocket_connect_async(
            Soup.Message.new("GET", url),
            None,
            offered or None,
            GLib.PRIORITY_DEFAULT,
            None,
            lambda _, result: outcome.append(result),
        )
        client.wait_until(lambda: outcome)
        client.ws = session.websocket_connect_finish(outcome[0])
        client.ws.set_max_incoming_payload_size(0)
        client.ws.connect("message", client.on_message)
        client.ws.connect("closed", client.on_closed)
        client.session = session
        return client

    def on_message(self, _, kind, content):
        data = content.get_data()
        is_text = kind == Soup.WebsocketDataType.TEXT
        self.messages.append(data.decode() if is_text else data)

    def on_closed(self, _):
        self.is_closed = True

    def wait_until(self, is_done):
        """Turns GLib's loop; its callbacks know nothing of asyncio's, nor of the deadline there."""
        late = []
        GLib.timeout_add_seconds(CASE_DEADLINE, lambda: late.append(True))
        while not is_done():
            if late:
                raise TimeoutError(f"Not done within {CASE_DEADLINE} s")
            GLib.MainContext.default().iteration(True)

    def protocol(self):
        return self.ws.get_protocol() or ""

    def extension(self):
        return "permessage-deflate" if self.ws.get_extensions() else ""

    async def send(self, content):
        is_text = isinstance(content, str)
        kind = Soup.WebsocketDataType.TEXT if is_text else Soup.WebsocketDataType.BINARY
        self.ws.send_message(kind, GLib.Bytes.new(content.encode() if is_text else content))

    async def receive(self):
        self.wait_until(lambda: self.messages or self.is_closed)
        if not self.messages:
            raise AssertionError(f"Closed with {self.ws.get_close_code()}")
        return self.messages.pop(0)

    async def close(self, status, reason):
        self.ws.close(status, reason or None)
        return await self.closed()

    async def closed(self):
        self.wait_until(lambda: self.is_closed)
        return self.ws.get_close_code(), self.ws.get_close_data() or ""


play(Soup3)
