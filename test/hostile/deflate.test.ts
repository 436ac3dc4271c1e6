import { setImmediate } from "node:timers";
import { constants, deflateRawSync } from "node:zlib";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { zlibEngine } from "../../adapters/zlib.ts";
import { concat, encodeUtf8, latin1 } from "../../src/bytes.ts";
import type { ServeOptions } from "../../src/connection/serve.ts";
import { Endpoint, type EndpointEvents } from "../../src/endpoint/endpoint.ts";
import { Growing } from "../../src/extension/growing.ts";
import { PermessageDeflate } from "../../src/flate/permessage-deflate.ts";
import { StateClientSide } from "../../src/frame/check.ts";
import { newHeader } from "../../src/frame/header.ts";
import { isControl, OpBinary, OpText } from "../../src/frame/opcode.ts";
import { acceptKey } from "../../src/handshake/accept.ts";
import { newOption } from "../../src/http/option.ts";
import { readAll } from "../../src/io/full.ts";
import { Reader } from "../../src/stream/reader.ts";
import { adapter } from "../support/adapter.ts";
import { cuts } from "../support/cuts.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";
import { type DeflateCase, deflateRows } from "./cases/deflate.ts";
import { connect, expectNoRejections } from "./play.ts";
import { binary, close, frame, ping, request, showMessage, text } from "./support.ts";

/** Section J of the battery in the other role, and what is more than bytes in and bytes out. */

afterEach(expectNoRejections);

const answers: Readonly<Record<DeflateCase["agreed"], [string, string?][]>> = {
  "": [],
  "no-takeover": [["server_no_context_takeover"]],
  "9 bits": [["server_max_window_bits", "9"]],
};

function newExtension(): PermessageDeflate {
  return new PermessageDeflate({ engine: zlibEngine() });
}

/** What a server sends: not masked. */
function wireOf({ shapes }: DeflateCase): Uint8Array {
  return concat(
    shapes.map(({ opcode, payload, parts }) => frame(opcode, payload, { ...parts, masked: false })),
  );
}

const expected = ({ messages, failure }: DeflateCase): string[] => [
  ...messages.map(showMessage),
  ...(failure === undefined ? [] : [failure[1]]),
];

/** A client's endpoint, and what it tells. */
function newEndpoint({ agreed, maxMessageSize }: DeflateCase): {
  endpoint: Endpoint;
  lines: string[];
} {
  const lines: string[] = [];
  const session = newExtension().open(
    newOption("permessage-deflate", answers[agreed]),
    StateClientSide,
  )!;
  const events: EndpointEvents = {
    onText: (data) => lines.push(showMessage(data)),
    onBinary: (bytes, start, end) => lines.push(showMessage(bytes.slice(start, end))),
    onPing: () => lines.push("ping"),
    onPong: () => lines.push("pong"),
    onFail: (error) => lines.push((error as { code: string }).code),
    onResume() {},
    onOutput() {},
  };
  return {
    endpoint: new Endpoint("client", events, { maxMessageSize, extensions: [session] }),
    lines,
  };
}

/** A turn of the event loop, in which slices of work are done. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function cutEvery(wire: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < wire.length; at += size) pieces.push(wire.slice(at, at + size));
  return pieces;
}

const named = deflateRows.map((one) => [`${one.id} ${one.name}`, one] as const);

describe("a client's endpoint meets compressed messages, cut anywhere:", () => {
  it.each(named)("%s", async (_, one) => {
    const wire = wireOf(one);
    // At every place where that is quickly done; else in one piece, and in many.
    const ways =
      wire.length <= 600 ? cuts(wire) : [cutEvery(wire, wire.length), cutEvery(wire, 64)];
    for (const pieces of ways) {
      const { endpoint, lines } = newEndpoint(one);
      for (const piece of pieces) {
        let at = endpoint.receive(piece);
        for (; at < piece.length || endpoint.isBusy; at = endpoint.receive(piece, at)) await turn();
      }
      expect(lines).toEqual(expected(one));
      expect(endpoint.isClosed).toBe(one.failure !== undefined);
      endpoint.fail(undefined, 0, "local");
    }
  });
});

/** A server of one connection that answers with permessage-deflate, and then sends what it is told. */
async function startServer(answer: string, wire: Uint8Array): Promise<number> {
  const listener = await adapter.listen({ port: 0, hostname: "127.0.0.1" });
  onTestFinished(() => listener.close());
  void (async () => {
    for await (const stream of listener) {
      const into = new Uint8Array(4096);
      let head = "";
      while (!head.includes("\r\n\r\n")) {
        const count = (await stream.read(into)) ?? 0;
        head += latin1(into, 0, count);
      }
      const [, key] = /Sec-WebSocket-Key: (.*)\r/.exec(head)!;
      const lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Accept: ${acceptKey(key!)}`,
        `Sec-WebSocket-Extensions: ${answer}`,
      ];
      await stream.write(concat([encodeUtf8([...lines, "", ""].join("\r\n")), wire]));
      // Neither end waits for the other one's.
      onTestFinished(() => void stream.close());
      break;
    }
  })().catch(() => {});
  return listener.port;
}

describe(`a Reader behind dial() on ${runtime} meets compressed messages:`, () => {
  it.each(named)("%s", async (_, one) => {
    const answer = ["permessage-deflate", ...answers[one.agreed].map((pair) => pair.join("="))];
    const port = await startServer(answer.join("; "), wireOf(one));
    const options = { extensions: [newExtension()] };
    const stream = await adapter.dial(`ws://127.0.0.1:${port}/`, options);
    onTestFinished(() => void stream.close());
    const reader = new Reader(stream, stream.state, {
      checkUtf8: true,
      extensions: stream.recvExtensions,
      ...(one.maxMessageSize && { maxMessageSize: one.maxMessageSize }),
    });
    const lines: string[] = [];
    try {
      while (lines.length < expected(one).length) {
        const { opcode } = (await reader.nextFrame())!;
        if (isControl(opcode)) continue;
        const payload = await readAll(reader);
        lines.push(showMessage(opcode === OpText ? new TextDecoder().decode(payload) : payload));
      }
    } catch (error) {
      lines.push((error as { code: string }).code);
    }
    expect(lines).toEqual(expected(one));
  });
});

describe(`a client on ${runtime} refuses an answer`, () => {
  it.each([
    ["E-88", "of an extension that was not offered", "x-other"],
    ["E-88b", "that names it twice", "permessage-deflate, permessage-deflate"],
    ["E-88c", "with a window that there is not", "permessage-deflate; server_max_window_bits=16"],
    ["E-88d", "with a parameter that there is not", "permessage-deflate; junk"],
    ["E-88e", "without the value that it needs", "permessage-deflate; client_max_window_bits"],
  ])("%s %s", async (_id, _name, answer) => {
    const port = await startServer(answer, new Uint8Array(0));
    const options = { extensions: [newExtension()] };
    await expect(adapter.dial(`ws://127.0.0.1:${port}/`, options)).rejects.toMatchObject({
      name: "DialError",
      code: "BAD_EXTENSIONS",
    });
  });
});

const offer = { more: ["Sec-WebSocket-Extensions: permessage-deflate"] };

/** A connection in memory that compresses, with slices so small that every message takes many turns. */
async function openCompressed(sliceSize: number, options: Partial<ServeOptions> = {}) {
  const setup = { options: { compression: { engine: zlibEngine({ sliceSize }) }, ...options } };
  const connected = connect(setup);
  connected.client.write(request(offer));
  await macrotask();
  return { ...connected, ws: connected.recorder.ws! };
}

const MiB = 1024 ** 2;

/** Compresses as one message. */
function deflated(bytes: Uint8Array): Uint8Array {
  const made = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  return new Uint8Array(made.subarray(0, -4));
}

describe("a message that inflates to much more than it is", () => {
  it.each([MiB, 100_000])(
    "J-152 → makes no more than its limit of %i bytes and a slice",
    (limit) => {
      const session = newExtension().open(newOption("permessage-deflate"), StateClientSide)!;
      session.recv!.unsetBits({ ...newHeader(OpBinary), rsv: 4 });
      const transform = session.recv!.beginMessage!()!;
      const bomb = deflated(new Uint8Array(64 * MiB));
      const into = new Growing(limit);
      expect(() => {
        let isDone = transform.write(bomb, 0, bomb.length, true, into);
        while (!isDone) isDone = transform.goOn(into);
      }).toThrow(expect.objectContaining({ code: "MESSAGE_TOO_BIG", limit, actual: limit + 1 }));
      expect(into.bytes.length).toBeLessThanOrEqual(limit + 64 * 1024);
      session.close!();
    },
  );

  it("J-153 → does not hold the event loop until it is done", async () => {
    const { client, recorder } = await openCompressed(8 * 1024);
    const message = new Uint8Array(4 * MiB);
    client.write(binary(deflated(message), { rsv: 4 }), ping("behind"));
    let turns = 0;
    for (; recorder.events.length < 2; turns++) await turn();
    expect(turns).toBeGreaterThan(10);
    expect(recorder.events).toEqual(["open", showMessage(message)]);
    client.end();
    await client.closed.promise;
  });
});

describe("a connection that ends while a message is at work", () => {
  it.each(["close", "terminate"] as const)("J-164 %s() → nothing comes afterwards", async (end) => {
    const { client, ws, recorder, server } = await openCompressed(64);
    const message = new Uint8Array(100_000).map((_, i) => i >> 3);
    void ws.send(message);
    client.write(binary(deflated(message), { rsv: 4 }), close(1000));
    await turn();
    expect([recorder.events, ws.bufferedAmount]).toEqual([["open"], message.length]);
    void ws[end]();
    client.end();
    await ws.closed;
    const { events } = recorder;
    for (let turns = 0; turns < 2000; turns++) await turn();
    const closed = end === "close" ? "close 1000 clean local" : "close 1006 unclean local";
    expect(events).toEqual(["open", closed]);
    expect([ws.bufferedAmount, server.connections]).toEqual([0, []]);
  });

  it("J-164 a reset → nothing comes afterwards", async () => {
    const { client, ours, recorder } = await openCompressed(64, { maxMessageSize: MiB });
    const message = new Uint8Array(100_000).map((_, i) => i >> 3);
    client.write(binary(deflated(message), { rsv: 4 }));
    await turn();
    expect(recorder.events).toEqual(["open"]);
    ours.destroy();
    await recorder.over.promise;
    for (let turns = 0; turns < 2000; turns++) await turn();
    // Received is received: the message is done first.
    expect(recorder.events).toEqual([
      "open",
      showMessage(message),
      "error UNEXPECTED_END",
      "close 1006 unclean transport",
    ]);
  });
});

describe("many connections that compress", () => {
  it("J-163 idle → hold nothing before their first message, and nothing once they are over", async () => {
    const extension = newExtension();
    const connections = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const connected = connect({ options: { extensions: [extension] } });
        connected.client.write(request(offer), text(encodeUtf8("plain")));
        await macrotask();
        return connected;
      }),
    );
    expect(extension.memory).toBe(0);
    for (const { client } of connections)
      client.write(binary(deflated(new Uint8Array(9)), { rsv: 4 }));
    await macrotask();
    const each = extension.memory / connections.length;
    expect(each).toBeGreaterThan(32 * 1024);
    expect(each).toBeLessThan(100 * 1024);
    connections.slice(0, 100).forEach(({ client }) => {
      client.write(text(encodeUtf8("bad"), { masked: false }));
    });
    for (const { client } of connections) client.end();
    await Promise.all(connections.map(({ recorder }) => recorder.over.promise));
    expect(extension.memory).toBe(0);
  });
});
