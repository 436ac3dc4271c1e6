"""Qt 5's QWebSocket as a client, by PyQt5."""

import time

from PyQt5.QtCore import QCoreApplication, QEventLoop, QTimer, QUrl
from PyQt5.QtNetwork import QAbstractSocket
from PyQt5.QtWebSockets import QWebSocket

from play import CASE_DEADLINE, Client, play

application = QCoreApplication([])


class Qt(Client):
    @classmethod
    async def connect(cls, url, offered):
        client = cls()
        client.messages, client.pongs = [], []
        client.ws = QWebSocket()
        client.ws.setMaxAllowedIncomingMessageSize(64 << 20)
        client.ws.setMaxAllowedIncomingFrameSize(64 << 20)
        # One frame a message, unless fragments are asked for: by itself it cuts at 512 KiB.
        client.ws.setOutgoingFrameSize(64 << 20)
        client.ws.textMessageReceived.connect(client.messages.append)
        client.ws.binaryMessageReceived.connect(lambda data: client.messages.append(bytes(data)))
        client.ws.pong.connect(lambda _, payload: client.pongs.append(bytes(payload)))
        # What has been connected may be closed again before the loop gives way.
        connected = []
        client.ws.connected.connect(lambda: connected.append(True))
        client.ws.open(QUrl(url))
        client.wait_until(lambda: connected)
        return client

    def is_closed(self):
        return self.ws.state() == QAbstractSocket.UnconnectedState

    def wait_until(self, is_done):
        """Turns Qt's loop; its signals know nothing of asyncio's, nor of the deadline there."""
        deadline = time.monotonic() + CASE_DEADLINE
        # Wakes the loop, so that it sees the deadline.
        timer = QTimer()
        timer.start(1000)
        while not is_done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not done within {CASE_DEADLINE} s")
            application.processEvents(QEventLoop.AllEvents | QEventLoop.WaitForMoreEvents)

    async def send(self, content):
        if isinstance(content, str):
            self.ws.sendTextMessage(content)
        else:
            self.ws.sendBinaryMessage(content)

    async def send_fragments(self, content, size):
        self.ws.setOutgoingFrameSize(size)
        await self.send(content)

    async def receive(self):
        self.wait_until(lambda: self.messages or self.is_closed())
        if not self.messages:
            raise AssertionError(f"Closed with {self.ws.closeCode()} {self.ws.closeReason()}")
        return self.messages.pop(0)

    async def ping(self, payload):
        self.ws.ping(payload)
        self.wait_until(lambda: self.pongs)
        return self.pongs.pop(0)

    async def close(self, status, reason):
        self.ws.close(status, reason)
        return await self.closed()

    async def closed(self):
        self.wait_until(self.is_closed)
        return self.ws.closeCode(), self.ws.closeReason()


play(Qt)
