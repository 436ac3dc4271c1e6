import { describe, expect, it, vi } from "vitest";
import { concat } from "../../../src/bytes.ts";
import { newDeferred } from "../../../src/deferred.ts";
import type { Upgrade } from "../../../src/connection/handlers.ts";
import { HandshakeError } from "../../../src/errors.ts";
import type { OriginPolicy } from "../../../src/handshake/server/origin.ts";
import { rejectConnection } from "../../../src/handshake/server/reject.ts";
import type { UpgradeRequest } from "../../../src/handshake/server/upgrade-request.ts";
import { memoryPair } from "../../../adapters/memory/index.ts";
import { Server } from "../../../src/connection/server/serve.ts";
import { Peer, upgradeRequest } from "../../support/peer.ts";
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
  ])("refuses with rejectConnection() if it %s it", async (_, upgrade) => {
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
  ])("answers 500 without the error's text if it %s", async (_, upgrade) => {
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

  it("is answered for with 503 at handshakeTimeout if it never settles", async () => {
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

  it("opens a connection that ends if it settles after the peer has ended its stream", async () => {
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

  it.each(["resolves", "rejects"])(
    "opens nothing if it %s after the peer has gone",
    async (how) => {
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
    },
  );
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
  it("aborts as soon as the peer is gone, and the refusal has the same error", async () => {
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

  it("aborts even if the peer had ended its stream before the request was read", async () => {
    const gate = newDeferred<undefined>();
    const { handlers, lines } = watched(gate.promise);
    const answer = newDeferred<{ body: string }>();
    const { connect } = testServer({ ...handlers, http: () => answer.promise });
    const { peer } = connect();
    peer.send(plainRequest, upgradeRequest());
    peer.transport.end();
    await macrotask();
    answer.resolve({ body: "ok" });
    await macrotask();
    expect(lines).toEqual(["asked", "TransportError UNEXPECTED_END"]);
    gate.resolve(undefined);
    await peer.seen("closed");
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

  it("is aborted already if it is asked for late", async () => {
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

  it("works for the http hook, too", async () => {
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

  it("may shut the server down in its listener", async () => {
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

  it("holds the peer back at once if much has come with the request", async () => {
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

describe("a connection that is dropped while a function is asked", () => {
  it.each(["says yes", "fails"])("asks no hook if it %s later", async (how) => {
    const gate = newDeferred<boolean>();
    const upgrade = vi.fn();
    const { connect, server, lines, clock } = testServer(
      { upgrade },
      { origins: () => gate.promise },
    );
    const { peer, transport } = connect();
    peer.send(upgradeRequest({ Origin: "https://a.example" }));
    await macrotask();
    // A transport whose end takes its time, and which tells of other things until then.
    const { handler } = transport;
    const destroy = vi.spyOn(transport, "destroy").mockImplementation(() => {});
    const result = server.shutdown({ deadline: 1000 });
    handler.onData(new Uint8Array(32 * 1024));
    handler.onDrain();
    handler.onEnd();
    clock.advance(1200);
    if (how === "fails") gate.reject(new Error("late"));
    else gate.resolve(true);
    await macrotask();
    handler.onClose();
    expect(await result).toEqual({ closed: 0, dropped: 0 });
    expect(destroy).toHaveBeenCalledTimes(1);
    expect(upgrade).not.toHaveBeenCalled();
    expect(lines).toEqual(["refused REJECTED"]);
    expect(clock.running).toBe(0);
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

  it.each(answers)("and then %s decides nothing any more", async (_, answer) => {
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
    expect(peer.lines).toEqual(["refused 503", "end", "closed"]);
    expect(lines).toEqual(["refused REJECTED"]);
    expect(server.counters).toMatchObject({ open: 0, opening: 0, opened: 0 });
    expect(clock.running).toBe(0);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("late");
      },
    ],
    ["rejects", () => Promise.reject(new Error("late"))],
  ])("and then %s still has its error reported", async (_, fail) => {
    const told: unknown[] = [];
    const server = new Server(
      { port: 0, unhandledErrors: (error, { thrower }) => void told.push(thrower, nameOf(error)) },
      {
        upgrade() {
          void server.shutdown();
          return fail();
        },
      },
    );
    const [ours, theirs] = memoryPair();
    server.accept(ours);
    const peer = new Peer(theirs);
    peer.send(upgradeRequest());
    await peer.seen("closed");
    expect(told).toEqual(["upgrade", "late"]);
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
  it.each(oddThenables)("is awaited as by `await`, such as %s", async (_, make, outcome) => {
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

  it.each(oddThenables)("does no harm if it is the handler refused: %s", async (_, make) => {
    const { connect } = testServer({ refused: make });
    const { peer } = connect();
    peer.send(plainRequest);
    await peer.seen("refused 426");
    await peer.seen("closed");
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
    "describes its own client for ever, even if all are read into one %s",
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

  it("does so if it asked for no upgrade", () => {
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

  it("does not share what came after it with later readers", async () => {
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

  it("costs no copy if there is no hook", () => {
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

  it.each([101, 199, 600, 0])("answers 500 if the status is %d", async (status) => {
    const { connect } = testServer({ upgrade: () => ({ status }) });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("refused 500");
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

  it("of another origin is refused if it carries cookies, before any hook is asked", async () => {
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

describe("origins with a function", () => {
  it("are asked before the hook, and waited for: the request stays readable, and early bytes are kept", async () => {
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
  ])("refuse if the function %s, and no hook is asked", async (_, origins, status, code) => {
    const upgrade = vi.fn();
    const { connect, lines } = testServer({ upgrade }, { origins });
    const { peer } = connect();
    peer.send(upgradeRequest({ Origin: "https://a.example" }));
    await peer.seen("closed");
    expect(peer.response).toContain(`HTTP/1.1 ${status} `);
    expect(upgrade).not.toHaveBeenCalled();
    expect(lines).toEqual([`refused ${code}`]);
  });

  it("have the time of the handshake, and then 503 is sent", async () => {
    const { connect, clock } = testServer({}, { origins: () => new Promise(() => {}) });
    const { peer } = connect();
    peer.send(upgradeRequest({ Origin: "https://a.example" }));
    await macrotask();
    clock.advance(10_200);
    await peer.seen("closed");
    expect(peer.response).toContain("HTTP/1.1 503 ");
  });
});
