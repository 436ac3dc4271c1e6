import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { prepareMessage } from "../../src/connection/send/prepare.ts";
import { Endpoint } from "../../src/endpoint/endpoint.ts";
import { PreparedMessage } from "../../src/endpoint/prepared.ts";
import { FlateReader, FlateWriter, Helper } from "../../src/flate/index.ts";
import * as frameApi from "../../src/frame/index.ts";
import { HeadParser } from "../../src/http/parser.ts";
import * as streamApi from "../../src/stream/index.ts";
import { adapter } from "../support/adapter.ts";
import { EndpointPair } from "../support/byte-promises.ts";
import { runtime } from "../support/runtime.ts";
import { TestStream } from "../support/streams.ts";
import { EventTrace } from "../support/trace.ts";

/** What plain JavaScript may give in the place of bytes or text; `kind` is what the error says of it. */
const values: readonly (readonly [kind: string, value: unknown])[] = [
  ["String", "Hello"],
  ["Array", [72, 101, 108, 108, 111]],
  ["Undefined", undefined],
  ["Null", null],
  ["ArrayBuffer", new ArrayBuffer(5)],
  ["SharedArrayBuffer", new SharedArrayBuffer(5)],
  ["DataView", new DataView(new ArrayBuffer(5))],
  ["Uint16Array", new Uint16Array(5)],
  ["Object", { length: 5 }],
  ["Number", 5],
  ["Boolean", true],
];

const bytes = "a Uint8Array";
const textOrBytes = "a string or a Uint8Array";
const data = "a string, an ArrayBuffer or a view on one";

/** Which kinds are right where something is expected, and are not given. */
const right: Readonly<Record<string, RegExp>> = {
  [bytes]: /^$/,
  "a string": /^String$/,
  [textOrBytes]: /^String$/,
  [data]: /^(String|ArrayBuffer|DataView|Uint16Array)$/,
  "an ArrayBuffer or a view on one in a binary message": /^(ArrayBuffer|DataView|Uint16Array)$/,
  "a string in a text message": /^String$/,
  prepared: /^$/,
};

interface EntryPoint<Made> {
  /** What is called. */
  readonly call: string;
  readonly argument: string;
  readonly expected: string;
  /** Values that stand for a default. */
  readonly optional?: RegExp;
  act(made: Made, value: never): unknown;
}

const wrongsFor = ({ expected, optional }: EntryPoint<never>) =>
  values.filter(([kind]) => !right[expected]!.test(kind) && optional?.test(kind) !== true);

function refusal({ argument, expected }: EntryPoint<never>, kind: string): TypeError {
  return new TypeError(`${argument} must be ${expected}: ${kind}`);
}

const connectionCalls: readonly EntryPoint<Connection>[] = [
  { call: "send()", argument: "data", expected: data, act: (ws, value) => ws.send(value) },
  {
    call: "ping()",
    argument: "payload",
    expected: data,
    optional: /^Undefined$/,
    act: (ws, value) => ws.ping(value),
  },
  {
    call: "beginMessage().write(), of text",
    argument: "data",
    expected: "a string in a text message",
    act: (ws, value) => ws.beginMessage().write(value),
  },
  {
    call: "beginMessage().write(), of bytes",
    argument: "data",
    expected: "an ArrayBuffer or a view on one in a binary message",
    act: (ws, value) => ws.beginMessage({ binary: true }).write(value),
  },
  {
    call: "prepareMessage()",
    argument: "data",
    expected: data,
    act: (_, value) => prepareMessage(value),
  },
];

describe.each([false, true])(`a connection on ${runtime}, compression %s`, (compression) => {
  it.each(connectionCalls)("$call refuses what it does not take, and goes on", async (entry) => {
    const got: unknown[] = [];
    await using server = await adapter.serve(
      { port: 0, hostname: "127.0.0.1", compression },
      { message: (_, message) => void got.push(message), ping: () => void got.push("ping") },
    );
    const ws = await adapter.connect(`ws://127.0.0.1:${server.port}`, { compression });
    for (const [kind, value] of wrongsFor(entry)) {
      expect(() => entry.act(ws, value as never)).toThrow(refusal(entry, kind));
    }
    await ws.send("it goes on");
    await expect(ws.close()).resolves.toMatchObject({ clean: true, status: 1000 });
    expect(got).toEqual(["it goes on"]);
  });

  it("broadcast() and publish() of its server do as well", async () => {
    await using server = await adapter.serve(
      { port: 0, hostname: "127.0.0.1", compression },
      { open: (ws) => void ws.subscribe("all") },
    );
    const ws = await adapter.connect(`ws://127.0.0.1:${server.port}`, { compression });
    const entry = { ...connectionCalls[0]!, call: "broadcast()" };
    for (const [kind, value] of wrongsFor(entry)) {
      expect(() => server.broadcast(value as never)).toThrow(refusal(entry, kind));
      expect(() => server.publish("all", value as never)).toThrow(refusal(entry, kind));
    }
    server.broadcast("it goes on");
    expect(await ws.receive()).toBe("it goes on");
    await ws.close();
  });
});

const endpointCalls: readonly EntryPoint<Endpoint>[] = [
  {
    call: "sendText()",
    argument: "text",
    expected: "a string",
    act: (endpoint, value) => {
      endpoint.sendText(value);
    },
  },
  {
    call: "sendBinary()",
    argument: "bytes",
    expected: bytes,
    act: (endpoint, value) => {
      endpoint.sendBinary(value);
    },
  },
  {
    call: "sendPrepared()",
    argument: "message",
    expected: "prepared",
    act: (endpoint, value) => {
      endpoint.sendPrepared(value);
    },
  },
  {
    call: "beginMessage().write()",
    argument: "bytes",
    expected: bytes,
    act: (endpoint, value) => endpoint.beginMessage(frameApi.OpText).write(value),
  },
  {
    call: "sendPing()",
    argument: "payload",
    expected: bytes,
    act: (endpoint, value) => {
      endpoint.sendPing(value);
    },
  },
  {
    call: "receive()",
    argument: "chunk",
    expected: bytes,
    act: (endpoint, value) => endpoint.receive(value),
  },
];

describe.each([false, true])(`an endpoint on ${runtime}, compressing %s`, (compresses) => {
  it.each(endpointCalls)("$call refuses what it does not take, and goes on", async (entry) => {
    const pair = new EndpointPair(compresses);
    for (const [kind, value] of wrongsFor(entry)) {
      expect(() => entry.act(pair.sender, value as never)).toThrow(refusal(entry, kind));
    }
    expect([pair.sender.state, pair.sender.output.unsent]).toEqual(["open", 0]);
    pair.sender.sendText("it goes on");
    const [message] = await pair.messages(1);
    expect(new TextDecoder().decode(message)).toBe("it goes on");
  });

  it("refuses the opcode of a control frame, and a reserved one, for a message in pieces", () => {
    const { sender } = new EndpointPair(compresses);
    for (const opcode of [0, 3, 8, 9, 10, 16, -1, NaN, "1"]) {
      expect(() => sender.beginMessage(opcode as number)).toThrow(
        new RangeError(`opcode must be 1 or 2: ${opcode}`),
      );
    }
    sender.fail(undefined, 0, "local");
  });
});

/** Calls that take bytes and have nothing but them; what they are made of is made anew for each value. */
const lowCalls: readonly EntryPoint<undefined>[] = [
  {
    call: "new PreparedMessage()",
    argument: "data",
    expected: textOrBytes,
    act: (_, value) => new PreparedMessage(value),
  },
  ...(
    [
      "newTextFrame",
      "newBinaryFrame",
      "newPingFrame",
      "newPongFrame",
      "newCloseFrame",
      "parseCloseFrameData",
    ] as const
  ).map((name) => ({
    call: `${name}()`,
    argument: "payload",
    expected: bytes,
    act: (_: undefined, value: never) => frameApi[name](value),
  })),
  {
    call: "newFrame()",
    argument: "payload",
    expected: bytes,
    act: (_, value) => frameApi.newFrame(frameApi.OpText, true, value),
  },
  ...(
    ["maskFrame", "maskFrameInPlace", "unmaskFrame", "unmaskFrameInPlace", "compileFrame"] as const
  ).map((name) => ({
    call: `${name}()`,
    argument: "frame.payload",
    expected: bytes,
    act: (_: undefined, value: never) =>
      frameApi[name]({ header: frameApi.newHeader(frameApi.OpText, 5), payload: value }),
  })),
  ...(["maskFrameWith", "maskFrameInPlaceWith"] as const).map((name) => ({
    call: `${name}()`,
    argument: "frame.payload",
    expected: bytes,
    act: (_: undefined, value: never) =>
      frameApi[name]({ header: frameApi.newHeader(frameApi.OpText, 5), payload: value }, 1),
  })),
  {
    call: "cipher()",
    argument: "bytes",
    expected: bytes,
    act: (_, value) => {
      frameApi.cipher(value, 1);
    },
  },
  {
    call: "cipherInto(), its target",
    argument: "target",
    expected: bytes,
    act: (_, value) => {
      frameApi.cipherInto(value, 0, new Uint8Array(5), 1);
    },
  },
  {
    call: "cipherInto(), its source",
    argument: "source",
    expected: bytes,
    act: (_, value) => {
      frameApi.cipherInto(new Uint8Array(5), 0, value, 1);
    },
  },
  {
    call: "newCloseFrameBody()",
    argument: "reason",
    expected: "a string",
    optional: /^Undefined$/,
    act: (_, value) => frameApi.newCloseFrameBody(1000, value),
  },
  {
    call: "putCloseFrameBody()",
    argument: "bytes",
    expected: bytes,
    act: (_, value) => frameApi.putCloseFrameBody(value, 1000),
  },
  {
    call: "decodeUtf8()",
    argument: "bytes",
    expected: bytes,
    act: (_, value) => frameApi.decodeUtf8(value),
  },
  {
    call: "Utf8Validator.write()",
    argument: "bytes",
    expected: bytes,
    act: (_, value) => new frameApi.Utf8Validator().write(value),
  },
  {
    call: "FrameDecoder.feed()",
    argument: "chunk",
    expected: bytes,
    act: (_, value) =>
      new frameApi.FrameDecoder({
        frameHeader() {},
        framePayload() {},
        frameEnd() {},
      }).feed(value),
  },
  {
    call: "HeadParser.feed()",
    argument: "chunk",
    expected: bytes,
    act: (_, value) => new HeadParser("request").feed(value),
  },
  ...(["compress", "decompress"] as const).map((name) => ({
    call: `Helper.${name}()`,
    argument: "payload",
    expected: bytes,
    act: (_: undefined, value: never) => new Helper({ engine: zlibEngine() })[name](value),
  })),
];

describe(`the low level on ${runtime}`, () => {
  it.each(lowCalls)("$call refuses what it does not take", (entry) => {
    for (const [kind, value] of wrongsFor(entry)) {
      expect(() => entry.act(undefined, value as never)).toThrow(refusal(entry, kind));
    }
  });
});

const server = streamApi.newServerSideReader;

/** Calls that write to a stream or read from one, which must have had nothing of it. */
const streamCalls: readonly EntryPoint<TestStream>[] = [
  ...(["write", "writeThrough"] as const).map((name) => ({
    call: `Writer.${name}()`,
    argument: "from",
    expected: bytes,
    act: (stream: TestStream, value: never) =>
      new streamApi.Writer(stream, frameApi.StateServerSide, frameApi.OpText)[name](value),
  })),
  {
    call: "new Writer({ buffer })",
    argument: "buffer",
    expected: bytes,
    optional: /^Undefined$/,
    act: (stream, buffer) =>
      new streamApi.Writer(stream, frameApi.StateServerSide, frameApi.OpText, { buffer }),
  },
  {
    call: "ControlWriter.write()",
    argument: "from",
    expected: bytes,
    act: (stream, value) =>
      new streamApi.ControlWriter(stream, frameApi.StateServerSide, frameApi.OpPing).write(value),
  },
  {
    call: "FlateWriter.write()",
    argument: "from",
    expected: bytes,
    act: (stream, value) => new FlateWriter(stream, { engine: zlibEngine() }).write(value),
  },
  {
    call: "FlateReader.read()",
    argument: "into",
    expected: bytes,
    act: (stream, value) => new FlateReader(stream, { engine: zlibEngine() }).read(value),
  },
  {
    call: "CipherWriter.write()",
    argument: "from",
    expected: bytes,
    act: (stream, value) => new streamApi.CipherWriter(stream, 1).write(value),
  },
  ...[frameApi.StateServerSide, frameApi.StateClientSide].map((state) => ({
    call: `writeMessage(), state ${state}`,
    argument: "payload",
    expected: textOrBytes,
    act: (stream: TestStream, value: never) =>
      streamApi.writeMessage(stream, state, frameApi.OpText, value),
  })),
  {
    call: "writeFrame()",
    argument: "frame.payload",
    expected: bytes,
    act: (stream, value) =>
      streamApi.writeFrame(stream, {
        header: frameApi.newHeader(frameApi.OpText, 5),
        payload: value,
      }),
  },
  {
    call: "writeHeaderBuffer()",
    argument: "buffer",
    expected: bytes,
    act: (stream, value) => streamApi.writeHeaderBuffer(stream, frameApi.newHeader(), value),
  },
  {
    call: "writeAll()",
    argument: "from",
    expected: bytes,
    act: (stream, value) => streamApi.writeAll(stream, value),
  },
  {
    call: "readFull()",
    argument: "into",
    expected: bytes,
    act: (stream, value) => streamApi.readFull(stream, value),
  },
  {
    call: "Reader.read()",
    argument: "into",
    expected: bytes,
    act: (stream, value) => server(stream).read(value),
  },
  {
    call: "BufferedStream.read()",
    argument: "into",
    expected: bytes,
    act: (stream, value) => new streamApi.BufferedStream(stream).read(value),
  },
  {
    call: "BufferedStream.write()",
    argument: "from",
    expected: bytes,
    act: (stream, value) => new streamApi.BufferedStream(stream).write(value),
  },
  {
    call: "new BufferedStream(inner, { buffer })",
    argument: "buffer",
    expected: bytes,
    optional: /^Undefined$/,
    act: (stream, buffer) => new streamApi.BufferedStream(stream, { buffer }),
  },
  {
    call: "new BytesReader()",
    argument: "bytes",
    expected: bytes,
    act: (_, value) => new streamApi.BytesReader(value),
  },
];

describe(`streams on ${runtime}`, () => {
  it.each(streamCalls)("$call refuses what it does not take, and nothing moves", (entry) => {
    for (const [kind, value] of wrongsFor(entry)) {
      const stream = new TestStream([Uint8Array.of(0x81, 0)]);
      expect(() => entry.act(stream, value as never)).toThrow(refusal(entry, kind));
      expect([stream.writes, stream.asked]).toEqual([[], []]);
    }
  });
});

describe("Endpoint", () => {
  it.each([1005, 1006, 1015, 70_000, 999, -1, 1000.5, NaN, "1000"])(
    "refuses to close or fail with %s, and stays open",
    (status) => {
      const endpoint = new Endpoint("server", new EventTrace());
      const refused = RangeError;
      expect(() => {
        endpoint.close(status as number, "");
      }).toThrow(refused);
      expect(() => {
        endpoint.fail(undefined, status as number, "local");
      }).toThrow(refused);
      expect([endpoint.state, endpoint.output.unsent]).toEqual(["open", 0]);
    },
  );
});
