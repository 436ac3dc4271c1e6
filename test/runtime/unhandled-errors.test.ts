import { afterEach, describe, expect, it, vi } from "vitest";
import { reconnecting } from "../../src/connection/client/reconnect.ts";
import type { Handlers, ServerHandlers } from "../../src/connection/handlers.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import type { ErrorSource } from "../../src/connection/error-source.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { encodeUtf8 } from "../../src/bytes.ts";
import { newDeferred } from "../../src/deferred.ts";
import { HandshakeError } from "../../src/errors.ts";
import { OpPing, OpText } from "../../src/frame/opcode.ts";
import { adapter } from "../support/adapter.ts";
import { frame } from "../support/frames.ts";
import { exchange, openPeer, RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";

/** Errors that the application's own code throws, over real sockets, and what is written of them. */

const running: Server[] = [];
let printed: string[] = [];

/** Gathers what is written to the console from here on. */
function watchConsole(): void {
  printed = [];
  vi.spyOn(console, "error").mockImplementation((text: unknown) => void printed.push(String(text)));
}

/** Stands for the console, which prints so much in a minute. */
const unhandledErrors = (
  error: unknown,
  { thrower, side, path, remoteAddress }: ErrorSource,
): void => {
  const where = [side, path, remoteAddress].filter((part) => part !== undefined).join(" ");
  printed.push(`${thrower} (${where}): ${error instanceof Error ? error.message : String(error)}`);
};

afterEach(async () => {
  vi.restoreAllMocks();
  printed = [];
  for (const server of running.splice(0)) await server.shutdown({ deadline: 0 });
});

async function serve(
  handlers: ServerHandlers,
  options: Partial<ServeOptions> = {},
): Promise<Server> {
  const server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1", unhandledErrors, ...options },
    handlers,
  );
  running.push(server);
  return server;
}

const urlOf = (server: Server, path = "/chat?token=secret"): string =>
  `ws://127.0.0.1:${server.port}${path}`;

/** What each of the handlers does: it throws. */
const boom = (): never => {
  throw new Error("boom");
};

/** Opens a connection, has it do one thing, and waits until it is over. */
async function play(
  handlers: ServerHandlers,
  options: Partial<ServeOptions> = {},
  act: (ws: Awaited<ReturnType<typeof adapter.connect>>) => unknown = (ws) => void ws.send("go"),
): Promise<void> {
  const server = await serve(handlers, options);
  const ws = await adapter.connect(urlOf(server));
  await act(ws);
  await ws.closed;
  await server.shutdown();
}

describe(`what a handler of a server throws, on ${runtime}`, () => {
  it.each([
    ["open", { open: boom }],
    ["message", { message: boom }],
    ["message", { message: () => Promise.reject(new Error("boom")) }],
    ["stream", { stream: boom }],
    ["ping", { ping: boom }],
    ["error", { open: boom, error: boom }],
    ["close", { open: (ws) => void ws.close(), close: boom }],
  ] satisfies [string, ServerHandlers][])("%s: is printed once", async (name, handlers) => {
    await play(handlers, {}, (ws) => {
      void ws.ping();
      void ws.send("go");
    });
    expect(printed).toEqual([`${name} (server /chat 127.0.0.1): boom`]);
  });

  it("is not printed where a handler for errors takes it", async () => {
    const taken: unknown[] = [];
    await play({ message: boom, error: (_, error) => taken.push(error) });
    expect(taken).toEqual([new Error("boom")]);
    expect(printed).toEqual([]);
  });

  it("is printed where the handler for errors was called for an earlier one", async () => {
    const second = newDeferred<void>();
    await play(
      {
        open: async () => {
          await second.promise;
          throw new Error("late");
        },
        ping: boom,
        error: () => {
          second.resolve();
        },
        message() {},
      },
      {},
      (ws) => ws.ping(),
    );
    await macrotask();
    expect(printed).toEqual(["open (server /chat 127.0.0.1): late"]);
  });

  it("is printed to the console where nothing else is wanted", async () => {
    watchConsole();
    await play({ message: boom }, { unhandledErrors: undefined });
    const server = await serve({ open: (ws) => ws.send("go") });
    await (
      await adapter.connect(urlOf(server), {}, { message: boom })
    ).closed;
    expect(printed).toEqual([
      expect.stringMatching(
        /^\[framewire\] Error in message that no handler took \(server \/chat 127\.0\.0\.1\)\nError: boom\n.*unhandled-errors/,
      ),
      expect.stringMatching(
        /^\[framewire\] Error in message that no handler took \(client \/chat 127\.0\.0\.1\)\nError: boom\n.*unhandled-errors/,
      ),
    ]);
  });

  it("goes to a function in place of the console", async () => {
    watchConsole();
    const calls: unknown[] = [];
    await play(
      { message: boom },
      { unhandledErrors: (error, source) => calls.push([error, source]) },
    );
    expect(calls).toEqual([
      [
        new Error("boom"),
        { thrower: "message", side: "server", remoteAddress: "127.0.0.1", path: "/chat" },
      ],
    ]);
    expect(printed).toEqual([]);
  });

  it("goes nowhere where it is to be ignored", async () => {
    watchConsole();
    await play({ message: boom }, { unhandledErrors: "ignore" });
    expect(printed).toEqual([]);
  });

  it("in a tracer is printed once, and changes nothing", async () => {
    const error = new Error("boom");
    await play(
      { message: (ws, data) => ws.send(data) },
      {
        trace() {
          throw error;
        },
      },
      async (ws) => {
        void ws.send("go");
        expect(await ws.receive()).toBe("go");
        void ws.close();
      },
    );
    expect(printed).toEqual(["trace (server /chat 127.0.0.1): boom"]);
  });

  it("in what sendStream asks for pieces is printed where nobody awaits it", async () => {
    const source = async function* (): AsyncGenerator<string> {
      yield await Promise.resolve("piece");
      boom();
    };
    await play({ open: (ws) => void ws.sendStream(source()) });
    expect(printed).toEqual(["sendStream (server /chat 127.0.0.1): boom"]);
    printed = [];
    await play({ open: (ws) => void ws.sendStream(source()).catch(() => {}) });
    await play({ open: (ws) => void ws.sendStream(source()), error() {} });
    expect(printed).toEqual([]);
  });
});

describe(`what a hook of a server throws, on ${runtime}`, () => {
  const ask = async (server: Server, head: string): Promise<void> => {
    await exchange(server.port, encodeUtf8(head));
    await server.shutdown();
  };
  const plain = "GET /chat?token=secret HTTP/1.1\r\nHost: a\r\n\r\n";
  const upgrade =
    "GET /chat?token=secret HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";

  it.each([
    ["upgrade", upgrade, { upgrade: boom }],
    ["upgrade", upgrade, { upgrade: () => Promise.reject(new Error("boom")) }],
    [
      "upgrade",
      upgrade,
      {
        upgrade: () => {
          throw new HandshakeError("INTERNAL", { cause: new Error("boom") });
        },
      },
    ],
    ["http", plain, { http: boom }],
  ] satisfies [string, string, ServerHandlers][])(
    "%s: is printed, and not shown to the client",
    async (name, head, handlers) => {
      await ask(await serve(handlers), head);
      expect(printed).toEqual([`${name} (server /chat 127.0.0.1): boom`]);
    },
  );

  it("is not printed where refused takes it; what refused throws is", async () => {
    await ask(await serve({ upgrade: boom, refused() {} }), upgrade);
    expect(printed).toEqual([]);
    await ask(await serve({ upgrade: () => ({ status: 403 }), refused: boom }), upgrade);
    await ask(
      await serve({
        upgrade: () => ({ status: 403 }),
        refused: () => Promise.reject(new Error("boom")),
      }),
      upgrade,
    );
    expect(printed).toEqual([
      "refused (server 127.0.0.1): boom",
      "refused (server 127.0.0.1): boom",
    ]);
  });

  it("is printed where it comes after the client has gone, unless it is only that", async () => {
    for (const isOwn of [true, false]) {
      const asked = newDeferred<void>();
      const left = newDeferred<void>();
      const server = await serve({
        upgrade: (request) =>
          new Promise((_, reject) => {
            asked.resolve();
            request.signal.addEventListener("abort", () => {
              left.resolve();
              reject(isOwn ? new Error("boom") : request.signal.reason);
            });
          }),
      });
      const client = await RawClient.connect(server.port);
      client.write(encodeUtf8(upgrade));
      await asked.promise;
      client.destroy();
      await left.promise;
      await server.shutdown();
    }
    expect(printed).toEqual(["upgrade (server /chat 127.0.0.1): boom"]);
  });
});

describe(`what peers do wrong, on ${runtime}`, () => {
  it("is never printed, whatever it is", async () => {
    const server = await serve({ message: (ws, data) => ws.send(data) }, { maxMessageSize: 10 });
    for (const head of ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"]) {
      await exchange(server.port, encodeUtf8(head));
    }
    for (const wrong of [
      frame(OpText, "x".repeat(11), { masked: true }),
      frame(OpText, "unmasked"),
      frame(OpPing, new Uint8Array(125), { masked: true, fin: false }),
      frame(OpText, new Uint8Array([0xff]), { masked: true }),
    ]) {
      const { peer, client } = await openPeer(server.port);
      peer.send(wrong);
      await peer.seen("end");
      client.destroy();
    }
    const { client } = await openPeer(server.port);
    client.destroy();
    await server.shutdown();
    expect(printed).toEqual([]);
  });
});

describe(`what handlers of a client throw, on ${runtime}`, () => {
  const throwIn = async (handlers: Handlers, options: ConnectionOptions = {}): Promise<void> => {
    const server = await serve({ open: (ws) => ws.send("go") });
    const ws = await adapter.connect(urlOf(server), { unhandledErrors, ...options }, handlers);
    await ws.closed;
    await server.shutdown();
  };

  it("is printed as a server's is", async () => {
    await throwIn({ message: boom });
    expect(printed).toEqual(["message (client /chat 127.0.0.1): boom"]);
  });

  it("is not where it is taken, or to be ignored", async () => {
    await throwIn({ message: boom, error() {} });
    await throwIn({ message: boom }, { unhandledErrors: "ignore" });
    expect(printed).toEqual([]);
  });
});

describe(`what a backplane fails with, on ${runtime}`, () => {
  it("is printed where there is no handler for it, and so is what that handler throws", async () => {
    const backplane: Backplane = {
      join: () => ({
        publish() {},
        subscribe: () => Promise.reject(new Error("no subscribe")),
        unsubscribe() {},
        leave() {},
      }),
    };
    for (const handlers of [{}, { backplane() {} }, { backplane: boom }]) {
      const server = await serve(
        {
          message: (ws, topic) => ws.subscribe(topic as string).then(() => void ws.close()),
          ...handlers,
        },
        { backplane },
      );
      const ws = await adapter.connect(urlOf(server));
      void ws.send("topic");
      await ws.closed;
      await server.shutdown();
    }
    expect(printed).toEqual([
      expect.stringContaining("backplane (server): "),
      "backplane (server): boom",
    ]);
  });
});

describe(`what a hook of reconnecting throws, on ${runtime}`, () => {
  const open = (): Promise<never> => Promise.reject(new Error("no token"));

  it("is printed where nobody waits for what tells of it", async () => {
    const ended = newDeferred<void>();
    const server = await serve({});
    const feed = reconnecting(() => adapter.connect(urlOf(server)), {
      unhandledErrors,
      connected() {
        void Promise.resolve().then(ended.resolve);
        boom();
      },
    });
    await ended.promise;
    expect(printed).toEqual(["connected (client): boom"]);
    expect(await feed.closed).toMatchObject({ cause: "hook" });
  });

  it("is not printed where somebody waits for it", async () => {
    const feed = reconnecting(open, {
      unhandledErrors,
      shouldReconnect: () => false,
    });
    await expect(feed.ready).rejects.toThrow("no token");
    expect(printed).toEqual([]);
  });

  it("nor what an attempt fails with where the hook for that is there", async () => {
    const lost = newDeferred<void>();
    const feed = reconnecting(open, {
      unhandledErrors,
      disconnected: () => {
        lost.resolve();
      },
    });
    await lost.promise;
    await feed.close();
    expect(printed).toEqual([]);
  });

  it("but what an attempt fails with that is the application's own is, and no network's", async () => {
    const feed = reconnecting(open, { unhandledErrors });
    while (feed.state !== "waiting") await macrotask();
    await feed.close();
    expect(printed).toEqual(["reconnecting (client): no token"]);
    printed = [];
    const other = reconnecting(() => adapter.connect("ws://127.0.0.1:1/"), { unhandledErrors });
    while (other.state !== "waiting") await macrotask();
    await other.close();
    expect(printed).toEqual([]);
  });
});
