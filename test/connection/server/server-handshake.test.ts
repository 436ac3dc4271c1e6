import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import type { RouteHandlers } from "../../../src/connection/handlers.ts";
import { memoryPair } from "../../../adapters/memory/index.ts";
import { Server } from "../../../src/connection/server/serve.ts";
import { Peer, upgradeRequest } from "../../support/peer.ts";
import { macrotask } from "../../support/turns.ts";
import { testServer } from "../../support/server.ts";
import { undated } from "../../support/undated.ts";

const plainRequest = new TextEncoder().encode("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");

describe("the http hook", () => {
  it("answers a request that asks for no upgrade, and ends the connection if told to", async () => {
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
  ])("answers 500 if it %s", async (_, http) => {
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

  it("answers 408 at handshakeTimeout if a part of the request has come", async () => {
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

  it("is dropped once more at the end of a shutdown if its transport has not closed", async () => {
    const { connect, clock, server } = testServer();
    const { transport } = connect();
    const destroy = transport.destroy.bind(transport);
    let drops = 0;
    transport.destroy = () => {
      if (++drops === 2) destroy();
    };
    const end = server.shutdown({ deadline: 1000 });
    await macrotask();
    expect(drops).toBe(1);
    clock.advance(1200);
    await end;
    expect(drops).toBe(2);
  });

  it("drops a silent peer at handshakeTimeout, and reports nothing", async () => {
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

  it("drops a peer that does not take its refusal at closeTimeout", async () => {
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
  ])("goes on if the refused hook %s", async (_, refused) => {
    const { connect } = testServer({ refused });
    const { peer } = connect();
    peer.send(plainRequest);
    await peer.seen("refused 426");
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

  it("answers 404 if no route matches", async () => {
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

  it("accepts everybody if the route has no hook", async () => {
    const { connect } = testServer({ routes: { "/*": {} } });
    const { peer } = connect();
    peer.send(upgradeRequest({}, "/any/where"));
    await peer.seen("open");
  });

  it("routes a target in absolute form by its path", async () => {
    const { connect } = testServer({ routes: { "/chat": {} } });
    const { peer } = connect();
    peer.send(upgradeRequest({}, "http://localhost/chat?a=b"));
    await peer.seen("open");
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
  ])(
    "is reported to unhandledErrors, as %s, and answered with 500",
    async (thrower, options, path) => {
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
    },
  );

  it("is not an error of the application if a proxy is to blame", async () => {
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
