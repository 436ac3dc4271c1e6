import { AsyncLocalStorage } from "node:async_hooks";
import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { reconnecting } from "../../src/connection/client/reconnect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers, ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { runtime } from "../support/runtime.ts";

/**
 * In which context handlers are called, as `AsyncLocalStorage` tells it: in that of `serve` or `connect`, whoever has sent, closed or
 * waited, and whichever timer has run.
 */

const context = new AsyncLocalStorage<string>();
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.shutdown({ deadline: 0 });
});

/** Handlers that write down in which context they are called: "message SERVE". */
function recorder(side: string): {
  seen: Set<string>;
  handlers: Required<Omit<Handlers, "stream">>;
} {
  const seen = new Set<string>();
  const note = (name: string): void => void seen.add(`${side} ${name} ${context.getStore()}`);
  return {
    seen,
    handlers: {
      open: () => note("open"),
      message: () => note("message"),
      ping: () => note("ping"),
      pong: () => note("pong"),
      drain: () => note("drain"),
      error: () => note("error"),
      close: () => note("close"),
    },
  };
}

async function start(options: Partial<ServeOptions>, handlers: ServerHandlers): Promise<string> {
  const server = await context.run("SERVE", () =>
    adapter.serve({ port: 0, hostname: "127.0.0.1", ...options }, handlers),
  );
  servers.push(server);
  return `ws://127.0.0.1:${server.port}/`;
}

/** Waits until a set has as many members. */
async function until(seen: Set<string>, count: number): Promise<string[]> {
  while (seen.size < count) await new Promise((resolve) => setTimeout(resolve, 5));
  return [...seen].sort();
}

/** More bytes than the system takes of one connection at once: 4 MiB by the default of Linux, and what the other side has room for. */
const many = 12 * 1024 * 1024;

describe("the context of handlers", () => {
  it("is that of serve() and of connect(), whoever sends and closes", async () => {
    const ours = recorder("server");
    const theirs = recorder("client");
    let accepted: Connection | undefined;
    const url = await start(
      { pingInterval: 50 },
      {
        ...ours.handlers,
        upgrade: () => void ours.seen.add(`server upgrade ${context.getStore()}`),
        open(ws) {
          accepted = ws;
          return ours.handlers.open(ws);
        },
      },
    );
    const ws = await context.run("CONNECT", () =>
      adapter.connect(url, { pingInterval: 50 }, theirs.handlers),
    );
    context.run("SENDER", () => {
      for (const end of [ws, accepted!]) {
        void end.send("hello");
        for (let size = 0; size < many; size += 1024 * 1024)
          void end.send(new Uint8Array(1024 * 1024));
      }
    });
    await until(theirs.seen, 5);
    await until(ours.seen, 6);
    context.run("CLOSER", () => void ws.close());
    await ws.closed;
    const names = ["close", "drain", "message", "open", "ping", "pong"];
    expect(await until(theirs.seen, 6)).toEqual(names.map((name) => `client ${name} CONNECT`));
    expect(await until(ours.seen, 7)).toEqual(
      [...names, "upgrade"].map((name) => `server ${name} SERVE`),
    );
  });

  it("is that of serve() over TLS, too", async () => {
    const { seen, handlers } = recorder("server");
    const url = await start({ tls: { cert: certificate, key: privateKey } }, handlers);
    const ws = await adapter.connect(url.replace("ws://127.0.0.1", "wss://localhost"), {
      tls: { ca: authority },
    });
    await ws.send("hello");
    await ws.close();
    expect(await until(seen, 3)).toEqual(
      ["close", "message", "open"].map((name) => `server ${name} SERVE`),
    );
  });

  it("is that of serve() beside an HTTP server, too", async () => {
    const http = context.run("HTTP", () => createServer());
    await new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve));
    const { seen, handlers } = recorder("server");
    const server = await context.run("SERVE", () =>
      adapter.serve(
        { server: http },
        { ...handlers, upgrade: () => void seen.add(`server upgrade ${context.getStore()}`) },
      ),
    );
    servers.push(server);
    const ws = await adapter.connect(`ws://127.0.0.1:${server.port}/`);
    await ws.send("hello");
    await ws.close();
    // The sockets of Deno's and Bun's `node:http` tell what they read in no context.
    expect(await until(seen, 4)).toEqual([
      "server close SERVE",
      `server message ${runtime === "node" ? "SERVE" : "undefined"}`,
      "server open SERVE",
      "server upgrade SERVE",
    ]);
    await new Promise((resolve) => http.close(resolve));
  });

  it("is the connection's own where a timer ends it that was another one's first", async () => {
    const url = await start({}, {});
    const { seen, handlers } = recorder("client");
    const other = await context.run("OTHER", () => adapter.connect(url, { maxLifetime: 60_000 }));
    const ws = await context.run("CONNECT", () =>
      adapter.connect(url, { maxLifetime: 50 }, handlers),
    );
    await ws.closed;
    expect(await until(seen, 3)).toEqual(
      ["close", "error", "open"].map((name) => `client ${name} CONNECT`),
    );
    other.terminate();
  });

  it("is the connection's own where somebody drops it", async () => {
    const url = await start({}, {});
    const { seen, handlers } = recorder("client");
    const ws = await context.run("CONNECT", () => adapter.connect(url, {}, handlers));
    context.run("DROPPER", () => {
      ws.terminate();
    });
    expect(await until(seen, 2)).toEqual(["client close CONNECT", "client open CONNECT"]);
  });

  it("is that of serve() where a handshake takes too long", async () => {
    const refused = newDeferred<string | undefined>();
    const url = await start(
      { handshakeTimeout: 50 },
      {
        upgrade: () => new Promise(() => {}),
        refused: () => {
          refused.resolve(context.getStore());
        },
      },
    );
    await context.run("CONNECT", () => adapter.connect(url).catch(() => {}));
    expect(await refused.promise).toBe("SERVE");
  });

  it("of a client that reconnects is that of its call, behind each wait", async () => {
    const url = await start({}, { open: (ws) => void ws.close(1012) });
    const seen: (string | undefined)[] = [];
    const twice = newDeferred<void>();
    const note = (): void => void seen.push(context.getStore());
    const feed = context.run("FEED", () =>
      reconnecting(
        ({ signal }) => {
          note();
          return adapter.connect(url, { signal });
        },
        {
          random: () => 0,
          resume: note,
          connected: note,
          disconnected() {
            note();
            if (seen.length >= 8) twice.resolve();
          },
          shouldReconnect() {
            note();
            return true;
          },
        },
      ),
    );
    await twice.promise;
    expect(new Set(seen)).toEqual(new Set(["FEED"]));
    await context.run("CLOSER", () => feed.close());
  });
});
