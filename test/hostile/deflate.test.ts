import { setImmediate } from "node:timers";
import { constants, deflateRawSync } from "node:zlib";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat, encodeUtf8, latin1 } from "../../src/bytes.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import { PermessageDeflate } from "../../src/flate/permessage-deflate.ts";
import { StateClientSide } from "../../src/frame/check.ts";
import { newHeader } from "../../src/frame/header.ts";
import { isControl, OpBinary, OpText } from "../../src/frame/opcode.ts";
import { acceptKey } from "../../src/handshake/accept.ts";
import { newOption } from "../../src/http/option.ts";
import { readAll } from "../../src/io/full.ts";
import { Reader } from "../../src/stream/reader.ts";
import { adapter } from "../support/adapter.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";
import { answerFor, type DeflateCase, deflateRows } from "./cases/deflate.ts";
import { connect, type Connected, expectNoRejections } from "./play.ts";
import {
  binary,
  bytesFrom,
  close,
  ping,
  plain,
  type Role,
  roles,
  sessionWith,
  type Setup,
  showMessage,
  text,
} from "./support.ts";

/** Section J of the battery for a Reader, which is pulled, and what is more than bytes in and bytes out. */

afterEach(expectNoRejections);

function newExtension(): PermessageDeflate {
  return new PermessageDeflate({ engine: zlibEngine() });
}

const expected = ({ messages, failure }: DeflateCase): string[] => [
  ...messages.map(showMessage),
  ...(failure === undefined ? [] : [failure[1]]),
];

/** A turn of the event loop, in which slices of work are done. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

const named = deflateRows.map((one) => [`${one.id} ${one.name}`, one] as const);

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

describe(`a client on ${runtime}: a Reader behind dial() meets compressed messages:`, () => {
  it.each(named)("%s", async (_, one) => {
    const port = await startServer(answerFor(one), bytesFrom("server", ...one.frames));
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

const line = "Sec-WebSocket-Extensions: permessage-deflate";
const agreed = sessionWith({ more: [line] }, { more: [line] });

/** A connection in memory that has agreed to compress. */
async function openAgreed(role: Role, setup: Setup = plain): Promise<Connected> {
  const connected = connect(role, setup);
  await macrotask();
  const { peer } = connected;
  peer.send(agreed[role]!.input(peer.accept));
  await macrotask();
  return connected;
}

/** One with slices so small that every message takes many turns. */
async function openCompressed(
  role: Role,
  sliceSize: number,
  options: Partial<ConnectionOptions> = {},
) {
  const setup = { options: { compression: { engine: zlibEngine({ sliceSize }) }, ...options } };
  const connected = await openAgreed(role, setup);
  return { ...connected, ws: connected.recorder.ws! };
}

const MiB = 1024 ** 2;

/** Compresses as one message. */
function deflated(bytes: Uint8Array): Uint8Array {
  const made = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  return new Uint8Array(made.subarray(0, -4));
}

describe.each(roles)("a %s: a message that inflates to much more than it is", (role) => {
  it.each([MiB, 100_000])(
    "J-152 → makes no more than its limit of %i bytes and a slice",
    (limit) => {
      const session = newExtension().open(newOption("permessage-deflate"), StateClientSide)!;
      session.recv!.unsetBits({ ...newHeader(OpBinary), rsv: 4 });
      const transform = session.recv!.beginMessage!()!;
      const bomb = deflated(new Uint8Array(64 * MiB));
      const into = new BoundedBuffer(limit);
      expect(() => {
        let isDone = transform.write(bomb, 0, bomb.length, true, into);
        while (!isDone) isDone = transform.goOn(into);
      }).toThrow(expect.objectContaining({ code: "MESSAGE_TOO_BIG", limit, actual: limit + 1 }));
      expect(into.bytes.length).toBeLessThanOrEqual(limit + 64 * 1024);
      session.close!();
    },
  );

  it("J-153 → does not hold the event loop until it is done", async () => {
    const { peer, recorder } = await openCompressed(role, 8 * 1024);
    const message = new Uint8Array(4 * MiB);
    peer.send(binary(deflated(message), { rsv: 4 }), ping("behind"));
    let turns = 0;
    for (; recorder.events.length < 2; turns++) await turn();
    expect(turns).toBeGreaterThan(10);
    expect(recorder.events).toEqual(["open", showMessage(message)]);
    peer.end();
    await peer.closed.promise;
  });
});

describe.each(roles)("a %s: a connection that ends while a message is at work", (role) => {
  it.each(["close", "terminate"] as const)("J-164 %s() → nothing comes afterwards", async (end) => {
    const { peer, ws, recorder, server } = await openCompressed(role, 64);
    const message = new Uint8Array(100_000).map((_, i) => i >> 3);
    void ws.send(message);
    peer.send(binary(deflated(message), { rsv: 4 }), close(1000));
    await turn();
    expect([recorder.events, ws.bufferedAmount]).toEqual([["open"], message.length]);
    void ws[end]();
    peer.end();
    await ws.closed;
    const { events } = recorder;
    for (let turns = 0; turns < 2000; turns++) await turn();
    const closed = end === "close" ? "close 1000 clean local" : "close 1006 unclean local";
    expect(events).toEqual(["open", closed]);
    expect([ws.bufferedAmount, server?.connections ?? []]).toEqual([0, []]);
  });

  it("J-164 a reset → nothing comes afterwards", async () => {
    const { peer, ours, recorder } = await openCompressed(role, 64, { maxMessageSize: MiB });
    const message = new Uint8Array(100_000).map((_, i) => i >> 3);
    peer.send(binary(deflated(message), { rsv: 4 }));
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

describe.each(roles)("a %s: many connections that compress", (role) => {
  it("J-163 idle → hold nothing before their first message, and nothing once they are over", async () => {
    const extension = newExtension();
    const connections = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const connected = await openAgreed(role, { options: { extensions: [extension] } });
        connected.peer.send(text("plain"));
        await macrotask();
        return connected;
      }),
    );
    expect(extension.memory).toBe(0);
    for (const { peer } of connections) peer.send(binary(deflated(new Uint8Array(9)), { rsv: 4 }));
    await macrotask();
    const each = extension.memory / connections.length;
    expect(each).toBeGreaterThan(32 * 1024);
    expect(each).toBeLessThan(100 * 1024);
    for (const { peer } of connections.slice(0, 100)) peer.send(text("bad", { wrongMask: true }));
    for (const { peer } of connections) peer.end();
    await Promise.all(connections.map(({ recorder }) => recorder.over.promise));
    expect(extension.memory).toBe(0);
  });
});
