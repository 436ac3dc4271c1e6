import { afterEach, describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import type { Transport } from "../../src/transport.ts";
import { binary, close, continuation, ping, request, text } from "../hostile/support.ts";
import { adapter } from "../support/adapter.ts";
import { ChaosProxy } from "../support/chaos-proxy.ts";
import { openPeer, RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";
import { nameOf } from "../support/server.ts";

/** What networks do to connections, over real sockets and through a proxy that does it: docs/faults.md has the table. */

const servers: Server[] = [];
const proxies: ChaosProxy[] = [];

afterEach(async () => {
  for (const proxy of proxies.splice(0)) proxy.close();
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
});

/** A server behind a proxy, and what it saw since the last look. */
interface Behind {
  readonly server: Server;
  readonly proxy: ChaosProxy;
  readonly url: string;
  /** "open", "message ...", "error CODE", "close STATUS", "refused CODE". */
  lines: string[];
  /** Waits for the end of the next connection, open or not, as the server sees it. */
  ended(): Promise<void>;
}

async function startBehind(
  handlers: ServerHandlers = {},
  options: Partial<ServeOptions> = {},
): Promise<Behind> {
  let over = newDeferred<void>();
  const server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1", ...options },
    {
      ...handlers,
      open(ws) {
        behind.lines.push("open");
        return handlers.open?.(ws);
      },
      message(ws, data, isText) {
        behind.lines.push(`message ${typeof data === "string" ? data : data.length}`);
        return handlers.message?.(ws, data, isText);
      },
      error: (_, error) => void behind.lines.push(`error ${nameOf(error)}`),
      refused(error) {
        behind.lines.push(`refused ${nameOf(error.cause ?? error)}`);
        over.resolve();
      },
      close(_, { status }) {
        behind.lines.push(`close ${status}`);
        over.resolve();
      },
    },
  );
  servers.push(server);
  const proxy = await ChaosProxy.start(server.port);
  proxies.push(proxy);
  const behind: Behind = {
    server,
    proxy,
    url: `ws://127.0.0.1:${proxy.port}`,
    lines: [],
    async ended() {
      await over.promise;
      over = newDeferred();
    },
  };
  return behind;
}

/** What a reset is called: resetAndDestroy() of `node:net` sends FIN in front of it, and that may be seen first. */
const lost = /^error (RESET|FAILED|UNEXPECTED_END)$/;

const echo: ServerHandlers = { message: (ws, data) => ws.send(data) };

/** A server lives on: somebody else is served. */
async function expectAlive({ server, proxy, url }: Behind): Promise<void> {
  proxy.chaos = {};
  const ws = await adapter.connect(url);
  await ws.send("still here");
  expect(await ws.receive()).toBe("still here");
  await ws.close(1000);
  expect(server.port).toBeGreaterThan(0);
}

/** Sends what a client says in one go, and waits until its connection is gone. */
async function say(port: number, bytes: Uint8Array): Promise<void> {
  const client = await RawClient.connect(port);
  const gone = new Promise<void>((resolve) => {
    client.handler = {
      ...client.handler,
      onEnd: () => {
        client.end();
      },
      onClose: () => {
        resolve();
      },
    };
  });
  client.write(bytes);
  await gone;
}

/** What a client says, and which event of the server's each part leads to when it is whole. */
const conversation: readonly (readonly [part: Uint8Array, event?: string])[] = [
  [request(), "open"],
  [text("first").from("client"), "message first"],
  [binary("a", { fin: false }).from("client")],
  [ping("p").from("client")],
  [continuation("b").from("client"), "message 2"],
  [text("x".repeat(126)).from("client"), `message ${"x".repeat(126)}`],
  [close(1000).from("client"), "close 1000"],
];
const said = concat(conversation.map(([part]) => part));
const head = conversation[0]![0].length;

/** The events that the first bytes of the conversation lead to. */
function eventsOf(count: number): string[] {
  let end = 0;
  return conversation.flatMap(([part, event]) => {
    end += part.length;
    return event !== undefined && end <= count ? [event] : [];
  });
}

describe(`a client that is cut off, on ${runtime}`, () => {
  it("by FIN behind each byte: whole messages are delivered, no part of one, and there is one end", async () => {
    const behind = await startBehind(echo);
    for (let after = 1; after <= said.length; after++) {
      behind.proxy.chaos = { up: { after, then: "end" } };
      behind.lines = [];
      const ended = behind.ended();
      await say(behind.proxy.port, said);
      await ended;
      const whole = eventsOf(after);
      const end = after < said.length ? ["error UNEXPECTED_END", "close 1006"] : [];
      const all = after < head ? ["refused UNEXPECTED_END"] : [...whole, ...end];
      expect({ after, lines: behind.lines }).toEqual({ after, lines: all });
    }
    await expectAlive(behind);
  });

  it("by RST behind each byte of its request: it is never open", async () => {
    const behind = await startBehind(echo);
    for (let after = 1; after < head; after++) {
      behind.proxy.chaos = { up: { after, then: "reset" } };
      await say(behind.proxy.port, said);
    }
    expect(behind.lines.filter((line) => !line.startsWith("refused "))).toEqual([]);
    await expectAlive(behind);
  });

  it("by RST behind each byte of its messages: no part of one is delivered, and there is one end", async () => {
    const behind = await startBehind(echo);
    const rest = said.subarray(head);
    for (let after = head + 1; after < said.length; after++) {
      behind.proxy.chaos = { up: { after, then: "reset" } };
      behind.lines = [];
      const ended = behind.ended();
      const { peer } = await openPeer(behind.proxy.port);
      peer.send(rest);
      await ended;
      const { lines } = behind;
      // A reset may overtake what was sent before it, but never tears a message.
      const messages = lines.slice(0, -2);
      expect({ after, messages }).toEqual({
        after,
        messages: eventsOf(after).slice(0, messages.length),
      });
      expect(lines.slice(-2)).toEqual([expect.stringMatching(lost), "close 1006"]);
    }
    await expectAlive(behind);
  });
});

/** What a server says to each client, and its close. */
const told = ["first", "x".repeat(300)];
const telling: ServerHandlers = {
  open(ws) {
    for (const message of told) void ws.send(message);
    void ws.close(1000, "bye");
  },
};

/** Connects, and tells what comes of it: messages, and the error or the status at the end. */
async function listenTo(url: string): Promise<{ messages: unknown[]; end: string }> {
  const messages: unknown[] = [];
  let ws: Connection;
  try {
    ws = await adapter.connect(url, {}, { message: (_, data) => void messages.push(data) });
  } catch (error) {
    return { messages, end: `${(error as Error).name} ${nameOf(error)}` };
  }
  const { status, initiator } = await ws.closed;
  return { messages, end: `${status} by ${initiator}` };
}

describe(`a network that passes single bytes on ${runtime}`, () => {
  it("changes nothing: handshake, messages compressed or not, and the close arrive whole, both ways", async () => {
    for (const compression of [false, true]) {
      const behind = await startBehind(echo, { compression });
      behind.proxy.chaos = { up: { isBytewise: true }, down: { isBytewise: true } };
      const ws = await adapter.connect(behind.url, { compression });
      const messages = [
        "",
        "é€😀",
        "x".repeat(300),
        Uint8Array.from({ length: 2000 }, (_, i) => i),
      ];
      for (const message of messages) {
        await ws.send(message);
        expect(await ws.receive()).toEqual(message);
      }
      expect(await ws.close(4000, "bye")).toMatchObject({ status: 4000, clean: true });
      await behind.ended();
      expect(behind.lines.at(-1)).toBe("close 4000");
    }
  });
});

describe(`a server that is cut off, on ${runtime}`, () => {
  const clean = "1000 by peer";
  const ends: Record<string, RegExp> = {
    end: /^(TransportError UNEXPECTED_END|1006 by transport)$/,
    reset: /^(TransportError (RESET|FAILED|UNEXPECTED_END)|1006 by transport)$/,
  };

  it.each(["end", "reset"] as const)(
    "by %s behind each byte: the client's attempt fails, or whole messages come and then 1006",
    async (then) => {
      const behind = await startBehind(telling);
      let after = 0;
      for (; ; after++) {
        behind.proxy.chaos = { down: { after, then } };
        const { messages, end } = await listenTo(behind.url);
        expect(messages).toEqual(told.slice(0, messages.length));
        if (end === clean) break;
        expect({ after, end }).toEqual({ after, end: expect.stringMatching(ends[then]!) });
      }
      // The response, and three frames: none of its bytes has been left out.
      expect(after).toBeGreaterThan(100 + 7 + 304);
    },
  );
});

describe(`an answer that does not come to its end, on ${runtime}`, () => {
  it.each([0, 1, 60])(
    "behind %d bytes: the attempt ends in time, and so does it by a signal",
    async (after) => {
      const opened = newDeferred<void>();
      const behind = await startBehind({
        open: () => {
          opened.resolve();
        },
      });
      behind.proxy.chaos = { down: { after, then: "stall" } };
      await expect(adapter.connect(behind.url, { timeout: 100 })).rejects.toMatchObject({
        name: "TimeoutError",
        code: "DIAL_TIMEOUT",
      });
      const controller = new AbortController();
      const attempt = adapter.connect(behind.url, { signal: controller.signal });
      await opened.promise;
      controller.abort(new Error("Changed my mind"));
      await expect(attempt).rejects.toThrow("Changed my mind");
    },
  );
});

describe(`a listener that is closed while connections come, on ${runtime}`, () => {
  const count = 40;

  /** As many clients as one likes, all at once; those that got through. */
  async function crowd(port: number): Promise<RawClient[]> {
    const attempts = Array.from({ length: count }, () => RawClient.connect(port));
    const outcomes = await Promise.allSettled(attempts);
    return outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  }

  it("accepts nothing behind that, and forgets nobody: each socket ends", async () => {
    const transports: Transport[] = [];
    const closed = newDeferred<void>();
    const listener = await adapter.listenTransport(
      { port: 0, hostname: "127.0.0.1" },
      (transport) => {
        transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
        transports.push(transport);
        if (transports.length === 3) void listener.close().then(closed.resolve);
      },
    );
    const clients = await crowd(listener.port);
    await closed.promise;
    const accepted = transports.length;
    await expect(RawClient.connect(listener.port)).rejects.toThrow();
    expect(transports).toHaveLength(accepted);
    const gone = clients.map(
      ({ socket }) =>
        new Promise<void>((resolve) => {
          socket.once("close", resolve);
          socket.once("end", () => socket.end());
          if (socket.destroyed) resolve();
          if (socket.readableEnded) socket.end();
        }),
    );
    for (const transport of transports) transport.destroy();
    // Whom the kernel had taken in, and nobody accepted, hears of its reset by writing.
    for (const client of clients) client.socket.write("x");
    await Promise.all(gone);
  });

  it("in a server that shuts down: each client is told 1001 or dropped, and none is left", async () => {
    let shutdown: Promise<unknown> | undefined;
    const { server } = await startBehind({
      open: () => {
        shutdown ??= server.shutdown({ deadline: 1000 });
      },
    });
    const attempts = Array.from({ length: count }, async () => {
      const ws = await adapter.connect(`ws://127.0.0.1:${server.port}`);
      return (await ws.closed).status;
    });
    const outcomes = await Promise.allSettled(attempts);
    await shutdown;
    const ends = outcomes.map((one) =>
      one.status === "fulfilled" ? String(one.value) : nameOf(one.reason),
    );
    expect(ends).toContain("1001");
    expect(
      ends.filter((end) => !/^(1001|1006|REFUSED|RESET|UNEXPECTED_END|FAILED)$/.test(end)),
    ).toEqual([]);
    expect(server.connections).toEqual([]);
  });
});
