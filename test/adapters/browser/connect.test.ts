import { createServer, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { connect, reconnecting } from "../../../adapters/browser/index.ts";
import type { Connection } from "../../../src/connection/connection.ts";
import type { ServerHandlers } from "../../../src/connection/handlers.ts";
import type { Server } from "../../../src/connection/server/serve.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { adapter } from "../../support/adapter.ts";
import { giveWebSocket } from "../../support/browser-web-socket.ts";

/** The client for browsers over the runtime's own WebSocket, against a server of this library. */

const servers: Server[] = [];
const undo: (() => unknown)[] = [];

beforeAll(giveWebSocket);

afterEach(async () => {
  for (const task of undo.splice(0)) await task();
  for (const server of servers.splice(0)) await server.shutdown({ deadline: 0 });
});

async function start(handlers: ServerHandlers): Promise<{ url: string; server: Server }> {
  const server = await adapter.serve({ port: 0, hostname: "127.0.0.1" }, handlers);
  servers.push(server);
  return { url: `ws://127.0.0.1:${server.port}`, server };
}

const echo: ServerHandlers = { message: (ws, data) => ws.send(data) };

/** Whatever `work` is rejected with. */
function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.unreachable("It was to fail"),
    (error: unknown) => error,
  );
}

describe("connect() of framewire/browser", () => {
  it("opens a connection that sends and receives, and tells what was agreed on", async () => {
    const { url } = await start({
      ...echo,
      upgrade: ({ protocols }) => ({ protocol: protocols[1] }),
    });
    const ws = await connect(`${url.replace("ws", "http")}/chat?room=1`, {
      protocols: ["a", "b"],
      context: { user: "ann" },
    });
    expect([ws.protocol, ws.target, ws.context.user, ws.state]).toEqual([
      "b",
      "/chat?room=1",
      "ann",
      "open",
    ]);
    await ws.send("text");
    await ws.send(new Uint8Array([1, 2, 3]).subarray(1));
    await ws.send(new Blob(["blob"]));
    expect(await ws.receive()).toBe("text");
    expect(await ws.receive()).toEqual(new Uint8Array([2, 3]));
    expect(await ws.receive()).toEqual(new TextEncoder().encode("blob"));
    expect(await ws.close(4000, "bye")).toEqual({
      status: 4000,
      reason: "bye",
      clean: true,
      initiator: "local",
    });
    expect(ws.state).toBe("closed");
  });

  it("gives messages to a loop, which ends with the connection", async () => {
    const { url } = await start({
      async open(ws) {
        for (const text of ["one", "two", "three"]) await ws.send(text);
        void ws.close(1001);
      },
    });
    const ws = await connect(new URL(url));
    const seen: unknown[] = [];
    for await (const message of ws) seen.push(message);
    expect(seen).toEqual(["one", "two", "three"]);
    expect(await ws.closed).toMatchObject({ status: 1001, clean: true, initiator: "peer" });
  });

  it("gives messages to handlers, one after the other, and its end last", async () => {
    const { url } = await start({
      open(ws) {
        void ws.send("one");
        void ws.send("two");
        void ws.close(4001);
      },
    });
    const lines: string[] = [];
    const told = newDeferred<void>();
    await connect(
      url,
      {},
      {
        open: () => lines.push("open"),
        async message(_, data) {
          lines.push(`begin ${String(data)}`);
          await new Promise((resolve) => setTimeout(resolve, 5));
          lines.push(`end ${String(data)}`);
        },
        close(_, { status }) {
          lines.push(`close ${status}`);
          told.resolve();
        },
      },
    );
    await told.promise;
    // As everywhere, the end waits for a handler only where something waits behind it.
    const order = lines.filter((line) => line !== "end two");
    expect(order).toEqual(["open", "begin one", "end one", "begin two", "close 4001"]);
  });

  it("fails if nobody listens, and says as much as the browser tells", async () => {
    const { url, server } = await start({});
    await server.shutdown();
    const error = await failureOf(connect(url));
    expect(error).toMatchObject({ name: "TransportError", code: "FAILED" });
  });

  it("fails if the server refuses", async () => {
    const { url } = await start({ upgrade: () => ({ status: 403 }) });
    expect(await failureOf(connect(url))).toMatchObject({ code: "FAILED" });
  });

  /** Starts a server that says nothing. */
  async function startSilent(): Promise<string> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.on("error", () => {})));
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    undo.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return `ws://127.0.0.1:${(server.address() as { port: number }).port}/`;
  }

  it("gives up when its time is over, or when its signal aborts", async () => {
    const url = await startSilent();
    expect(await failureOf(connect(url, { timeout: 20 }))).toMatchObject({
      name: "TimeoutError",
      code: "DIAL_TIMEOUT",
      limit: 20,
    });
    const controller = new AbortController();
    const work = connect(url, { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await failureOf(work)).toBe(reason);
    expect(await failureOf(connect(url, { signal: controller.signal }))).toBe(reason);
  });

  it("refuses an invalid URL, and says so if the platform has no WebSocket", async () => {
    expect(await failureOf(connect("ws://"))).toBeInstanceOf(TypeError);
    const { WebSocket } = globalThis as { WebSocket?: unknown };
    Object.assign(globalThis, { WebSocket: undefined });
    undo.push(() => Object.assign(globalThis, { WebSocket }));
    expect(await failureOf(connect("ws://127.0.0.1/"))).toMatchObject({
      name: "TypeError",
      message: expect.stringContaining("framewire/node"),
    });
  });
});

describe("reconnecting() of framewire/browser", () => {
  it("connects again, and sends what has waited", async () => {
    const got: unknown[] = [];
    const four = newDeferred<void>();
    let first: Connection | undefined;
    const { url } = await start({
      open(ws) {
        first ??= ws;
      },
      message(_, data) {
        got.push(data);
        if (got.length === 2) first!.terminate();
        if (got.length === 4) four.resolve();
      },
    });
    const opened: unknown[] = [];
    const feed = reconnecting(({ signal }) => connect(url, { signal }), {
      whileAway: "wait",
      initialDelay: 1,
      resume: (ws) => ws.send("hello"),
      connected: (ws) => opened.push(ws),
    });
    void feed.send("one");
    await feed.ready;
    await feed.connection!.closed;
    await feed.send("two");
    await four.promise;
    expect(got).toEqual(["hello", "one", "hello", "two"]);
    expect(opened).toHaveLength(2);
    feed.unref();
    await feed.close();
    expect(await feed.closed).toMatchObject({ cause: "closed" });
  });
});
