"""Qt 5's QWebSocketServer as an echo server, by PyQt5: see aiohttp_server.py. It knows no subprotocols, nor compression."""

import signal

from PyQt5.QtCore import QCoreApplication
from PyQt5.QtNetwork import QHostAddress
from PyQt5.QtWebSockets import QWebSocketServer

# Else Python would wait for Qt's loop to end, to end itself.
signal.signal(signal.SIGTERM, signal.SIG_DFL)
application = QCoreApplication([])
server = QWebSocketServer("echo", QWebSocketServer.NonSecureMode)
connections = set()


def on_connection():
    ws = server.nextPendingConnection()
    connections.add(ws)
    ws.setMaxAllowedIncomingMessageSize(64 << 20)
    ws.setMaxAllowedIncomingFrameSize(64 << 20)
    ws.textMessageReceived.connect(ws.sendTextMessage)
    ws.binaryMessageReceived.connect(ws.sendBinaryMessage)
    ws.disconnected.connect(lambda: connections.discard(ws))
    if ws.requestUrl().path() == "/close":
        ws.close(4002, "as you wish")


server.newConnection.connect(on_connection)
server.listen(QHostAddress("127.0.0.1"), 0)
print("listening on", server.serverPort(), flush=True)
application.exec()
