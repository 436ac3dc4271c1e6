"""Python's websockets as a client: client.py URL CASES prints one JSON object per case and line."""

import asyncio
import json
import sys

import websockets

CASE_DEADLINE = 15


def content_of(case):
    if case["type"] == "text":
        return case["text"] * case["times"]
    size = case["size"]
    return (bytes(range(251)) * (size // 251 + 1))[:size]


async def fragments(content, chunk):
    for start in range(0, len(content), chunk):
        yield content[start : start + chunk]


def check_equal(what, actual, expected):
    if actual != expected:
        raise AssertionError(f"Expected {what} {expected!r:.80}, got {actual!r:.80}")


async def run_case(url, case):
    action = case["action"]
    offered = case.get("offered") or None
    status, reason = 1000, ""
    # The library's own limits stay out of the way; what is tried here are the server's.
    async with websockets.connect(
        url, subprotocols=offered, max_size=None, max_queue=None
    ) as ws:
        if action == "echo":
            await ws.send(content_of(case))
            check_equal("message", await ws.recv(), content_of(case))
        elif action == "fragments":
            await ws.send(fragments(content_of(case), case["chunk"]))
            check_equal("message", await ws.recv(), content_of(case))
        elif action == "ping":
            # The waiter resolves for a pong with the very payload only.
            await (await ws.ping(case["payload"]))
        elif action == "subprotocol":
            check_equal("subprotocol", ws.subprotocol or "", case["agreed"])
        elif action == "extensions":
            agreed = ws.response_headers.get("Sec-WebSocket-Extensions", "")
            check_equal("extension", agreed.split(";")[0], case["agreed"])
        elif action == "many":
            for n in range(case["count"]):
                await ws.send(str(n))
            for n in range(case["count"]):
                check_equal("message", await ws.recv(), str(n))
        elif action == "close":
            status, reason = case["status"], case["reason"]
        else:
            raise AssertionError(f"No such action: {action}")
        await ws.close(status, reason)
        # What the server sent, and not only what was sent to it.
        received = ws.close_rcvd
        check_equal("close frame", received and (received.code, received.reason), (status, reason))


async def main(url, cases):
    for case in cases:
        result = {"case": case["name"], "ok": True, "detail": ""}
        try:
            await asyncio.wait_for(run_case(url, case), CASE_DEADLINE)
        except Exception as error:
            result.update(ok=False, detail=f"{type(error).__name__}: {error}")
        print(json.dumps(result), flush=True)


asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
