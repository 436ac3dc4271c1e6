import { describe, expect, it } from "vitest";
import { memoryPair, type MemoryTransport } from "../../../adapters/memory/index.ts";
import { encodeUtf8 } from "../../../src/bytes.ts";
import type { ServerHandlers } from "../../../src/connection/handlers.ts";
import { Deadlines } from "../../../src/clock.ts";
import type { Answer } from "../../../src/connection/http/answer.ts";
import {
  type Answerer,
  type ExchangeOwner,
  HttpExchange,
} from "../../../src/connection/http/exchange.ts";
import { resolveHttpSettings } from "../../../src/connection/http/settings.ts";
import { requestFraming } from "../../../src/http/body.ts";
import { HeadParser } from "../../../src/http/parser.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import type { HttpRequest } from "../../../src/connection/http/request.ts";
import type { ServeOptions } from "../../../src/connection/server/serve.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { HttpPeer } from "../../support/http-peer.ts";
import { upgradeRequest } from "../../support/peer.ts";
import { nameOf, testServer, type TestServer } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

interface Started extends TestServer {
  readonly peer: HttpPeer;
  readonly transport: MemoryTransport;
}

/** A server in memory, and a client of it. */
function start(
  handlers: ServerHandlers,
  options: Partial<ServeOptions> = {},
  capacity?: number,
): Started {
  const started = testServer(handlers, options);
  const [ours, theirs] = memoryPair(capacity === undefined ? {} : { capacity });
  started.server.accept(ours);
  return { ...started, peer: new HttpPeer(theirs), transport: ours };
}

/** A request with header lines beside Host. */
function request(line: string, ...lines: readonly string[]): string {
  return [`${line} HTTP/1.1`, "Host: localhost", ...lines, "", ""].join("\r\n");
}

const get = request("GET /");
const last = request("GET /last", "Connection: close");

/** Says what was asked for, and what body came. */
const echo: ServerHandlers = {
  http: {
    GET: ({ method, path }) => ({ body: `${method} ${path}` }),
    POST: async (asked) => ({ status: 201, headers: [], body: await asked.text() }),
  },
};

const kept = ["Connection: keep-alive", "Keep-Alive: timeout=5"];
const typed = "Content-Type: text/plain; charset=utf-8";

describe("a plain request", () => {
  it("is answered, and another one may come behind it, until one says that it is the last", async () => {
    const { peer, lines, clock } = start(echo);
    peer.send(get);
    const first = ["HTTP/1.1 200 OK", ...kept, "Content-Length: 5", typed, "", "GET /"];
    expect(await peer.answer(5)).toEqual(first);
    peer.send(last);
    expect(await peer.answer(9)).toEqual([
      "HTTP/1.1 200 OK",
      "Connection: close",
      "Content-Length: 9",
      typed,
      "",
      "GET /last",
    ]);
    await peer.told("closed");
    expect(peer.lines).toEqual(["end", "closed"]);
    expect(lines).toEqual([]);
    expect(clock.running).toBe(0);
  });

  it.each(["close", "Close", "foo, close", "close,foo"])(
    "is the last one where it says Connection: %s",
    async (connection) => {
      const { peer } = start(echo);
      peer.send(request("GET /", `Connection: ${connection}`));
      expect(await peer.answer(5)).toContain("Connection: close");
      await peer.told("closed");
    },
  );

  it.each(["closed", "keep-alive", "foo"])(
    "is not where it says Connection: %s",
    async (connection) => {
      const { peer } = start(echo);
      peer.send(request("GET /", `Connection: ${connection}`));
      expect(await peer.answer(5)).toContain("Connection: keep-alive");
    },
  );

  it("may come in one chunk with others: one is answered after the other, in their order", async () => {
    const gate = newDeferred<void>();
    const asked: string[] = [];
    const { peer } = start({
      async http({ path }) {
        asked.push(path);
        if (path === "/1") await gate.promise;
        return { body: path };
      },
    });
    peer.send(request("GET /0"), request("GET /1"), request("GET /2"), request("GET /3"));
    await macrotask();
    expect(asked).toEqual(["/0", "/1"]);
    gate.resolve();
    for (const path of ["/0", "/1", "/2", "/3"]) expect((await peer.answer(2)).at(-1)).toBe(path);
  });

  it("may come with a thousand others that are answered at once", async () => {
    const { peer } = start(echo, { maxRequests: 2000 });
    peer.send(get.repeat(1000));
    for (let i = 0; i < 1000; i++) expect((await peer.answer(5)).at(-1)).toBe("GET /");
  });

  it("is read wherever the stream is cut", async () => {
    const { peer } = start(echo);
    const wire = encodeUtf8(request("POST /", "Content-Length: 5") + "Hello" + last);
    for (const byte of wire) {
      peer.send(Uint8Array.of(byte));
      await macrotask();
    }
    expect((await peer.answer(5)).at(-1)).toBe("Hello");
    expect((await peer.answer(9)).at(-1)).toBe("GET /last");
  });

  it("is the last one at maxRequests", async () => {
    const { peer } = start(echo, { maxRequests: 2 });
    peer.send(get, get, get);
    expect(await peer.answer(5)).toContain("Connection: keep-alive");
    expect(await peer.answer(5)).toContain("Connection: close");
    await peer.told("closed");
    expect(peer.text).toBe("");
  });

  it("may be followed by one for a WebSocket", async () => {
    const { peer, lines } = start(echo);
    peer.send(get, upgradeRequest());
    await peer.answer(5);
    await peer.seen("HTTP/1.1 101");
    await macrotask();
    expect(lines).toEqual(["open"]);
  });

  it("is answered where the client has ended its stream behind it, and those behind it, too", async () => {
    const gate = newDeferred<void>();
    const { peer, clock, server } = start({
      async http({ path }) {
        await gate.promise;
        return { body: path };
      },
    });
    peer.send(request("GET /1"), request("GET /2"));
    peer.transport.end();
    await macrotask();
    gate.resolve();
    expect((await peer.answer(2)).at(-1)).toBe("/1");
    expect((await peer.answer(2)).at(-1)).toBe("/2");
    await peer.told("closed");
    expect(server.counters.opening).toBe(0);
    expect(clock.running).toBe(0);
  });

  it("that only begins behind another one is none where the client ends its stream", async () => {
    const { peer, clock } = start(echo);
    peer.send(get, "GET / HT");
    peer.transport.end();
    await peer.told("closed");
    expect((await peer.answer(5)).at(-1)).toBe("GET /");
    expect(clock.running).toBe(0);
  });
});

describe("a plain request of another kind", () => {
  it("of HTTP/1.0 is answered without a Host, and ends the connection", async () => {
    const { peer, lines } = start(echo);
    peer.send("GET /health HTTP/1.0\r\n\r\n", get);
    expect(await peer.answer(11)).toEqual([
      "HTTP/1.1 200 OK",
      "Connection: close",
      "Content-Length: 11",
      typed,
      "",
      "GET /health",
    ]);
    await peer.told("closed");
    expect(peer.text).toBe("");
    expect(lines).toEqual([]);
  });

  it("of HTTP/1.0 has no host to tell of", async () => {
    const { peer } = start({ http: ({ host }) => ({ body: `[${host}]` }) });
    peer.send("GET / HTTP/1.0\r\n\r\n");
    expect((await peer.answer(2)).at(-1)).toBe("[]");
  });

  it.each([
    ["HEAD", "is answered as GET, without the body", 200, "Content-Length: 6"],
    ["OPTIONS", "is answered with what is allowed", 204, "Allow: GET, POST, HEAD, OPTIONS"],
  ])("that is %s %s, and another one may come", async (method, _, status, line) => {
    const { peer } = start(echo);
    peer.send(request(`${method} /`), last);
    const answer = await peer.answer(0);
    expect(answer[0]).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain(line);
    expect((await peer.answer(9)).at(-1)).toBe("GET /last");
  });

  it("that is HEAD has no body where it would come in pieces: nobody is asked for them", async () => {
    let isAsked = false;
    const pieces = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          isAsked = true;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    };
    const { peer } = start({ http: () => ({ body: pieces }) });
    peer.send(request("HEAD /"), request("HEAD /"));
    const answer = ["HTTP/1.1 200 OK", ...kept, typed, "", ""];
    expect(await peer.answer(0)).toEqual(answer);
    expect(await peer.answer(0)).toEqual(answer);
    expect(isAsked).toBe(false);
  });

  it("that is HEAD is refused without a body", async () => {
    const { peer } = start({ http: () => ({ status: 99 }) });
    peer.send(request("HEAD /"));
    await peer.told("closed");
    expect(peer.text).toMatch(/^HTTP\/1.1 500 [^]*\r\n\r\n$/);
  });

  it("that is OPTIONS * is about the server: 204", async () => {
    const { peer } = start({ routes: {} });
    peer.send(request("OPTIONS *"));
    expect(await peer.answer(0)).toContain("Allow: GET, HEAD, OPTIONS");
  });

  it("that asks for another path than one by * is 400", async () => {
    const { peer } = start(echo);
    peer.send(request("GET *"));
    await peer.seen("HTTP/1.1 400 ");
  });

  it("that offers h2c, or another protocol, is answered as if it did not", async () => {
    const { peer } = start(echo);
    const offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"];
    peer.send(request("GET /", ...offer), request("POST /", ...offer, "Content-Length: 1"), "a");
    expect(await peer.answer(5)).toContain("HTTP/1.1 200 OK");
    expect(await peer.answer(1)).toContain("HTTP/1.1 201 Created");
  });

  it("that is too much of HTTP, such as version 2, is 505", async () => {
    const { peer } = start(echo);
    peer.send("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n");
    await peer.seen("HTTP/1.1 505 ");
  });

  it.each([
    ["none", []],
    ["two", ["Host: a", "Host: a"]],
    ["an odd one", ["Host: a b"]],
  ])("that has as Host %s is 400", async (_, hosts) => {
    const { peer } = start(echo);
    peer.send(["GET / HTTP/1.1", ...hosts, "", ""].join("\r\n"), get);
    await peer.told("closed");
    expect(peer.text).toMatch(/^HTTP\/1.1 400 /);
    expect(peer.text.match(/HTTP\/1.1 /g)).toHaveLength(1);
  });

  it("is nothing where an Upgrade to websocket is wrong: that is refused, and ends the connection", async () => {
    const { peer } = start(echo);
    peer.send(request("GET /", "Upgrade: websocket"), get);
    await peer.told("closed");
    expect(peer.text).toMatch(/^HTTP\/1.1 400 /);
    expect(peer.text.match(/HTTP\/1.1 /g)).toHaveLength(1);
  });
});

describe("the time of a plain request", () => {
  it("is keepAliveTimeout between two of them", async () => {
    const { peer, clock, lines } = start(echo, { keepAliveTimeout: 3000 });
    peer.send(get);
    expect(await peer.answer(5)).toContain("Keep-Alive: timeout=3");
    clock.advance(2800);
    peer.send(get);
    await peer.answer(5);
    clock.advance(2800);
    expect(peer.lines).toEqual([]);
    clock.advance(400);
    await peer.told("closed");
    expect(lines).toEqual([]);
    expect(clock.running).toBe(0);
  });

  it("has no end between two of them where keepAliveTimeout is 0", async () => {
    const { peer, clock } = start(echo, { keepAliveTimeout: 0 });
    peer.send(get);
    expect(await peer.answer(5)).not.toContain("Keep-Alive: timeout=0");
    clock.advance(3_600_000);
    peer.send(get);
    await peer.answer(5);
  });

  it("is handshakeTimeout for a head, from its first byte on, also of the second one", async () => {
    const { peer, clock } = start(echo, { keepAliveTimeout: 9000, handshakeTimeout: 3000 });
    peer.send(get);
    await peer.answer(5);
    clock.advance(8000);
    for (const letter of "GET") {
      peer.send(letter);
      await macrotask();
      clock.advance(1100);
    }
    await peer.seen("HTTP/1.1 408 ");
    await peer.told("closed");
    expect(clock.running).toBe(0);
  });

  it("is handshakeTimeout for the hook, behind the body: 503, and the signal aborts", async () => {
    let asked: HttpRequest | undefined;
    const { peer, clock, lines } = start(
      {
        http: {
          POST(request) {
            asked = request;
            return new Promise(() => {});
          },
        },
      },
      { handshakeTimeout: 3000 },
    );
    peer.send(request("POST /", "Content-Length: 2"), "a");
    await macrotask();
    const { signal } = asked!;
    clock.advance(2000);
    peer.send("b");
    await macrotask();
    clock.advance(2000);
    await macrotask();
    expect(peer.text).toBe("");
    clock.advance(1200);
    await peer.seen("HTTP/1.1 503 ");
    await peer.told("closed");
    expect(signal.reason).toMatchObject({ code: "HANDSHAKE_TIMEOUT" });
    expect(lines).toEqual(["refused INTERNAL"]);
    expect(clock.running).toBe(0);
  });

  it("is up for a body that does not move at minProgress: 408", async () => {
    const { peer, clock, lines } = start(echo, { handshakeTimeout: 3000, minProgress: 100 });
    peer.send(request("POST /", "Content-Length: 10000"));
    for (let i = 0; i < 5; i++) {
      peer.send("a".repeat(300));
      await macrotask();
      clock.advance(3100);
    }
    await macrotask();
    expect(peer.text).toBe("");
    peer.send("a".repeat(298));
    await macrotask();
    clock.advance(3100);
    await peer.seen("HTTP/1.1 408 ");
    await peer.told("closed");
    expect(lines).toEqual(["refused REJECTED"]);
    expect(clock.running).toBe(0);
  });

  it("goes on for a body whose first bytes came beside its head, and which rests until the first look", async () => {
    const { peer, clock } = start(echo, { handshakeTimeout: 3000, minProgress: 100 });
    peer.send(request("POST /", "Content-Length: 400"), "a".repeat(300));
    await macrotask();
    clock.advance(3100);
    await macrotask();
    expect(peer.text).toBe("");
    clock.advance(3100);
    await peer.seen("HTTP/1.1 408 ");
  });

  it("goes on for a body that is complete while its time is looked after", async () => {
    const { peer, clock } = start(echo, { handshakeTimeout: 3000, minProgress: Infinity });
    peer.send(request("POST /", "Content-Length: 3"));
    await macrotask();
    peer.send("a");
    await macrotask();
    clock.advance(3100);
    peer.send("bc");
    expect((await peer.answer(3)).at(-1)).toBe("abc");
  });

  it("is the hook's where the hook does not read", async () => {
    const { peer, clock, transport } = start(
      { http: { POST: () => new Promise(() => {}) } },
      { handshakeTimeout: 3000 },
    );
    peer.send(request("POST /", "Content-Length: 1000000"), new Uint8Array(100_000));
    await macrotask();
    clock.advance(3100);
    await peer.seen("HTTP/1.1 503 ");
    await peer.told("closed");
    expect(transport).toBeDefined();
    expect(clock.running).toBe(0);
  });

  it("is up for a client that does not take its answer", async () => {
    const { peer, clock, lines, server } = start(
      { http: () => ({ body: new Uint8Array(1000) }) },
      { handshakeTimeout: 3000, minProgress: 1000 },
      100,
    );
    peer.transport.pause();
    peer.send(get, get);
    await macrotask();
    clock.advance(3900);
    await macrotask();
    expect(server.counters.opening).toBe(1);
    clock.advance(1000);
    await macrotask();
    expect(lines).toEqual(["refused REJECTED"]);
    expect(server.counters.opening).toBe(0);
    expect(clock.running).toBe(0);
  });
});

describe("the answer to a plain request", () => {
  it("may come piece by piece: in chunks for HTTP/1.1, and the connection lives on", async () => {
    const gate = newDeferred<void>();
    const { peer } = start({
      http: () => ({
        body: (async function* () {
          yield "Hel";
          yield "";
          await gate.promise;
          yield encodeUtf8("lo");
        })(),
      }),
    });
    peer.send(get, last);
    const first = "3\r\nHel\r\n";
    expect(await peer.answer(first.length)).toEqual([
      "HTTP/1.1 200 OK",
      ...kept,
      "Transfer-Encoding: chunked",
      typed,
      "",
      first,
    ]);
    await macrotask();
    expect(peer.text).toBe("");
    gate.resolve();
    const rest = "2\r\nlo\r\n0\r\n\r\n";
    await peer.seen(rest);
    peer.text = peer.text.slice(rest.length);
    expect(await peer.answer(0)).toContain("Connection: close");
    await peer.told("closed");
  });

  it("comes piece by piece until the end of the stream for HTTP/1.0", async () => {
    const { peer } = start({ http: () => ({ body: new Blob(["Hello"]).stream() }) });
    peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    await peer.told("closed");
    expect(await peer.answer(5)).toEqual([
      "HTTP/1.1 200 OK",
      "Connection: close",
      typed,
      "",
      "Hello",
    ]);
  });

  it("is asked for the next piece when the client has taken the one before", async () => {
    let asked = 0;
    const { peer } = start(
      {
        http: () => ({
          body: (async function* () {
            for (; asked < 100; asked++) yield "a".repeat(1000);
          })(),
        }),
      },
      {},
      1000,
    );
    peer.transport.pause();
    peer.send(get);
    await macrotask();
    await macrotask();
    expect(asked).toBeLessThan(4);
    peer.transport.resume();
    await peer.seen("\r\n0\r\n\r\n");
    expect(asked).toBe(100);
  });

  it.each(["closed", "reset"])(
    "is asked for nothing more where the connection is %s",
    async (how) => {
      const seen: string[] = [];
      const { peer, transport, clock, lines } = start({
        http: ({ signal }) => ({
          body: (async function* () {
            try {
              signal.addEventListener("abort", () => seen.push("abort"));
              for (;;) {
                yield "a";
                await macrotask();
              }
            } finally {
              seen.push("return");
            }
          })(),
        }),
      });
      peer.send(get);
      await peer.seen("\r\na\r\n");
      if (how === "reset") transport.reset(new Error("ECONNRESET"));
      else peer.transport.destroy();
      await peer.told("closed");
      while (seen.length < 2) await macrotask();
      expect(seen).toEqual(["abort", "return"]);
      expect(lines).toEqual([]);
      expect(clock.running).toBe(0);
    },
  );

  it.each<[what: string, body: () => AsyncIterable<string>]>([
    [
      "fails",
      async function* () {
        yield "a";
        throw new Error("disk");
      },
    ],
    [
      "gives a piece that is none",
      async function* () {
        yield "a";
        yield 7 as unknown as string;
      },
    ],
  ])("that %s in the middle drops the connection", async (_, body) => {
    const { peer, lines, clock } = start({ http: () => ({ body: body() }) });
    peer.send(get, get);
    await peer.told("closed");
    expect(lines).toEqual(["refused INTERNAL"]);
    expect(peer.text).not.toContain("0\r\n\r\n");
    expect(clock.running).toBe(0);
  });

  it("of a hook that fails is 500, and the last one", async () => {
    const { peer, lines } = start({
      http: { GET: () => Promise.reject(new Error("secret")) },
    });
    peer.send(get, get);
    await peer.told("closed");
    expect(peer.text).toMatch(/^HTTP\/1.1 500 /);
    expect(peer.text).not.toContain("secret");
    expect(peer.text.match(/HTTP\/1.1 /g)).toHaveLength(1);
    expect(lines).toEqual(["refused INTERNAL"]);
  });

  it("that comes when the client has gone goes nowhere, and what makes it is told", async () => {
    const gate = newDeferred<void>();
    const seen: string[] = [];
    const { peer, transport, lines } = start({
      async http() {
        await gate.promise;
        return { body: new ReadableStream({ cancel: () => void seen.push("canceled") }) };
      },
    });
    peer.send(get);
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    await macrotask();
    gate.resolve();
    await macrotask();
    expect(seen).toEqual(["canceled"]);
    expect(lines).toEqual(["refused INTERNAL"]);
  });

  it("that cannot be sent when it comes is 500", async () => {
    const { peer } = start({ http: async () => ({ status: 99 }) });
    peer.send(get);
    await peer.seen("HTTP/1.1 500 ");
  });
});

describe("a shutdown", () => {
  it("ends at once who has nothing to be answered, and lets the others be answered", async () => {
    const gate = newDeferred<void>();
    const { peer, server, clock } = start({
      async http({ path }) {
        if (path === "/slow") await gate.promise;
        return { body: path };
      },
    });
    const idle = new HttpPeer(joined(server));
    idle.send(request("GET /"));
    await idle.answer(1);
    peer.send(request("GET /slow"), get);
    await macrotask();
    const over = server.shutdown({ deadline: 5000 });
    await idle.told("closed");
    expect(peer.lines).toEqual([]);
    gate.resolve();
    expect(await peer.answer(5)).toContain("Connection: close");
    await over;
    expect(peer.lines).toEqual(["end", "closed"]);
    expect(peer.text).toBe("");
    expect(clock.running).toBe(0);
  });

  it("drops at its deadline who is not done, and the hook is told", async () => {
    let reason: unknown;
    const { peer, server, clock } = start({
      http: ({ signal }) =>
        new Promise(() => {
          signal.addEventListener("abort", () => (reason = signal.reason));
        }),
    });
    peer.send(get);
    await macrotask();
    const over = server.shutdown({ deadline: 2000 });
    clock.advance(2100);
    await over;
    await peer.told("closed");
    expect(reason).toMatchObject({ code: "SHUTDOWN_TIMEOUT" });
    expect(clock.running).toBe(0);
  });

  it("lets an answer in pieces come to its end", async () => {
    const gate = newDeferred<void>();
    const { peer, server } = start({
      http: () => ({
        body: (async function* () {
          yield "a";
          await gate.promise;
          yield "b";
        })(),
      }),
    });
    peer.send(get, get);
    await peer.seen("\r\na\r\n");
    const over = server.shutdown();
    await macrotask();
    gate.resolve();
    await over;
    expect(peer.text).toMatch(/\r\nb\r\n0\r\n\r\n$/);
  });
});

/** Another connection of a server. */
function joined(server: TestServer["server"]): MemoryTransport {
  const [ours, theirs] = memoryPair();
  server.accept(ours);
  return theirs;
}

describe("the body of a plain request", () => {
  it.each([
    ["of a length", request("POST /", "Content-Length: 5"), "Hello"],
    [
      "in chunks",
      request("POST /", "Transfer-Encoding: chunked"),
      "2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n",
    ],
  ])("%s is read, and what is behind it is the next request", async (_, head, body) => {
    const { peer } = start(echo);
    peer.send(head, body, head, body, last);
    const answer = ["HTTP/1.1 201 Created", ...kept, "Content-Length: 5", "", "Hello"];
    expect(await peer.answer(5)).toEqual(answer);
    expect(await peer.answer(5)).toEqual(answer);
    expect((await peer.answer(9)).at(-1)).toBe("GET /last");
  });

  it("holds the client back while it is not read", async () => {
    const gate = newDeferred<void>();
    const hook = async (asked: HttpRequest) => {
      await gate.promise;
      return { body: String((await asked.bytes()).length) };
    };
    const { peer } = start({ http: { POST: hook } }, {}, 16 * 1024);
    let isTaken = false;
    peer.send(request("POST /", "Content-Length: 400000"));
    for (let i = 0; i < 4; i++) peer.send(new Uint8Array(100_000));
    const write = peer.transport.write.bind(peer.transport);
    peer.transport.write = (bytes) => {
      isTaken = bytes.length === 1;
      return write(bytes);
    };
    peer.send(Uint8Array.of(1));
    await macrotask();
    expect(isTaken).toBe(false);
    gate.resolve();
    expect((await peer.answer(6)).at(-1)).toBe("400000");
  });

  it("that nobody reads is no next request: the connection ends behind the answer", async () => {
    const { peer } = start({ http: { POST: () => ({ body: "no" }) } });
    peer.send(request("POST /", "Content-Length: 1000"));
    expect(await peer.answer(2)).toContain("Connection: close");
    peer.send(get, new Uint8Array(2000));
    await peer.told("closed");
    expect(peer.text).toBe("");
  });

  it.each([
    ["that has come, and is kept for later,", "/later", "abcdefgh"],
    ["of which a part has come", "/begun", "abc"],
    ["of which nothing has come", "/later", ""],
  ])("%s is no whole body to who reads behind the answer", async (_, path, sent) => {
    const read: Promise<unknown>[] = [];
    const errors: unknown[] = [];
    const { peer } = start({
      http: {
        // Begins to read, or keeps the request for later, and answers before it is done.
        POST: (asked) => {
          const begun = asked.path === "/begun" ? asked.bytes() : undefined;
          const later = newDeferred<unknown>();
          setTimeout(() => {
            later.resolve(begun ?? asked.text());
          }, 0);
          read.push(later.promise.catch((error: unknown) => errors.push(error)));
          return { body: "early" };
        },
      },
    });
    peer.send(`${request(`POST ${path}`, "Content-Length: 8")}${sent}`);
    await peer.answer(5);
    await Promise.all(read);
    expect(errors).toEqual([
      new TypeError("The request has been answered: what was not read of its body is gone"),
    ]);
  });

  it("is there behind the answer where it was read before", async () => {
    const read = newDeferred<unknown>();
    const { peer } = start({
      http: {
        POST: async (asked) => {
          const pieces: string[] = [];
          for await (const piece of asked) pieces.push(new TextDecoder().decode(piece));
          setTimeout(() => {
            read.resolve(asked.text());
          }, 0);
          return { body: pieces.join() };
        },
      },
    });
    peer.send(`${request("POST /", "Content-Length: 3")}abc`);
    expect((await peer.answer(3)).at(-1)).toBe("abc");
    expect(await read.promise).toBe("");
  });

  it("that nobody reads and that has come whole is dropped", async () => {
    const { peer } = start({
      http: { POST: () => ({ body: "no" }), GET: () => ({ body: "yes" }) },
    });
    peer.send(request("POST /", `Content-Length: ${get.length}`), get, get);
    expect((await peer.answer(2)).at(-1)).toBe("no");
    expect((await peer.answer(3)).at(-1)).toBe("yes");
    expect(peer.text).toBe("");
  });

  it("is asked for where the client waits for that, and only when it is read", async () => {
    const gate = newDeferred<void>();
    const { peer } = start({
      http: {
        async POST(asked) {
          await gate.promise;
          return { body: await asked.text() };
        },
      },
    });
    peer.send(request("POST /", "Content-Length: 5", "Expect: 100-Continue"));
    await macrotask();
    expect(peer.text).toBe("");
    gate.resolve();
    await peer.seen("\r\n\r\n");
    expect(peer.text).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    peer.text = "";
    peer.send("Hello");
    expect((await peer.answer(5)).at(-1)).toBe("Hello");
  });

  it("is not asked for where the answer needs none of it", async () => {
    const { peer } = start({ http: { POST: () => ({ status: 403 }) } });
    peer.send(request("POST /", "Content-Length: 5", "Expect: 100-continue"));
    expect((await peer.answer(0)).slice(0, 2)).toEqual([
      "HTTP/1.1 403 Forbidden",
      "Connection: close",
    ]);
  });

  it("is not asked for where it has come", async () => {
    const { peer } = start(echo);
    peer.send(request("POST /", "Content-Length: 5", "Expect: 100-continue"), "Hello");
    expect((await peer.answer(5))[0]).toBe("HTTP/1.1 201 Created");
  });

  it("is asked for in front of the answer, also where the client takes a byte at a time", async () => {
    const { peer } = start(echo, {}, 1);
    peer.send(request("POST /", "Content-Length: 5", "Expect: 100-continue"));
    await macrotask();
    peer.send("Hello");
    await peer.seen("\r\n\r\nHello");
    expect(peer.text).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 Created\r\n/);
  });

  it("does not come where the client goes: the hook is told, and nobody is answered", async () => {
    const seen: unknown[] = [];
    const { peer, lines, clock } = start({
      http: {
        async POST(asked) {
          const { signal } = asked;
          const error = await asked.bytes().catch((reason: unknown) => reason);
          seen.push((error as { code: string }).code, signal.aborted);
          return {};
        },
      },
    });
    peer.send(request("POST /", "Content-Length: 5"), "He");
    await macrotask();
    peer.transport.end();
    await peer.told("closed");
    await macrotask();
    expect(seen).toEqual(["UNEXPECTED_END", true]);
    expect(peer.text).toBe("");
    expect(lines).toEqual(["refused INTERNAL"]);
    expect(clock.running).toBe(0);
  });

  it.each<[what: string, status: number, head: string, body: string]>([
    ["a chunk without a size", 400, request("POST /", "Transfer-Encoding: chunked"), "x\r\n"],
    [
      "more than maxBodySize in chunks",
      413,
      request("POST /", "Transfer-Encoding: chunked"),
      "b\r\n",
    ],
    ["more than maxBodySize", 413, request("POST /", "Content-Length: 11"), ""],
    ["two lengths", 400, request("POST /", "Content-Length: 1", "Content-Length: 1"), ""],
    [
      "a length and chunks",
      400,
      request("POST /", "Content-Length: 5", "Transfer-Encoding: chunked"),
      "0\r\n\r\n",
    ],
    ["another coding", 501, request("POST /", "Transfer-Encoding: gzip, chunked"), ""],
    ["another expectation", 417, request("POST /", "Expect: wonders", "Content-Length: 1"), "a"],
  ])("with %s is answered %i, and nothing behind it is read", async (_, status, head, body) => {
    const asked: string[] = [];
    const { peer, clock } = start(
      {
        http: {
          GET({ path }) {
            asked.push(path);
            return {};
          },
          POST: (request) => request.text().then((text) => ({ body: text })),
        },
      },
      { maxBodySize: 10 },
    );
    peer.send(head, body, get);
    await peer.seen(`HTTP/1.1 ${status} `);
    expect(peer.text).toContain("\r\nConnection: close\r\n");
    await peer.told("closed");
    expect(peer.text.match(/HTTP\/1.1 /g)).toHaveLength(1);
    expect(asked).toEqual([]);
    expect(clock.running).toBe(0);
  });

  it("is refused for what comes later, as soon as it comes", async () => {
    const { peer } = start(echo);
    peer.send(request("POST /", "Transfer-Encoding: chunked"));
    await macrotask();
    peer.send("1\r\na\n");
    await peer.seen("HTTP/1.1 400 ");
    await peer.told("closed");
  });

  it("is refused by dropping the connection where a 100 Continue is still on its way", async () => {
    const { peer, lines } = start(echo, {}, 1);
    peer.transport.pause();
    peer.send(request("POST /", "Transfer-Encoding: chunked", "Expect: 100-continue"));
    await macrotask();
    await macrotask();
    peer.send("?");
    while (lines.length === 0) await macrotask();
    expect(lines).toEqual(["refused BAD_BODY"]);
  });
});

/** An exchange of its own, of a POST without a body unless lines say otherwise, and what its owner is told. */
function exchangeOf(answer: Partial<Answerer>, lines: readonly string[] = [], capacity?: number) {
  const [ours, theirs] = memoryPair(capacity === undefined ? {} : { capacity });
  const clock = new FakeClock();
  const told: string[] = [];
  const parser = new HeadParser("request");
  parser.feed(encodeUtf8(request("POST /", ...lines)));
  parser.head.retain();
  const owner: ExchangeOwner = {
    transport: ours,
    deadlines: new Deadlines(clock),
    http: resolveHttpSettings({}, { ...times, minProgress: 100 }),
    handshakeTimeout: 3000,
    requestsLeft: 5,
    onAnswered: () => void told.push("answered"),
    onLastAnswered: () => void told.push("last"),
    onRefused: (error) => void told.push(`refused ${nameOf(error)}`),
    onFailed: (error) => void told.push(`failed ${nameOf(error)}`),
    onGone: () => void told.push("gone"),
  };
  const framing = requestFraming(parser.head);
  const exchange = new HttpExchange(owner, { head: parser.head, framing, peer: undefined }, () => ({
    ask: () => new Promise(() => {}),
    answerOf: (given) => given as Answer,
    isTimed: false,
    ...answer,
  }));
  return { exchange, clock, told, transport: ours, peer: new HttpPeer(theirs) };
}

const times = { pingInterval: 1, pongTimeout: 1, idleTimeout: 1, maxLifetime: 1 };

function inPieces(length: number | undefined, ...pieces: readonly string[]): Answer {
  const left = pieces.map((piece) => encodeUtf8(piece));
  const body = { next: () => Promise.resolve(left.shift()), cancel() {} };
  return { status: 200, headers: [], body, length };
}

/** An exchange whose 100 Continue has to wait until the client reads, and which then has its answer at once. */
function continuing(): ReturnType<typeof exchangeOf> {
  const ask = (asked: HttpRequest): unknown => {
    void asked.bytes().catch(() => {});
    return { status: 200, headers: [], body: "hello" };
  };
  const made = exchangeOf({ ask }, ["Expect: 100-continue", "Content-Length: 4"], 1);
  made.transport.write(encodeUtf8("an earlier answer"));
  return made;
}

describe("HttpExchange", () => {
  it("has a body in pieces be of the length that was said", async () => {
    const { exchange, peer, told } = exchangeOf({ ask: () => inPieces(3, "a", "bc") });
    exchange.begin(new Uint8Array(0), 0);
    await peer.seen("\r\n\r\nabc");
    while (told.length === 0) await macrotask();
    expect(told).toEqual(["answered"]);
  });

  it.each([
    ["longer", "abcd"],
    ["shorter", "ab"],
  ])("drops the connection where a body is %s than was said", async (how, body) => {
    const { exchange, told } = exchangeOf({ ask: () => inPieces(3, body) });
    exchange.begin(new Uint8Array(0), 0);
    while (told.length < 2) await macrotask();
    expect(told).toEqual([`failed Body is ${how} than its Content-Length: 3`, "gone"]);
  });

  it("is not answered if the connection is dropped before the end of a body is taken", async () => {
    const answer = inPieces(undefined);
    const { exchange, peer, told } = exchangeOf({ ask: () => answer }, [], 1);
    peer.transport.pause();
    exchange.begin(new Uint8Array(0), 0);
    await macrotask();
    exchange.drop(new Error("enough"));
    while (told.length === 0) await macrotask();
    await macrotask();
    expect(told).toEqual(["gone"]);
  });

  it.each(["drop", "lose"])(
    "writes nothing behind a 100 Continue that the client has not taken, if we %s it",
    async (how) => {
      const { exchange, transport, peer, told } = continuing();
      let writes = 0;
      const write = transport.write.bind(transport);
      transport.write = (bytes) => {
        writes++;
        return write(bytes);
      };
      peer.transport.pause();
      exchange.begin(new Uint8Array(0), 0);
      expect(writes).toBe(1);
      if (how === "drop") exchange.drop(new Error("enough"));
      else transport.reset(new Error("lost"));
      while (told.length === 0) await macrotask();
      expect([writes, told]).toEqual([1, ["gone"]]);
    },
  );

  it("drops a client that takes neither a 100 Continue nor the answer behind it", async () => {
    const { exchange, peer, told, clock } = continuing();
    peer.transport.pause();
    exchange.begin(new Uint8Array(0), 0);
    peer.send("body");
    await macrotask();
    expect(told).toEqual([]);
    clock.advance(60_000);
    for (let turn = 0; turn < 20; turn++) await macrotask();
    expect(told).toEqual(["failed HANDSHAKE_TIMEOUT", "gone"]);
  });

  it("waits for ever for an answer that is not timed, and holds a client back that sends ahead", async () => {
    const { exchange, clock, told, transport } = exchangeOf({});
    expect(exchange.begin(new Uint8Array(20_000), 0)).toBe(20_000);
    exchange.onData(new Uint8Array(20_000));
    clock.advance(100_000);
    await macrotask();
    expect(told).toEqual([]);
    exchange.drop(new Error("enough"));
    exchange.drop(new Error("again"));
    exchange.onData(new Uint8Array(1));
    exchange.onEnd();
    expect(transport.handler).toBe(exchange);
    while (told.length === 0) await macrotask();
    expect(told).toEqual(["gone"]);
  });

  it("goes on holding back who sends ahead when the body is read", async () => {
    let asked: HttpRequest | undefined;
    const ask = (request: HttpRequest): Promise<never> => {
      asked = request;
      return new Promise(() => {});
    };
    const { exchange, transport } = exchangeOf({ ask }, ["Content-Length: 70000"]);
    const calls: string[] = [];
    transport.pause = () => void calls.push("pause");
    transport.resume = () => void calls.push("resume");
    exchange.begin(new Uint8Array(100_000), 0);
    expect((await asked!.bytes()).length).toBe(70_000);
    expect(calls).toEqual(["pause"]);
  });

  it("reads and drops what comes when it was dropped in the middle of its body", async () => {
    const { exchange, told } = exchangeOf({}, ["Transfer-Encoding: chunked"]);
    exchange.begin(new Uint8Array(0), 0);
    exchange.onData(encodeUtf8("?"));
    expect(told).toEqual(["refused BAD_BODY"]);
  });

  it("waits on when a 100 Continue has gone", async () => {
    const ask = (asked: HttpRequest): Promise<unknown> =>
      asked.text().then(() => new Promise(() => {}));
    const lines = ["Content-Length: 5", "Expect: 100-continue"];
    const { exchange, peer, told, transport } = exchangeOf({ ask }, lines, 1);
    peer.transport.pause();
    transport.write(encodeUtf8("before"));
    exchange.begin(new Uint8Array(0), 0);
    peer.transport.resume();
    await peer.seen("100 Continue\r\n\r\n");
    await macrotask();
    expect(told).toEqual([]);
  });

  it("waits for one who does not read a body, where the answer is not timed", async () => {
    const { exchange, clock, told } = exchangeOf({}, ["Content-Length: 200000"]);
    exchange.begin(new Uint8Array(100_000), 0);
    clock.advance(10_000);
    await macrotask();
    expect(told).toEqual([]);
  });

  it("writes an answer behind a 100 Continue that is still on its way", async () => {
    const ask = (asked: HttpRequest): Answer => {
      void asked.text();
      return { status: 200, headers: [], body: new Uint8Array(0) };
    };
    const lines = ["Content-Length: 5", "Expect: 100-continue"];
    const { exchange, peer, told, transport } = exchangeOf({ ask }, lines, 1);
    peer.transport.pause();
    transport.write(encodeUtf8("before"));
    exchange.begin(new Uint8Array(0), 0);
    peer.transport.resume();
    await peer.seen("HTTP/1.1 200 OK");
    expect(peer.text).toMatch(/^beforeHTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
    expect(told).toEqual(["last"]);
  });
});
