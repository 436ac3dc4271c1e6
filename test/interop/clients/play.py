"""What the clients in Python have in common: they play the cases, and print one JSON object per case and line.

`python3 -B LIBRARY_client.py CASES`: without bytecode, so that nothing is written beside them.
"""

import asyncio
import json
import sys

CASE_DEADLINE = 15


class Client:
    """One connection, of a library: what each has to offer. What it cannot do is not asked of it."""

    @classmethod
    async def connect(cls, url, offered):
        """Gives an open connection, with the library's own limits out of the way: the server's are what is tried."""
        raise NotImplementedError

    def protocol(self):
        """The subprotocol agreed upon, "" for none."""
        raise NotImplementedError

    def extension(self):
        """The name of the extension agreed upon, "" for none."""
        raise NotImplementedError

    async def send(self, content):
        raise NotImplementedError

    async def send_fragments(self, content, size):
        raise NotImplementedError

    async def receive(self):
        """The next message, as str or as bytes."""
        raise NotImplementedError

    async def ping(self, payload):
        """Sends a ping, and gives the payload of the pong."""
        raise NotImplementedError

    async def closed(self):
        """Waits until the server has closed, and gives the same as close."""
        raise NotImplementedError

    async def close(self, status, reason):
        """Closes, and gives status and reason that the server sent; None for a reason that the library forgets."""
        raise NotImplementedError


def content_of(case):
    if case["type"] == "text":
        return case["text"] * case["times"]
    size = case["size"]
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def check_equal(what, actual, expected):
    if actual != expected:
        raise AssertionError(f"Expected {what} {expected!r:.80}, got {actual!r:.80}")


async def play_case(library, case):
    action = case["action"]
    status, reason = 1000, ""
    target = case["url"] + ("close" if action == "closed" else "")
    client = await library.connect(target, case.get("offered") or [])
    if action == "echo":
        await client.send(content_of(case))
        check_equal("message", await client.receive(), content_of(case))
    elif action == "fragments":
        await client.send_fragments(content_of(case), case["chunk"])
        check_equal("message", await client.receive(), content_of(case))
    elif action == "ping":
        payload = case["payload"].encode()
        check_equal("pong", await client.ping(payload), payload)
    elif action == "subprotocol":
        check_equal("subprotocol", client.protocol(), case["agreed"])
    elif action == "extensions":
        check_equal("extension", client.extension(), case["agreed"])
    elif action == "many":
        for n in range(case["count"]):
            await client.send(str(n))
        for n in range(case["count"]):
            check_equal("message", await client.receive(), str(n))
    elif action in ("close", "closed"):
        status, reason = case["status"], case["reason"]
    else:
        raise AssertionError(f"No such action: {action}")
    if action == "closed":
        got_status, got_reason = await client.closed()
    else:
        got_status, got_reason = await client.close(status, reason)
    check_equal("status", got_status, status)
    if got_reason is not None:
        check_equal("reason", got_reason, reason)


async def play_all(library, cases):
    for case in cases:
        result = {"case": case["name"], "ok": True, "detail": ""}
        try:
            await asyncio.wait_for(play_case(library, case), CASE_DEADLINE)
        except Exception as error:
            result.update(ok=False, detail=f"{type(error).__name__}: {error}")
        print(json.dumps(result), flush=True)


def play(library):
    asyncio.run(play_all(library, json.loads(sys.argv[1])))
