"""libsoup as an echo server, by GObject introspection: see aiohttp_server.py."""

import sys

import gi

gi.require_version("Soup", "3.0")
from gi.repository import GLib, Soup  # noqa: E402

connections = set()


def on_connection(server, message, path, ws):
    connections.add(ws)
    ws.set_max_incoming_payload_size(0)
    ws.connect("message", lambda ws, kind, content: ws.send_message(kind, content))
    ws.connect("closed", connections.discard)
    if path == "/close":
        ws.close(4002, "as you wish")


server = Soup.Server()
if "--compression" not in sys.argv:
    server.remove_websocket_extension(Soup.WebsocketExtensionDeflate)
# It takes the first of its own that was offered.
server.add_websocket_handler("/", None, ["chat.v2", "chat.v1"], on_connection)
server.listen_local(0, Soup.ServerListenOptions.IPV4_ONLY)
print("listening on", server.get_uris()[0].get_port(), flush=True)
GLib.MainLoop().run()
