import { describe, expect, it, vi } from "vitest";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import { newDeferred } from "../../../src/deferred.ts";
import type { RouteHandlers, Upgrade } from "../../../src/connection/handlers.ts";
import { HandshakeError } from "../../../src/errors.ts";
import type { OriginPolicy } from "../../../src/handshake/server/origin.ts";
import { rejectConnection } from "../../../src/handshake/server/reject.ts";
import type { UpgradeRequest } from "../../../src/handshake/server/upgrade-request.ts";
import { memoryPair } from "../../../adapters/memory/index.ts";
import { Server } from "../../../src/connection/server/serve.ts";
import { Peer, upgradeRequest } from "../../support/peer.ts";
import { binaryHeader, field } from "../../support/proxy-header.ts";
import { macrotask } from "../../support/turns.ts";
import { nameOf, testServer } from "../../support/server.ts";
import { undated } from "../../support/undated.ts";
import { oddThenables } from "../../support/thenables.ts";

const plainRequest = new TextEncoder().encode("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");

describe("the upgrade hook", () => {
  it("sees the request, and chooses subprotocol, headers and context", async () => {
    const { connect, server } = testServer({
      upgrade: (request) => ({
        protocol: request.protocols.find((protocol) => protocol === "chat.v2"),
        headers: [["Set-Cookie", "a=b"]],
        context: [request.path, request.origin, request.get("x-user"), request.remoteAddress],
      }),
    });
    const { peer } = connect();
    peer.send(
      upgradeRequest(
        {
          "Sec-WebSocket-Protocol": "chat.v3, chat.v2",
          Origin: "https://a.example",
          "X-User": "ann",
        },
        "/room?id=1",
      ),
    );
    await peer.seen("open");
    expect(peer.response.split("\r\n")).toEqual([
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
      "Sec-WebSocket-Protocol: chat.v2",
      "Set-Cookie: a=b",
    ]);
    expect(server.connections[0]!.context).toEqual(["/room", "https://a.example", "ann", "memory"]);
  });

  it("may take its time: the request stays readable, and what comes meanwhile is kept in order", async () => {
    const gate = newDeferred<void>();
    const seen: unknown[] = [];
    const { connect, lines } = testServer({
      async upgrade(request) {
        await gate.promise;
        seen.push(request.host, request.get("sec-websocket-key"), [...request.headers()].length);
      },
    });
    const { peer } = connect();
    peer.endpoint.sendText("early");
    const early = peer.endpoint.output.take()!.slice();
    peer.endpoint.output.giveBack();
    const request = upgradeRequest();
    peer.send(request, early.subarray(0, 3));
    await macrotask();
    request.fill(0xdb);
    peer.send(early.subarray(3));
    peer.text("later");
    await macrotask();
    expect(lines).toEqual([]);
    gate.resolve();
    peer.close(1000);
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message early", "message later", "close 1000 clean peer"]);
    expect(seen).toEqual(["localhost", "dGhlIHNhbXBsZSBub25jZQ==", 5]);
  });

  it("misses nothing of what a transport still delivers after pause", async () => {
    const gate = newDeferred<void>();
    const { connect, lines } = testServer({ upgrade: () => gate.promise as Promise<undefined> });
    const { peer, transport } = connect();
    transport.pause = () => undefined;
    peer.send(upgradeRequest());
    for (const text of ["one", "two"]) {
      peer.text(text);
      await macrotask();
    }
    gate.resolve();
    peer.close(1000);
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message one", "message two", "close 1000 clean peer"]);
  });

  it.each([
    [
      "throws",
      () => {
        throw rejectConnection({
          status: 401,
          message: "Who are you?",
          headers: [["WWW-Authenticate", "Basic"]],
        });
      },
    ],
    [
      "rejects with",
      () =>
        Promise.reject(
          rejectConnection({
            status: 401,
            message: "Who are you?",
            headers: [["WWW-Authenticate", "Basic"]],
          }),
        ),
    ],
  ])("refuses with what it %s rejectConnection()", async (_, upgrade) => {
    const { connect, lines } = testServer({ upgrade });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("closed");
    expect(undated(peer.response.split("\r\n"))).toEqual([
      "HTTP/1.1 401 Unauthorized",
      "Connection: close",
      "Content-Length: 13",
      "Content-Type: text/plain; charset=utf-8",
      "WWW-Authenticate: Basic",
    ]);
    expect(peer.lines).toEqual(["refused 401", "end", "closed"]);
    expect(lines).toEqual(["refused REJECTED"]);
  });

  it.each([
    [
      "throws an error of its own",
      () => {
        throw new Error("secret");
      },
    ],
    ["chooses a subprotocol that was not offered", () => ({ protocol: "x" })],
    ["adds a header that breaks the line", () => ({ headers: [["X", "a\r\nb"]] as const })],
    ["adds a header that is the handshake's own", () => ({ headers: [["Upgrade", "x"]] as const })],
    ["does so later", async () => ({ protocol: "x" })],
  ])("that %s answers 500 without its text", async (_, upgrade) => {
    const refused: HandshakeError[] = [];
    const { connect } = testServer({
      upgrade: upgrade as () => Upgrade<unknown>,
      refused: (error) => refused.push(error),
    });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("closed");
    expect(peer.lines).toEqual(["refused 500", "end", "closed"]);
    expect(peer.response).not.toContain("secret");
    expect(refused).toHaveLength(1);
    expect(refused[0]!.cause).toBeInstanceOf(Error);
  });

  it("that never settles is answered for with 503 at handshakeTimeout", async () => {
    const gate = newDeferred<undefined>();
    const { connect, clock, lines } = testServer(
      { upgrade: () => gate.promise },
      { handshakeTimeout: 3000 },
    );
    const { peer } = connect();
    peer.send(upgradeRequest());
    await macrotask();
    clock.advance(3200);
    await peer.seen("closed");
    gate.resolve(undefined);
    await macrotask();
    expect(peer.lines).toEqual(["refused 503", "end", "closed"]);
    expect(lines).toEqual(["refused INTERNAL"]);
    expect(clock.running).toBe(0);
  });

  it("that settles after the peer has ended its stream opens a connection that ends", async () => {
    const gate = newDeferred<undefined>();
    const { connect, lines } = testServer({ upgrade: () => gate.promise });
    const { peer, transport } = connect();
    transport.pause = () => {}; // a runtime that tells the end also while delivery is stopped
    peer.send(upgradeRequest());
    peer.transport.end();
    await macrotask();
    gate.resolve(undefined);
    await peer.seen("closed");
    expect(lines).toEqual(["open", "error UNEXPECTED_END", "close 1006 unclean transport"]);
  });

  it.each(["resolves", "rejects"])("that %s after the peer has gone opens nothing", async (how) => {
    const gate = newDeferred<undefined>();
    const { connect, lines } = testServer({ upgrade: () => gate.promise });
    const { peer, transport } = connect();
    peer.send(upgradeRequest());
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    await macrotask();
    if (how === "resolves") gate.resolve(undefined);
    else gate.reject(new Error("late"));
    await macrotask();
    expect(lines).toEqual(["refused INTERNAL"]);
  });
});

/** A hook that waits for a gate, and tells in lines what its request's signal does. */
function watched(gate: Promise<unknown>): {
  handlers: { upgrade(request: UpgradeRequest): Promise<undefined> };
  lines: string[];
  requests: UpgradeRequest[];
} {
  const lines: string[] = [];
  const requests: UpgradeRequest[] = [];
  return {
    lines,
    requests,
    handlers: {
      async upgrade(request) {
        const { signal } = request;
        requests.push(request);
        lines.push(signal.aborted ? "aborted before" : "asked");
        signal.addEventListener("abort", () => {
          lines.push(`${(signal.reason as Error).name} ${nameOf(signal.reason)}`);
        });
        return (await gate) as undefined;
      },
    },
  };
}

describe("the signal of a request", () => {
  it("aborts as soon as the peer is gone, and the refusal tells the same", async () => {
    const { handlers, lines, requests } = watched(new Promise(() => {}));
    const { connect, lines: told, clock } = testServer(handlers);
    const { peer, transport } = connect();
    peer.send(upgradeRequest());
    await macrotask();
    expect(lines).toEqual(["asked"]);
    transport.reset(new Error("ECONNRESET"));
    await macrotask();
    expect(lines).toEqual(["asked", "TransportError RESET"]);
    expect(told).toEqual(["refused INTERNAL"]);
    expect(requests[0]!.signal.aborted).toBe(true);
    expect(clock.running).toBe(0);
  });

  it("aborts when the peer ends its stream, which may still read the answer", async () => {
    const gate = newDeferred<unknown>();
    const { handlers, lines } = watched(gate.promise);
    const { connect } = testServer(handlers);
    const { peer, transport } = connect();
    peer.send(upgradeRequest());
    peer.transport.end();
    await macrotask();
    expect(lines).toEqual(["asked", "TransportError UNEXPECTED_END"]);
    transport.handler.onEnd(); // a runtime that says it twice
    gate.resolve({ status: 410 });
    await peer.seen("closed");
    expect(peer.lines).toEqual(["refused 410", "end", "closed"]);
    expect(lines).toHaveLength(2);
  });

  it("aborts when handshakeTimeout has answered in the hook's place", async () => {
    const { handlers, lines } = watched(new Promise(() => {}));
    const { connect, clock, lines: told } = testServer(handlers, { handshakeTimeout: 3000 });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await macrotask();
    clock.advance(3200);
    expect(lines).toEqual(["asked", "TimeoutError HANDSHAKE_TIMEOUT"]);
    await peer.seen("closed");
    expect(peer.lines).toEqual(["refused 503", "end", "closed"]);
    expect(told).toEqual(["refused INTERNAL"]);
    expect(lines).toHaveLength(2);
  });

  it("aborts when the server is shut down", async () => {
    const { handlers, lines, requests } = watched(new Promise(() => {}));
    const { connect, server } = testServer(handlers);
    const { peer } = connect();
    peer.send(upgradeRequest());
    await macrotask();
    const result = server.shutdown({ status: 1012, reason: "Restart" });
    expect(lines).toEqual(["asked", "ClosedError CLOSED"]);
    expect(requests[0]!.signal.reason).toMatchObject({ status: 1012, reason: "Restart" });
    expect(await result).toEqual({ closed: 0, dropped: 0 });
  });

  it("is aborted already for who asks late", async () => {
    let kept: UpgradeRequest | undefined;
    const { connect } = testServer({
      upgrade: (request) => {
        kept = request;
        return new Promise(() => {});
      },
    });
    const { peer, transport } = connect();
    peer.send(upgradeRequest());
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    await macrotask();
    expect(kept!.signal.aborted).toBe(true);
    expect(kept!.signal.reason).toMatchObject({ code: "RESET" });
  });

  it("holds for the http hook, too", async () => {
    const lines: string[] = [];
    const { connect } = testServer({
      http({ signal }) {
        signal.addEventListener("abort", () => lines.push(nameOf(signal.reason)));
        return new Promise(() => {});
      },
    });
    const { peer, transport } = connect();
    peer.send(plainRequest);
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    await macrotask();
    expect(lines).toEqual(["RESET"]);
  });

  it.each([
    ["has opened the connection", {}],
    ["has refused it", { status: 403 }],
  ])("never aborts once the hook %s", async (_, answer) => {
    const gate = newDeferred<unknown>();
    const { handlers, lines, requests } = watched(gate.promise);
    const { connect, server } = testServer(handlers);
    const { peer } = connect();
    peer.send(upgradeRequest());
    await macrotask();
    gate.resolve(answer);
    await peer.seen(/^(open|refused)/);
    await server.shutdown();
    await peer.seen("closed");
    expect(lines).toEqual(["asked"]);
    expect(requests[0]!.signal.aborted).toBe(false);
  });

  it("may be answered by shutting the server down", async () => {
    const { handlers, lines, requests } = watched(new Promise(() => {}));
    const { connect, server } = testServer(handlers);
    const { peer } = connect();
    peer.send(upgradeRequest());
    await macrotask();
    const calls: unknown[] = [];
    requests[0]!.signal.addEventListener("abort", () => calls.push(server.shutdown()));
    const first = server.shutdown();
    expect(calls).toEqual([first]);
    expect(calls[0]).toBe(first);
    expect(await first).toEqual({ closed: 0, dropped: 0 });
    expect(lines).toHaveLength(2);
  });
});

describe("what comes while a hook decides", () => {
  it("is read and kept up to 16 KiB, and from there on the peer is held back", async () => {
    const gate = newDeferred<undefined>();
    const { connect, lines } = testServer({ upgrade: () => gate.promise });
    const { peer, transport } = connect();
    const calls: string[] = [];
    const { pause, resume } = transport;
    transport.pause = () => {
      calls.push("pause");
      pause.call(transport);
    };
    transport.resume = () => {
      calls.push("resume");
      resume.call(transport);
    };
    peer.send(upgradeRequest());
    await macrotask();
    // Twice 14 bytes of headers and masks.
    peer.text("a".repeat(8192));
    peer.text("b".repeat(8192 - 16));
    await macrotask();
    expect(calls).toEqual([]);
    peer.text("c");
    await macrotask();
    expect(calls).toEqual(["pause"]);
    peer.text("d");
    await macrotask();
    gate.resolve(undefined);
    peer.close(1000);
    await peer.seen("closed");
    expect(calls.slice(0, 2)).toEqual(["pause", "resume"]);
    expect(lines.map((line) => line.slice(0, 10))).toEqual([
      "open",
      "message aa",
      "message bb",
      "message c",
      "message d",
      "close 1000",
    ]);
  });

  it("and much has come with the request, holds the peer back at once", async () => {
    const gate = newDeferred<undefined>();
    const { connect, lines } = testServer({ upgrade: () => gate.promise });
    const { peer, transport } = connect();
    const pause = vi.spyOn(transport, "pause");
    peer.endpoint.sendText("x".repeat(20_000));
    const early = peer.endpoint.output.take()!.slice();
    peer.endpoint.output.giveBack();
    transport.handler.onData(concat([upgradeRequest(), early]));
    expect(pause).toHaveBeenCalledTimes(1);
    gate.resolve(undefined);
    await peer.seen("open");
    expect(lines).toHaveLength(2);
  });

  it("costs what has come, however small the pieces", async () => {
    const gate = newDeferred<undefined>();
    const { connect, lines } = testServer({ upgrade: () => gate.promise });
    const { peer, transport } = connect();
    peer.endpoint.sendText("x".repeat(16_000));
    const early = peer.endpoint.output.take()!.slice();
    peer.endpoint.output.giveBack();
    transport.handler.onData(upgradeRequest());
    const set = vi.spyOn(Uint8Array.prototype, "set");
    for (let at = 0; at < early.length; at++) {
      transport.handler.onData(early.subarray(at, at + 1));
    }
    const copies = set.mock.calls.length;
    set.mockRestore();
    expect(copies).toBeLessThan(10);
    gate.resolve(undefined);
    await peer.seen("open");
    expect(lines).toEqual(["open", `message ${"x".repeat(16_000)}`]);
  });
});

describe("a hook that shuts the server down", () => {
  const answers: [how: string, answer: () => unknown][] = [
    ["lets the client in", () => undefined],
    ["refuses it", () => ({ status: 403 })],
    [
      "throws",
      () => {
        throw new Error("late");
      },
    ],
    ["is async", () => Promise.resolve()],
    ["rejects", () => Promise.reject(new Error("late"))],
  ];

  it.each(answers)("and then %s has no say any more", async (_, answer) => {
    let result: unknown;
    const { connect, server, lines, clock } = testServer({
      upgrade() {
        result = server.shutdown();
        return answer() as undefined;
      },
    });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("closed");
    expect(await result).toEqual({ closed: 0, dropped: 0 });
    expect(peer.lines).toEqual(["closed"]);
    expect(lines).toEqual([]);
    expect(server.counters).toMatchObject({ open: 0, opening: 0, opened: 0 });
    expect(clock.running).toBe(0);
  });

  it("lets a plain request be answered that is being asked about", async () => {
    const { connect, server, lines, clock } = testServer({
      http() {
        void server.shutdown();
        return { body: "ok" };
      },
    });
    const { peer } = connect();
    peer.send(plainRequest);
    await peer.seen("closed");
    await server.shutdown();
    expect(peer.lines).toEqual(["refused 200", "end", "closed"]);
    expect(lines).toEqual([]);
    expect(clock.running).toBe(0);
  });
});

describe("a hook that returns what is no proper promise", () => {
  it.each(oddThenables)("such as %s is awaited as by `await`", async (_, make, outcome) => {
    const reasons: unknown[] = [];
    const { connect } = testServer({
      upgrade: make as () => undefined,
      refused: (error) => void reasons.push(`failed: ${(error.cause as Error).message}`),
    });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen(outcome.startsWith("done") ? "open" : "refused 500");
    expect(reasons).toEqual(outcome.startsWith("done") ? [] : [outcome]);
  });

  it.each(oddThenables)("does the opening no harm where it is a log's: %s", async (_, make) => {
    const { connect } = testServer({ refused: make });
    const { peer } = connect();
    peer.send(plainRequest);
    await peer.seen("refused 426");
    await peer.seen("closed");
  });
});

describe("the http hook", () => {
  it("answers a request that asks for no upgrade, and ends the connection where it is told to", async () => {
    const { connect, lines } = testServer({
      http: (request) => ({
        headers: [["Content-Type", "text/html"]],
        body: `<p>${request.path}</p>`,
      }),
    });
    const { peer } = connect();
    peer.send(encodeUtf8("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    await peer.seen("closed");
    expect(undated(peer.response.split("\r\n"))).toEqual([
      "HTTP/1.1 200 OK",
      "Connection: close",
      "Content-Length: 14",
      "Content-Type: text/html",
    ]);
    expect(lines).toEqual([]);
  });

  it("may be async", async () => {
    const { connect } = testServer({ http: async () => ({ status: 404, body: "none" }) });
    const { peer } = connect();
    peer.send(plainRequest);
    await peer.seen("refused 404");
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("secret");
      },
    ],
    ["gives a header that breaks the line", () => ({ headers: [["X", "\n"]] as const })],
    ["gives a status below 200", () => ({ status: 101 })],
  ])("that %s answers 500", async (_, http) => {
    const { connect, lines } = testServer({ http });
    const { peer } = connect();
    peer.send(plainRequest);
    await peer.seen("closed");
    expect(peer.lines).toEqual(["refused 500", "end", "closed"]);
    expect(lines).toEqual(["refused INTERNAL"]);
  });

  it("is not asked about a handshake", async () => {
    const { connect } = testServer({ http: () => ({ status: 404 }) });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("open");
  });
});

describe("a request that a hook keeps", () => {
  const ann = { Authorization: "Bearer of-ann", "Sec-WebSocket-Protocol": "ann.v2, ann.v1" };
  const bob = { Authorization: "Bearer of-bob", "Sec-WebSocket-Protocol": "bob.v2, bob.v1" };

  /** All but what lies in strings already. */
  function toldBy(request: UpgradeRequest): unknown[] {
    const { target, path, host, protocols, params } = request;
    return [target, path, host, protocols, params, request.get("authorization")];
  }

  it.each([
    ["Uint8Array", (size: number) => new Uint8Array(size)],
    ["Buffer", (size: number) => Buffer.alloc(size)],
  ])(
    "tells of its own client for ever, where all are read into one %s",
    (_, allocate: (size: number) => Uint8Array) => {
      const shared = allocate(1000);
      const kept: UpgradeRequest[] = [];
      const iterators: Iterator<[string, string]>[] = [];
      const { connect } = testServer({
        routes: {
          "/rooms/:room": {
            upgrade(request) {
              kept.push(request);
              iterators.push(request.headers());
            },
          },
        },
      });
      const receive = (request: Uint8Array): void => {
        shared.set(request);
        connect().transport.handler.onData(shared.subarray(0, request.length));
      };
      receive(upgradeRequest(ann, "/rooms/tea"));
      receive(upgradeRequest(bob, "/rooms/a-longer-one"));
      shared.fill(0x41);
      expect(kept.map(toldBy)).toEqual([
        [
          "/rooms/tea",
          "/rooms/tea",
          "localhost",
          ["ann.v2", "ann.v1"],
          { room: "tea" },
          "Bearer of-ann",
        ],
        [
          "/rooms/a-longer-one",
          "/rooms/a-longer-one",
          "localhost",
          ["bob.v2", "bob.v1"],
          { room: "a-longer-one" },
          "Bearer of-bob",
        ],
      ]);
      expect(iterators.map((headers) => headers.next().value)).toEqual([
        ["Host", "localhost"],
        ["Host", "localhost"],
      ]);
    },
  );

  it("tells so where it asked for no upgrade", () => {
    const kept: UpgradeRequest[] = [];
    const { connect } = testServer({
      http(request) {
        kept.push(request);
        return { body: "ok" };
      },
    });
    const chunk = plainRequest.slice();
    connect().transport.handler.onData(chunk);
    chunk.fill(0x41);
    expect([kept[0]!.path, kept[0]!.host]).toEqual(["/health", "localhost"]);
  });

  it("does not share what came behind it with whoever reads on", async () => {
    const { connect, lines } = testServer({ upgrade: () => undefined });
    const { peer, transport } = connect();
    peer.endpoint.sendText("early");
    const early = peer.endpoint.output.take()!.slice();
    peer.endpoint.output.giveBack();
    const chunk = Buffer.concat([upgradeRequest(), early.subarray(0, 4)]);
    transport.handler.onData(chunk);
    chunk.fill(0x41);
    transport.handler.onData(early.subarray(4));
    await macrotask();
    expect(lines).toEqual(["open", "message early"]);
  });

  it("costs no copy where there is no hook", () => {
    const { connect } = testServer({});
    const { transport } = connect();
    const request = upgradeRequest();
    const slice = vi.spyOn(Uint8Array.prototype, "slice");
    transport.handler.onData(request);
    const copies = slice.mock.contexts.filter((of) => (of as Uint8Array).buffer === request.buffer);
    slice.mockRestore();
    expect(copies).toEqual([]);
  });
});

describe("an opening", () => {
  it("without the http hook answers a plain request with 426", async () => {
    const { connect, lines } = testServer();
    const { peer } = connect();
    peer.send(plainRequest);
    await peer.seen("closed");
    expect(peer.response).toContain("426 Upgrade Required\r\nConnection: Upgrade, close\r\n");
    expect(peer.response).toContain("\r\nUpgrade: websocket");
    expect(lines).toEqual(["refused BAD_UPGRADE"]);
  });

  it("answers 408 at handshakeTimeout where a part of the request has come", async () => {
    const { connect, clock, lines } = testServer({}, { handshakeTimeout: 3000 });
    const { peer } = connect();
    peer.send(upgradeRequest().subarray(0, 40));
    await macrotask();
    clock.advance(3200);
    await peer.seen("closed");
    expect(peer.lines).toEqual(["refused 408", "end", "closed"]);
    expect(lines).toEqual(["refused REJECTED"]);
    expect(clock.running).toBe(0);
  });

  it("drops who says nothing until handshakeTimeout, and reports nothing", async () => {
    const { connect, clock, lines } = testServer({}, { handshakeTimeout: 3000 });
    const { peer } = connect();
    clock.advance(3200);
    await peer.seen("closed");
    expect(peer.lines).toEqual(["closed"]);
    expect(lines).toEqual([]);
    expect(clock.running).toBe(0);
  });

  it.each([
    ["in the middle of its request", 40, ["refused INTERNAL"]],
    ["before it", 0, []],
  ])("ends when the peer ends its stream %s", async (_, size, expected) => {
    const { connect, lines, clock } = testServer();
    const { peer } = connect();
    if (size > 0) peer.send(upgradeRequest().subarray(0, size));
    peer.transport.end();
    await peer.seen("closed");
    await macrotask();
    expect(peer.lines).toEqual(["closed"]);
    expect(lines).toEqual(expected);
    expect(clock.running).toBe(0);
  });

  it("drops at closeTimeout who does not take its refusal", async () => {
    const { connect, clock } = testServer({}, { closeTimeout: 3000 });
    const { peer } = connect();
    peer.endsWithServer = false;
    peer.send(plainRequest);
    await peer.seen("end");
    peer.send(new Uint8Array(1000)); // read and dropped
    clock.advance(3200);
    await peer.seen("closed");
    expect(clock.running).toBe(0);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("log is full");
      },
    ],
    ["rejects", () => Promise.reject(new Error("log is full"))],
  ])("goes on where the refused hook %s", async (_, refused) => {
    const { connect } = testServer({ refused });
    const { peer } = connect();
    peer.send(plainRequest);
    await peer.seen("refused 426");
  });
});

describe("the upgrade hook that returns a refusal", () => {
  it.each(["at once", "later"])("answers it with status, headers and body, %s", async (when) => {
    const refusal = {
      status: 401,
      headers: [["WWW-Authenticate", "Basic"]],
      body: "Who are you?",
    } as const;
    const { connect, lines, server } = testServer({
      upgrade: () => (when === "at once" ? refusal : Promise.resolve(refusal)),
    });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("closed");
    expect(undated(peer.response.split("\r\n"))).toEqual([
      "HTTP/1.1 401 Unauthorized",
      "Connection: close",
      "Content-Length: 12",
      "Content-Type: text/plain; charset=utf-8",
      "WWW-Authenticate: Basic",
    ]);
    expect(lines).toEqual(["refused REJECTED"]);
    expect(server.counters).toMatchObject({ opened: 0, refused: 1 });
  });

  it("may give a status alone", async () => {
    const { connect } = testServer({ upgrade: () => ({ status: 404 }) });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("refused 404");
  });

  it.each([101, 199, 600, 0])("answers 500 where the status is %d", async (status) => {
    const { connect } = testServer({ upgrade: () => ({ status }) });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("refused 500");
  });
});

describe("an opening of a server with routes", () => {
  const names = (name: string): RouteHandlers => ({ upgrade: () => ({ context: name }) });

  it("gives a connection to the handlers of its path, with the parameters", async () => {
    const seen: unknown[] = [];
    const { connect, server } = testServer({
      routes: {
        "/chat": names("chat"),
        "/rooms/:room": {
          upgrade: (request) => ({ context: { ...request.params, at: request.query.get("at") } }),
          open: (ws) => void seen.push("open", ws.context),
          message: (_, data) => void seen.push(data),
        },
      },
      upgrade: () => expect.unreachable("The handlers beside routes are not used"),
    });
    const { peer } = connect();
    peer.send(upgradeRequest({}, "/rooms/tea%20time?at=5"));
    await peer.seen("open");
    peer.text("Hello");
    await macrotask();
    expect(seen).toEqual(["open", { room: "tea time", at: "5" }, "Hello"]);
    expect(server.connections[0]!.target).toBe("/rooms/tea%20time?at=5");
  });

  it("answers 404 where no route matches", async () => {
    const { connect, lines } = testServer({ routes: { "/chat": names("chat") } });
    const { peer } = connect();
    peer.send(upgradeRequest({}, "/other"));
    await peer.seen("closed");
    expect(peer.lines).toEqual(["refused 404", "end", "closed"]);
    expect(lines).toEqual(["refused REJECTED"]);
  });

  it.each([
    ["/own", "own"],
    ["/plain", "beside"],
    ["/other", "beside"],
  ])(
    "asks the http hook of the route, or the one beside the routes: %s",
    async (path, expected) => {
      const { connect } = testServer({
        routes: {
          "/own": { http: () => ({ headers: [["X-By", "own"]] }) },
          "/plain": {},
        },
        http: () => ({ headers: [["X-By", "beside"]] }),
      });
      const { peer } = connect();
      peer.send(encodeUtf8(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`));
      await peer.seen("refused 200");
      expect(peer.response).toContain(`X-By: ${expected}`);
    },
  );

  it.each([
    ["/chat", "426"],
    ["/other", "404"],
  ])("without an http hook answers a plain request for %s with %s", async (path, status) => {
    const { connect } = testServer({ routes: { "/chat": names("chat") } });
    const { peer } = connect();
    peer.send(encodeUtf8(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`));
    await peer.seen(`refused ${status}`);
  });

  it("lets everybody in where the route has no hook", async () => {
    const { connect } = testServer({ routes: { "/*": {} } });
    const { peer } = connect();
    peer.send(upgradeRequest({}, "/any/where"));
    await peer.seen("open");
  });

  it("takes a target in absolute form by its path", async () => {
    const { connect } = testServer({ routes: { "/chat": {} } });
    const { peer } = connect();
    peer.send(upgradeRequest({}, "http://localhost/chat?a=b"));
    await peer.seen("open");
  });
});

describe("an opening of a page", () => {
  const evil = { Origin: "https://evil.example" };

  async function answerTo(headers: Record<string, string>, origins?: OriginPolicy) {
    let asked = 0;
    const { connect, lines } = testServer({ upgrade: () => void asked++ }, { origins });
    const { peer } = connect();
    peer.send(upgradeRequest(headers));
    await peer.seen(/^open|^refused/);
    return { line: peer.lines[0], asked, lines };
  }

  it("of another origin is refused where it carries cookies, before any hook is asked", async () => {
    const { line, asked, lines } = await answerTo({ ...evil, Cookie: "a=b" });
    expect([line, asked, lines]).toEqual(["refused 403", 0, ["refused BAD_ORIGIN"]]);
  });

  it.each<[string, Record<string, string>, OriginPolicy | undefined, string]>([
    ["without cookies", evil, undefined, "open"],
    ["with cookies", { ...evil, Cookie: "a=b" }, "any", "open"],
    ["of the same origin", { Origin: "http://localhost", Cookie: "a=b" }, undefined, "open"],
    ["of another origin", evil, "same", "refused 403"],
    ["of a list", evil, ["https://evil.example"], "open"],
    [
      "behind a proxy that keeps the Host",
      { Origin: "https://a.example", Host: "a.example", Cookie: "a=b" },
      undefined,
      "open",
    ],
    [
      "behind a proxy that changes the Host",
      { Origin: "https://a.example", Host: "10.0.0.1:8080", Cookie: "a=b" },
      undefined,
      "refused 403",
    ],
    [
      "behind such a proxy, in a list",
      { Origin: "https://a.example", Host: "10.0.0.1:8080", Cookie: "a=b" },
      ["https://a.example"],
      "open",
    ],
    ["without an origin", { Cookie: "a=b" }, ["https://a.example"], "open"],
    ["of no origin at all", { Origin: "null", Cookie: "a=b" }, undefined, "refused 403"],
  ])("%s: %j, %j: %s", async (_, headers, origins, expected) => {
    expect((await answerTo(headers, origins)).line).toBe(expected);
  });
});

describe("trustProxy", () => {
  const told = { "X-Forwarded-For": "6.6.6.6, 192.0.2.1", "X-Forwarded-Proto": "https" };
  const client = {
    address: "192.0.2.1",
    port: undefined,
    encrypted: true,
    host: "localhost",
    proxied: undefined,
  };
  const socket = {
    address: "memory",
    port: undefined,
    encrypted: false,
    host: "localhost",
    proxied: undefined,
  };

  it.each([
    ["is who a trusted proxy says", 1, client],
    ["is who is at the socket where that is a stranger", ["10.0.0.0/8"], socket],
    ["is who is at the socket where nobody is trusted", undefined, socket],
  ])("peer of request and connection %s", async (_, trustProxy, expected) => {
    const seen: unknown[] = [];
    const { open } = testServer(
      {
        upgrade: ({ peer, remoteAddress, encrypted }) => {
          seen.push(peer, remoteAddress, encrypted);
        },
      },
      { trustProxy },
    );
    const { ws } = await open(told);
    expect(seen).toEqual([expected, "memory", false]);
    expect(ws.peer).toEqual(expected);
    expect([ws.remoteAddress, ws.encrypted]).toEqual(["memory", false]);
  });

  it("answers 400 to what is malformed, and asks no hook, unless a stranger has sent it", async () => {
    for (const trustProxy of [1, []]) {
      const upgrade = vi.fn();
      const { connect, lines } = testServer({ upgrade }, { trustProxy });
      const { peer } = connect();
      peer.send(upgradeRequest({ Forwarded: "for=nobody" }));
      const isTrusted = trustProxy === 1;
      await peer.seen(isTrusted ? "closed" : "open");
      expect(peer.response).toMatch(isTrusted ? /^HTTP\/1.1 400 / : /^HTTP\/1.1 101 /);
      expect(upgrade).toHaveBeenCalledTimes(isTrusted ? 0 : 1);
      expect(lines).toEqual([isTrusted ? "refused BAD_FORWARDED" : "open"]);
    }
  });

  it("tells who was refused, beside who is at the socket, once it is known", async () => {
    const seen: unknown[] = [];
    const { connect } = testServer(
      {
        upgrade: () => ({ status: 403 }),
        refused: (_, remoteAddress, peer) => {
          seen.push(remoteAddress, peer?.address);
        },
      },
      { trustProxy: 1 },
    );
    for (const bytes of [upgradeRequest(told), encodeUtf8("nonsense\r\n")]) {
      const { peer } = connect();
      peer.send(bytes);
      await peer.seen("closed");
    }
    expect(seen).toEqual(["memory", "192.0.2.1", "memory", undefined]);
  });

  it('has origins: "same" compare with the host that the client asked for', async () => {
    const headers = {
      Host: "inner:8080",
      Origin: "https://example.org",
      "X-Forwarded-Host": "example.org",
    };
    for (const [trustProxy, status] of [
      [1, 101],
      [0, 403],
    ] as const) {
      const { connect } = testServer({}, { trustProxy, origins: "same" });
      const { peer } = connect();
      peer.send(upgradeRequest(headers));
      await peer.seen(status === 101 ? "open" : "closed");
      expect(peer.response).toContain(`HTTP/1.1 ${status} `);
    }
  });
});

describe("a function of an option that throws", () => {
  const wrong = new Error("of the application");
  const throws = (): never => {
    throw wrong;
  };

  it.each([
    ["trustProxy", { trustProxy: throws }, undefined],
    ["origins", { origins: throws }, "/chat"],
  ])("is told to unhandledErrors, as %s, and answered 500", async (thrower, options, path) => {
    const seen: unknown[] = [];
    const server = new Server(
      { port: 0, ...options, unhandledErrors: (error, source) => void seen.push(error, source) },
      {},
    );
    const [ours, theirs] = memoryPair();
    server.accept(ours);
    const peer = new Peer(theirs);
    peer.send(upgradeRequest({ Origin: "https://a.example" }, "/chat?a=b"));
    await peer.seen("closed");
    expect(peer.response).toContain("HTTP/1.1 500 ");
    expect(seen).toEqual([wrong, { thrower, side: "server", remoteAddress: "memory", path }]);
  });

  it("is no error of the application where a proxy is to blame", async () => {
    const seen: unknown[] = [];
    const server = new Server(
      { port: 0, trustProxy: 1, unhandledErrors: (error) => void seen.push(error) },
      {},
    );
    const [ours, theirs] = memoryPair();
    server.accept(ours);
    const peer = new Peer(theirs);
    peer.send(upgradeRequest({ Forwarded: "for" }));
    await peer.seen("closed");
    expect(peer.response).toContain("HTTP/1.1 400 ");
    expect(seen).toEqual([]);
  });
});

describe("origins with a function", () => {
  it("is waited for, and asked before the hook; the request stays readable, and what comes early is kept", async () => {
    const gate = newDeferred<boolean>();
    const seen: unknown[] = [];
    const { connect, lines } = testServer(
      {
        upgrade: ({ origin }) => {
          seen.push(`upgrade ${origin}`);
        },
      },
      {
        origins: async (origin, request) => {
          seen.push(`origin ${origin}`);
          const isIn = await gate.promise;
          seen.push(request.path);
          return isIn;
        },
      },
    );
    const { peer } = connect();
    const request = upgradeRequest({ Origin: "https://a.example" }, "/kept");
    peer.send(request);
    peer.text("early");
    await macrotask();
    request.fill(0);
    expect(seen).toEqual(["origin https://a.example"]);
    gate.resolve(true);
    await peer.seen("open");
    await macrotask();
    expect(seen.slice(1)).toEqual(["/kept", "upgrade https://a.example"]);
    expect(lines).toEqual(["open", "message early"]);
  });

  it.each([
    ["says no", () => false, 403, "BAD_ORIGIN"],
    ["says no later", () => Promise.resolve(false), 403, "BAD_ORIGIN"],
    [
      "throws",
      () => {
        throw new Error("of its own");
      },
      500,
      "INTERNAL",
    ],
    ["rejects", () => Promise.reject(new Error("of its own")), 500, "INTERNAL"],
    ["says neither", () => undefined as never, 500, "INTERNAL"],
  ])("refuses where it %s, and asks no hook", async (_, origins, status, code) => {
    const upgrade = vi.fn();
    const { connect, lines } = testServer({ upgrade }, { origins });
    const { peer } = connect();
    peer.send(upgradeRequest({ Origin: "https://a.example" }));
    await peer.seen("closed");
    expect(peer.response).toContain(`HTTP/1.1 ${status} `);
    expect(upgrade).not.toHaveBeenCalled();
    expect(lines).toEqual([`refused ${code}`]);
  });

  it("has the time of the handshake: then 503", async () => {
    const { connect, clock } = testServer({}, { origins: () => new Promise(() => {}) });
    const { peer } = connect();
    peer.send(upgradeRequest({ Origin: "https://a.example" }));
    await macrotask();
    clock.advance(10_200);
    await peer.seen("closed");
    expect(peer.response).toContain("HTTP/1.1 503 ");
  });
});

describe("proxyProtocol", () => {
  const request = upgradeRequest();
  const line = encodeUtf8("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n");
  const source = { address: "192.0.2.7", port: 4711 };

  it.each([
    ["version 1", line, false],
    ["version 2", binaryHeader(), false],
    [
      "version 2 of a client with TLS",
      binaryHeader({ fields: [field(0x20, Uint8Array.of(1, 0, 0, 0, 0))] }),
      true,
    ],
  ])(
    "peer of request and connection is who a header of %s names, wherever it is cut",
    async (_, header, encrypted) => {
      const whole = concat([header, request]);
      for (let cut = 0; cut <= header.length + 1; cut++) {
        const seen: unknown[] = [];
        const { connect, server } = testServer(
          {
            upgrade: ({ peer, remoteAddress }) => {
              seen.push(peer, remoteAddress);
            },
          },
          { proxyProtocol: true },
        );
        const { peer } = connect();
        peer.send(whole.subarray(0, cut));
        await macrotask();
        peer.send(whole.subarray(cut));
        await peer.seen("open");
        const expected = { ...source, encrypted, host: "localhost" };
        expect(seen).toEqual([expect.objectContaining(expected), "memory"]);
        const [ws] = server.connections;
        expect(ws!.peer).toMatchObject({ ...expected, proxied: { source } });
        expect(ws!.remoteAddress).toBe("memory");
      }
    },
  );

  it("is told of a plain request of HTTP/1.0, too, which has no host", async () => {
    const seen: unknown[] = [];
    const { connect } = testServer(
      {
        http: ({ peer }) => {
          seen.push(peer);
          return { status: 204 };
        },
      },
      { proxyProtocol: true },
    );
    const { peer } = connect();
    peer.send(line, encodeUtf8("GET /health HTTP/1.0\r\n\r\n"));
    await peer.seen("closed");
    expect(peer.response).toMatch(/^HTTP\/1.1 204 /);
    expect(seen).toEqual([expect.objectContaining({ ...source, host: "" })]);
  });

  it("believes headers of HTTP behind it by the address that it names", async () => {
    for (const [trustProxy, address] of [
      [["192.0.2.7"], "203.0.113.9"],
      [["memory"].slice(1), "192.0.2.7"],
    ] as const) {
      const { connect, server } = testServer({}, { proxyProtocol: true, trustProxy });
      const { peer } = connect();
      peer.send(line, upgradeRequest({ "X-Forwarded-For": "203.0.113.9" }));
      await peer.seen("open");
      expect(server.connections[0]!.peer).toMatchObject({ address, proxied: { source } });
    }
  });

  it("takes a balancer's own connection for what it is", async () => {
    for (const header of [
      encodeUtf8("PROXY UNKNOWN\r\n"),
      binaryHeader({ versionAndCommand: 0x20 }),
    ]) {
      const { connect, server } = testServer({}, { proxyProtocol: true });
      const { peer } = connect();
      peer.send(header, request);
      await peer.seen("open");
      expect(server.connections[0]!.peer).toMatchObject({
        address: "memory",
        port: undefined,
        proxied: { source: undefined },
      });
    }
  });

  it("gives no address of who has come to the balancer by a Unix socket", async () => {
    const { connect, server } = testServer({}, { proxyProtocol: true });
    const { peer } = connect();
    peer.send(binaryHeader({ family: 0x31, addresses: new Uint8Array(216).fill(97) }), request);
    await peer.seen("open");
    expect(server.connections[0]!.peer).toMatchObject({ address: undefined, port: undefined });
  });

  it.each([
    ["a request without it", request],
    ["a header that is malformed", encodeUtf8("PROXY TCP4 1 2 3 4\r\n")],
    ["one with a wrong checksum", binaryHeader({ fields: [field(3, new Uint8Array(4))] })],
  ])("drops whoever has to speak it and sends %s, without an answer", async (_, bytes) => {
    const { connect, lines } = testServer({}, { proxyProtocol: true });
    const { peer } = connect();
    peer.send(bytes);
    await peer.seen("closed");
    expect(peer.response).toBe("");
    expect(lines).toEqual(["refused BAD_PROXY_HEADER"]);
  });

  it("takes others for clients: their header is no request", async () => {
    for (const bytes of [line, binaryHeader()]) {
      const { connect, lines } = testServer({}, { proxyProtocol: ["10.0.0.0/8"] });
      const { peer } = connect();
      peer.send(bytes, request);
      await peer.seen("closed");
      expect(peer.response).toMatch(/^HTTP\/1.1 400 /);
      expect(lines).toEqual(["refused MALFORMED_REQUEST"]);
    }
    const { open } = testServer({}, { proxyProtocol: ["10.0.0.0/8"] });
    expect((await open()).ws.peer).toMatchObject({ address: "memory", proxied: undefined });
  });

  it("has the time of the handshake, and ends with the peer's stream, or with the socket", async () => {
    const { connect, clock, lines } = testServer({}, { proxyProtocol: true });
    const late = connect();
    late.peer.send(line.subarray(0, 9));
    await macrotask();
    clock.advance(10_200);
    await late.peer.seen("closed");
    const left = connect();
    left.peer.send(line.subarray(0, 9));
    left.peer.transport.end();
    await left.peer.seen("closed");
    expect(lines).toEqual(["refused REJECTED", "refused INTERNAL"]);
    expect(late.peer.response + left.peer.response).toBe("");
  });

  it("takes a connection that says nothing for one that only knocked", async () => {
    const { connect, clock, lines, server } = testServer({}, { proxyProtocol: true });
    const late = connect();
    clock.advance(10_200);
    await late.peer.seen("closed");
    const left = connect();
    left.peer.transport.end();
    await left.peer.seen("closed");
    const gone = connect();
    gone.peer.send(line);
    gone.peer.transport.destroy();
    await macrotask();
    expect(lines).toEqual([]);
    expect(server.counters.opening).toBe(0);
  });

  it("is refused where the header cannot be read", () => {
    expect(() => testServer({}, { proxyProtocol: true, tls: { cert: "a", key: "b" } })).toThrow(
      TypeError,
    );
  });
});
