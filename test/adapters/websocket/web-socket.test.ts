import { describe, expect, it } from "vitest";
import { memoryPair } from "../../../adapters/memory/index.ts";
import type {
  WebSocketInstance as WebSocket,
  WebSocketOptions,
} from "../../../adapters/websocket/types.ts";
import { handlersOf } from "../../../adapters/websocket/web-socket.ts";
import { adoptOn } from "../../../src/connection/adopt.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { closeLine, eventsOf, messages, next, thrown } from "./case-kit.ts";
import { type MemorySockets, memorySockets } from "./memory-sockets.ts";

/** Opens a WebSocket, closes it, and gives what its server sees. */
async function closedWith(...given: unknown[]): Promise<string> {
  const { WebSocket, accepted } = memorySockets();
  const ws = new WebSocket("ws://memory/");
  await next(ws, "open");
  (ws.close as (...given: unknown[]) => void)(...given);
  const { status, reason } = await (await accepted).closed;
  return `${status} ${reason}`;
}

// Where Chromium is not as the standard is; all else is in cases/, which Chromium has to pass, too.
describe("close()", () => {
  it("takes undefined for an argument that is not given: a reason alone is sent with 1000", async () => {
    expect(await closedWith(undefined, "why")).toBe("1000 why");
    expect(await closedWith(undefined, "")).toBe("1005 ");
    expect(await closedWith(undefined, undefined)).toBe("1005 ");
    expect(await closedWith(4000, undefined)).toBe("4000 ");
  });

  it("rounds a code to the nearest whole number, of two to the even one", async () => {
    expect(await closedWith(999.5)).toBe("1000 ");
    expect(await closedWith(2999.6)).toBe("3000 ");
    const { WebSocket } = memorySockets();
    const ws = new WebSocket("ws://memory/");
    expect(thrown(() => ws.close(1000.6))).toBe("DOMException InvalidAccessError");
    expect(thrown(() => ws.close(4999.5))).toBe("DOMException InvalidAccessError");
  });

  it("throws a SyntaxError for a longer reason, also without a code", () => {
    const { WebSocket } = memorySockets();
    const ws = new WebSocket("ws://memory/");
    expect(thrown(() => ws.close(undefined, "a".repeat(124)))).toBe("DOMException SyntaxError");
    expect(ws.readyState).toBe(0);
  });
});

describe("the third argument", () => {
  it("is checked at the call, names and types", () => {
    const { WebSocket } = memorySockets();
    const made = (options: unknown): WebSocket =>
      new WebSocket("ws://memory/", [], options as WebSocketOptions);
    expect(() => made({ header: {} })).toThrow(/Unknown option header/);
    expect(() => made({ maxMessageSize: "5" })).toThrow(/maxMessageSize must be a number/);
    expect(() => made({ protocols: ["a"] })).toThrow(/Unknown option protocols/);
    expect(() => made({ context: 5 })).toThrow(TypeError);
    expect(() => made(5)).toThrow(TypeError);
  });

  it("is checked after what the standard checks", () => {
    const { WebSocket } = memorySockets();
    const options = { wrong: 5 } as WebSocketOptions;
    expect(thrown(() => new WebSocket("ftp://a", [], options))).toBe("DOMException SyntaxError");
    expect(thrown(() => new WebSocket("ws://a", "", options))).toBe("DOMException SyntaxError");
  });

  it("adds headers to the request, and credentials of the URL", async () => {
    const seen: (string | undefined)[] = [];
    const { WebSocket } = memorySockets(
      {
        upgrade(request) {
          const names = ["x-key", "authorization", "origin"];
          seen.push(...names.map((name) => request.get(name)));
        },
      },
      { origins: "any" },
    );
    const ws = new WebSocket("ws://user:pass@memory/", [], {
      headers: { "X-Key": "k" },
      origin: "http://a.test",
    });
    await next(ws, "open");
    expect(seen).toEqual(["k", `Basic ${btoa("user:pass")}`, "http://a.test"]);
    expect(ws.url).toBe("ws://user:pass@memory/");
  });

  it("has credentials that take precedence over those of the URL", async () => {
    const { WebSocket } = memorySockets();
    const auth = { user: "other", password: "" };
    const ws = new WebSocket("ws://user@memory/", [], { auth });
    // Which of the two is meant nobody knows.
    const { error } = await next(ws, "error");
    expect(error).toBeInstanceOf(TypeError);
  });

  it("reports by an `error` event what is only found when the request is written", async () => {
    const { WebSocket } = memorySockets();
    const ws = new WebSocket("ws://memory/", [], { headers: { "a b": "c" } });
    const { error } = await next(ws, "error");
    expect(error).toBeInstanceOf(TypeError);
  });

  it("limits received messages if told to", async () => {
    const { WebSocket, accepted } = memorySockets();
    const ws = new WebSocket("ws://memory/", [], { maxMessageSize: 10 });
    await next(ws, "open");
    void (await accepted).send("a".repeat(11));
    const { error } = await next(ws, "error");
    expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG" });
    expect((await (await accepted).closed).status).toBe(1009);
  });

  it("accepts larger messages than other clients if not told to limit them", async () => {
    const { WebSocket, accepted } = memorySockets();
    const ws = new WebSocket("ws://memory/");
    ws.binaryType = "arraybuffer";
    await next(ws, "open");
    const size = 17 * 1024 ** 2;
    void (await accepted).send(new Uint8Array(size));
    const [data] = await messages(ws, 1);
    expect((data as ArrayBuffer).byteLength).toBe(size);
  });
});

describe("handlersOf()", () => {
  /** A client of a server whose connections are WebSockets, and the server's end. */
  async function openBoth(
    accept: (socket: WebSocket) => unknown = () => {},
  ): Promise<MemorySockets & { client: WebSocket; socket: WebSocket }> {
    const made = newDeferred<WebSocket>();
    // Any class will do: it has nothing to connect to here.
    const { WebSocket } = memorySockets();
    const sockets = memorySockets(
      handlersOf(WebSocket, (socket) => {
        made.resolve(socket);
        return accept(socket);
      }),
    );
    const client = new sockets.WebSocket("ws://memory/path?query");
    await next(client, "open");
    const socket = await made.promise;
    expect(socket).toBeInstanceOf(WebSocket);
    return { ...sockets, client, socket };
  }

  it("makes a connection a WebSocket that is open", async () => {
    const states: unknown[] = [];
    const { socket } = await openBoth((accepted) => {
      states.push(accepted.readyState, accepted.url, accepted.protocol, accepted.bufferedAmount);
      accepted.onopen = () => states.push("open");
    });
    expect(states).toEqual([1, "/path?query", "", 0]);
    expect(socket.readyState).toBe(1);
  });

  it("sends and receives, and closes in order", async () => {
    const { client, socket } = await openBoth();
    const lines = eventsOf(socket);
    const back = eventsOf(client);
    const closed = next(socket, "close");
    socket.onmessage = ({ data }) => {
      socket.send(`${data as string} back`);
    };
    client.send("there");
    await next(client, "message");
    client.close(4000, "bye");
    await next(client, "close");
    await closed;
    expect(lines).toEqual(["message there", 'close 4000 "bye" true']);
    expect(back).toEqual(["message there back", 'close 4000 "bye" true']);
  });

  it("can close the connection itself", async () => {
    const { client, socket } = await openBoth();
    socket.close(4001, "enough");
    expect(closeLine(await next(client, "close"))).toBe('close 4001 "enough" true');
  });

  it("delivers no message before the code that accepted the connection is done", async () => {
    const ready = newDeferred<void>();
    const { client, socket } = await openBoth(() => ready.promise);
    client.send("early");
    const came = messages(socket, 1);
    ready.resolve();
    expect(await came).toEqual(["early"]);
  });

  it("fails a connection that is accepted with an error", async () => {
    const { client } = await openBoth(() => {
      throw new Error("no");
    });
    expect(await next(client, "close")).toMatchObject({ code: 1011 });
  });

  it("makes a WebSocket of a connection whose handshake other code has done", async () => {
    const { WebSocket } = memorySockets();
    const [ours, theirs] = memoryPair();
    const ends: WebSocket[] = [];
    const handlers = handlersOf(WebSocket, (socket) => {
      ends.push(socket);
    });
    const clock = new FakeClock();
    adoptOn(ours, { side: "server", protocol: "chat", clock }, handlers);
    adoptOn(theirs, { side: "client", protocol: "chat", clock }, handlers);
    const [server, client] = ends as [WebSocket, WebSocket];
    const came = messages(client, 1);
    server.send("hello");
    expect([server.protocol, ...(await came)]).toEqual(["chat", "hello"]);
  });
});
