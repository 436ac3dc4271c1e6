import { EventEmitter } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { countingResponse } from "../../support/response-questions.ts";
import {
  cleanUp,
  dial,
  ended,
  listen,
  message,
  next,
  pair,
  shapes,
} from "../../support/ws-shape.ts";

afterEach(cleanUp);

describe.each(shapes)("WebSocket of %s", (_, shape) => {
  const { WebSocket } = shape;

  it("is an EventEmitter with its states on the class and on each of its own", async () => {
    const { client } = await pair(shape);
    expect(client).toBeInstanceOf(EventEmitter);
    const states = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
    for (const [name, value] of Object.entries(states)) {
      expect(WebSocket[name as keyof typeof states]).toBe(value);
      expect(client[name as keyof typeof states]).toBe(value);
    }
  });

  it("sends text and binary, which come as Buffers with isBinary", async () => {
    const { client, peer } = await pair(shape);
    const told: unknown[] = [];
    peer.on("message", (data, isBinary) =>
      told.push([Buffer.isBuffer(data), String(data), isBinary]),
    );
    const over = ended(peer);
    client.send("text ä");
    client.send(Buffer.from("bytes"));
    client.send("as binary", { binary: true });
    client.send(Buffer.from("as text ä"), { binary: false });
    client.close();
    await over;
    expect(told).toEqual([
      [true, "text ä", false],
      [true, "bytes", true],
      [true, "as binary", true],
      [true, "as text ä", false],
    ]);
  });

  it.each<[string, unknown, string, boolean]>([
    ["an ArrayBuffer", new Uint8Array([65, 66]).buffer, "AB", true],
    ["a view", new DataView(new Uint8Array([65, 66, 67]).buffer, 1), "BC", true],
    ["numbers", [65, 66], "AB", true],
    ["a number, as text", 42, "42", true],
    ["nothing, as an empty message", undefined, "", true],
    ["null likewise", null, "", true],
    ["an empty text", "", "", false],
  ])("sends %s", async (_name, data, text, isBinary) => {
    const { client, peer } = await pair(shape);
    const came = message(peer);
    client.send(data as string);
    // A number is made a string before its kind is looked at.
    expect(await came).toEqual([text, typeof data === "number" ? false : isBinary]);
  });

  it("throws if send() is called before it is open, and calls the callback with an error if it is too late", async () => {
    const { url } = await listen(shape);
    const client = dial(shape, url);
    expect(client.readyState).toBe(WebSocket.CONNECTING);
    const text = "WebSocket is not open: readyState 0 (CONNECTING)";
    for (const call of ["send", "ping", "pong"] as const) {
      expect(() => {
        client[call]("too early");
      }).toThrow(text);
    }
    await next(client, "open");
    client.close();
    expect(client.readyState).toBe(WebSocket.CLOSING);
    const error = await new Promise<Error | undefined>((resolve) => {
      client.send("too late", resolve);
    });
    expect(error?.message).toBe("WebSocket is not open: readyState 2 (CLOSING)");
    expect(client.bufferedAmount).toBeGreaterThanOrEqual("too late".length);
    await ended(client);
    expect(client.readyState).toBe(WebSocket.CLOSED);
    const later = await new Promise<Error | undefined>((resolve) => {
      client.ping("too late", false, resolve);
    });
    expect(later?.message).toBe("WebSocket is not open: readyState 3 (CLOSED)");
  });

  it("has the right state at each event", async () => {
    const { server, url } = await listen(shape);
    const client = dial(shape, url);
    const states: unknown[] = [client.readyState];
    client.on("upgrade", () => states.push(["upgrade", client.readyState]));
    client.on("open", () => states.push(["open", client.readyState]));
    client.on("close", () => states.push(["close", client.readyState]));
    server.on("connection", (peer) => {
      states.push(["connection", peer.readyState]);
      peer.close();
    });
    await ended(client);
    expect(states).toContainEqual(["connection", 1]);
    expect(states.filter((one) => !String(one).startsWith("connection"))).toEqual([
      0,
      ["upgrade", 0],
      ["open", 1],
      ["close", 3],
    ]);
  });

  it("answers pings, and emits pings and pongs with their payload", async () => {
    const { client, peer } = await pair(shape);
    const pinged = next(peer, "ping");
    const ponged = next(client, "pong");
    client.ping("are you there");
    expect(String((await pinged)[0])).toBe("are you there");
    const [pong] = await ponged;
    expect([Buffer.isBuffer(pong), String(pong)]).toEqual([true, "are you there"]);
    const unasked = next(peer, "pong");
    client.pong(Buffer.from("I am here"));
    expect(String((await unasked)[0])).toBe("I am here");
    const empty = next(peer, "ping");
    client.ping();
    expect(String((await empty)[0])).toBe("");
    expect(() => {
      client.ping("x".repeat(126));
    }).toThrow(RangeError);
  });

  it.each([
    ["without a code", [], 1005, ""],
    ["with a code", [1000], 1000, ""],
    ["with a reason", [4001, "gone away"], 4001, "gone away"],
    ["with bytes for a reason", [1001, Buffer.from("bye")], 1001, "bye"],
  ] as const)("closes %s, and both sides see the same", async (_name, args, code, reason) => {
    const { client, peer } = await pair(shape);
    const both = [ended(client), ended(peer)];
    client.close(...(args as [number, string]));
    expect(await Promise.all(both)).toEqual([
      [code, reason],
      [code, reason],
    ]);
  });

  it("delivers messages that come between its own close and the peer's", async () => {
    const { client, peer } = await pair(shape);
    peer.on("message", () => {
      peer.send("answer");
    });
    const came = message(client);
    const over = ended(client);
    client.send("question");
    client.close();
    expect(await came).toEqual(["answer", false]);
    expect(await over).toEqual([1005, ""]);
  });

  it("terminates so that what was sent before is delivered, and the peer sees 1006 and no error", async () => {
    const { client, peer } = await pair(shape);
    const told: unknown[] = [];
    peer.on("message", (data) => told.push(String(data)));
    peer.on("error", (error) => told.push(error));
    const both = Promise.all([ended(client), ended(peer)]);
    client.send("last words");
    client.terminate();
    expect(client.readyState).toBe(WebSocket.CLOSING);
    expect(await both).toEqual([
      [1006, ""],
      [1006, ""],
    ]);
    expect(told).toEqual(["last words"]);
    client.terminate();
    client.close();
  });

  it.each(["close", "terminate"] as const)(
    "fails if %s() is called before it is open",
    async (call) => {
      const { url } = await listen(shape);
      const client = dial(shape, url);
      const told: unknown[] = [];
      client.on("error", ({ message: text }) => told.push([text, client.readyState]));
      const over = ended(client);
      client[call]();
      expect(client.readyState).toBe(WebSocket.CLOSING);
      expect(await over).toEqual([1006, ""]);
      expect(told).toEqual([
        ["WebSocket was closed before the connection was established", WebSocket.CLOSING],
      ]);
    },
  );

  it("delivers binary messages as binaryType says, and text always as Buffers", async () => {
    const { client, peer } = await pair(shape);
    expect(client.binaryType).toBe("nodebuffer");
    const ask = async (type: string): Promise<unknown> => {
      client.binaryType = type as "nodebuffer";
      const came = next(client, "message");
      peer.send(Buffer.from([1, 2, 3]));
      return (await came)[0];
    };
    expect(await ask("nodebuffer")).toEqual(Buffer.from([1, 2, 3]));
    const buffer = await ask("arraybuffer");
    expect(buffer).toBeInstanceOf(ArrayBuffer);
    expect(new Uint8Array(buffer as ArrayBuffer)).toEqual(new Uint8Array([1, 2, 3]));
    const fragments = (await ask("fragments")) as Buffer[];
    expect(Buffer.concat(fragments)).toEqual(Buffer.from([1, 2, 3]));
    const blob = (await ask("blob")) as Blob;
    expect(Buffer.from(await blob.arrayBuffer())).toEqual(Buffer.from([1, 2, 3]));
    client.binaryType = "nonsense" as "nodebuffer";
    expect(client.binaryType).toBe("blob");
    const came = next(client, "message");
    peer.send("text");
    expect(Buffer.isBuffer((await came)[0])).toBe(true);
  });

  it("has url, protocol and extensions", async () => {
    const { client, peer } = await pair(shape, { perMessageDeflate: true }, {});
    expect(client.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/$/);
    expect([client.protocol, peer.protocol]).toEqual(["", ""]);
    expect([client.extensions, peer.extensions]).toEqual([
      "permessage-deflate",
      "permessage-deflate",
    ]);
    const plain = await pair(shape);
    expect([plain.client.extensions, plain.peer.extensions]).toEqual(["", ""]);
  });

  it("has its socket at _socket", async () => {
    const { client, peer, request } = await pair(shape);
    const socketOf = (one: object): { remoteAddress?: string; bytesRead?: number } =>
      (one as { _socket: { remoteAddress?: string } })._socket;
    expect(socketOf(client).remoteAddress).toBe("127.0.0.1");
    expect(socketOf(peer)).toBe(request.socket);
  });

  it("makes an error of a listener an uncaught one, and goes on", async () => {
    const { client, peer } = await pair(shape);
    const thrown = new Error("thrown by a listener");
    const before = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    try {
      const caught = new Promise((resolve) => {
        process.once("uncaughtException", resolve);
      });
      peer.once("message", () => {
        throw thrown;
      });
      client.send("first");
      expect(await caught).toBe(thrown);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of before) process.on("uncaughtException", listener);
    }
    expect(peer.readyState).toBe(WebSocket.OPEN);
  });
});

describe.each(shapes)("A subclass of WebSocket of %s", (_, shape) => {
  it("works as a client and as the option WebSocket of a server", async () => {
    class Own extends shape.WebSocket {
      get own(): string {
        return "mine";
      }
    }
    const { server, url } = await listen(shape, { WebSocket: Own });
    const connected = next(server as never, "connection");
    const client = new Own(url);
    await next(client, "open");
    const [peer] = await connected;
    expect((peer as Own).own).toBe("mine");
    expect(client.own).toBe("mine");
    expect(peer).toBeInstanceOf(shape.WebSocket);
    client.terminate();
  });
});

describe("the services of framewire/ws", () => {
  it("do not ask for the runtime's Response, which answers plain requests", async () => {
    await countingResponse(async (questions) => {
      const { WebSocket, WebSocketServer } = await import("../../../adapters/ws/index.ts");
      const { client, peer } = await pair({ WebSocket, WebSocketServer } as never);
      client.send("Hello");
      expect(await message(peer)).toEqual(["Hello", false]);
      expect(questions()).toBe(0);
    });
  });
});
