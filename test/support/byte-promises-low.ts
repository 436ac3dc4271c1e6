import { memoryPair } from "../../adapters/memory/index.ts";
import { type StreamPair, StreamsTransport } from "../../adapters/streams/transport.ts";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { newDeferred } from "../../src/deferred.ts";
import { Endpoint } from "../../src/endpoint/endpoint.ts";
import { PreparedMessage } from "../../src/endpoint/prepared.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import { FlateReader, FlateWriter, Helper } from "../../src/flate/index.ts";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { cipher, cipherInto } from "../../src/frame/cipher.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import * as frames from "../../src/frame/frame.ts";
import { newHeader } from "../../src/frame/header.ts";
import { OpBinary, OpPing, OpText } from "../../src/frame/opcode.ts";
import { decodeUtf8 } from "../../src/frame/utf8.ts";
import { DebugDialer, DebugUpgrader } from "../../src/handshake/debug.ts";
import { Dialer } from "../../src/handshake/client/dialer.ts";
import { upgradeHttp } from "../../src/handshake/server/http-upgrader.ts";
import { Upgrader } from "../../src/handshake/server/upgrader.ts";
import { HeadParser } from "../../src/http/parser.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import type { ByteStream } from "../../src/io/byte-stream.ts";
import { BytesReader, readAll, readBytes } from "../../src/io/full.ts";
import { writeAll } from "../../src/io/write-all.ts";
import { TransportStream } from "../../src/io/transport-stream.ts";
import { ControlWriter } from "../../src/stream/control.ts";
import { CipherWriter } from "../../src/stream/filter.ts";
import { readFrame, readHeaderBuffer, writeFrame } from "../../src/stream/frame-io.ts";
import { readMessage, writeMessage } from "../../src/stream/helpers.ts";
import { Reader } from "../../src/stream/reader.ts";
import { Writer } from "../../src/stream/writer.ts";
import { answerTo, requestFor, ScriptedStream, textOf } from "../handshake/streams.ts";
import { type BytePromise, EndpointPair, last, large, Received } from "./byte-promises.ts";
import { binary, continuation, ping, text } from "./frames.ts";
import { TestStream } from "./streams.ts";

const masked = { masked: true };
const maskKey = 0x11223344;
const later = (): boolean => true;
const source = StateServerSide;

/** The payload of the one frame that was written. */
async function payloadIn(written: Uint8Array): Promise<Uint8Array> {
  return (await readFrame(new BytesReader(written)))!.payload;
}

/** What an endpoint makes of one chunk. */
function receivedFrom(chunk: Uint8Array, spoil: () => void): Uint8Array {
  const events = new Received();
  const endpoint = new Endpoint("server", events);
  endpoint.receive(chunk);
  spoil();
  return concat(events.got);
}

/** The wire of a message that comes in pieces of one chunk's memory, cut at `cut`. */
async function receivedInTwo(
  wire: Uint8Array,
  cut: number,
  compresses: boolean,
  bytes: Uint8Array,
): Promise<Uint8Array[]> {
  const pair = new EndpointPair(compresses);
  for (const piece of [wire.subarray(0, cut), wire.subarray(cut)]) {
    // The same memory for both.
    bytes.set(piece);
    pair.receiver.receive(bytes, 0, piece.length);
    bytes.fill(0xee);
  }
  return pair.messages(1);
}

const receivePromises: readonly BytePromise[] = [
  {
    call: "Endpoint.receive(chunk), a binary message",
    word: "nothing is kept",
    run(bytes, spoil) {
      const content = Uint8Array.from(bytes).subarray(8);
      const wire = binary(content, masked);
      bytes.set(wire);
      return concat([encodeUtf8("12345678"), receivedFrom(bytes, spoil)]);
    },
  },
  {
    call: "Endpoint.receive(chunk), a text message",
    word: "nothing is kept",
    run(bytes, spoil) {
      const content = Uint8Array.from(bytes).subarray(8);
      bytes.set(text(content, masked));
      return concat([encodeUtf8("12345678"), receivedFrom(bytes, spoil)]);
    },
  },
  ...[false, true].map((compresses): BytePromise => ({
    call: `Endpoint.receive(chunk), a message${compresses ? ", compressed," : ""} cut anywhere`,
    word: "nothing is kept",
    size: 1000,
    async run(bytes) {
      const content = encodeUtf8("a message that is cut anywhere ".repeat(4));
      const sender = new EndpointPair(compresses).sender;
      sender.sendBinary(content);
      const wire = Uint8Array.from(sender.output.take()!);
      sender.fail(undefined, 0, "local");
      const original = Uint8Array.from(bytes);
      for (let cut = 1; cut < wire.length; cut++) {
        const got = await receivedInTwo(wire, cut, compresses, bytes);
        if (textOf(...got) !== textOf(content)) throw new Error(`Cut at ${cut}: ${textOf(...got)}`);
      }
      return original;
    },
  })),
  {
    call: "Endpoint.receive(chunk), fragments and a ping in pieces",
    word: "nothing is kept",
    size: 1000,
    async run(bytes) {
      const original = Uint8Array.from(bytes);
      const wire = concat([
        binary("one ", { ...masked, fin: false }),
        ping("ping", masked),
        continuation("two", masked),
      ]);
      for (let cut = 1; cut < wire.length; cut++) {
        const got = await receivedInTwo(wire, cut, false, bytes);
        if (textOf(...got) !== "pingone two") throw new Error(`Cut at ${cut}: ${textOf(...got)}`);
      }
      return original;
    },
  },
  {
    call: "Endpoint.receive(chunk), the pong that is gathered",
    word: "nothing is kept",
    size: 131,
    async run(bytes, spoil) {
      const pair = new EndpointPair(false);
      const content = Uint8Array.from(bytes);
      bytes.set(ping(content.subarray(6), masked));
      pair.receiver.receive(bytes);
      spoil();
      const answer = await payloadIn(pair.receiver.output.take()!);
      await pair.messages(0);
      return concat([content.subarray(0, 6), answer]);
    },
  },
  {
    call: "Endpoint.receive(chunk), a late pong that is kept back",
    word: "nothing is kept",
    size: 131,
    async run(bytes, spoil) {
      const pair = new EndpointPair(false);
      const content = Uint8Array.from(bytes);
      pair.receiver.sendBinary(new Uint8Array(8000));
      bytes.set(ping(content.subarray(6), masked));
      pair.receiver.receive(bytes);
      spoil();
      const answer = await payloadIn(pair.receiver.output.take()!.subarray(8004));
      await pair.messages(0);
      return concat([content.subarray(0, 6), answer]);
    },
  },
  {
    call: "EndpointEvents.onMessagePiece: bytes, until the call returns",
    word: "lent",
    run(bytes) {
      const events = new Received();
      const pieces: Uint8Array[] = [];
      events.onMessagePiece = (piece, start, end) => {
        pieces.push(Uint8Array.from(piece.subarray(start, end)));
        piece.fill(0xee, start, end);
      };
      const endpoint = new Endpoint("server", events);
      endpoint.setStreaming(true);
      endpoint.receive(binary(bytes, masked));
      return concat(pieces);
    },
  },
  {
    call: "Endpoint.output.take(), until giveBack()",
    word: "lent",
    size: 100,
    run(bytes) {
      const { sender } = new EndpointPair(false, "server");
      sender.sendBinary(bytes);
      const taken = sender.output.take()!;
      for (let i = 0; i < 10; i++) sender.sendBinary(new Uint8Array(1000));
      return payloadIn(taken);
    },
  },
  {
    call: "Endpoint.output.take() of a prepared message, changed before giveBack(): what others send",
    word: "copied",
    size: 300,
    run(bytes) {
      const message = new PreparedMessage(bytes);
      const [first, second] = [1, 2].map(() => {
        const { sender } = new EndpointPair(false, "server");
        sender.sendPrepared(message);
        return sender.output;
      });
      first!.take()!.fill(0xee);
      first!.giveBack();
      return payloadIn(second!.take()!);
    },
  },
  {
    call: "FrameDecoder.feed(chunk)",
    word: "nothing is kept",
    run(bytes) {
      const got: Uint8Array[] = [];
      const decoder = new FrameDecoder({
        frameHeader: () => {},
        framePayload: (piece, start, end) =>
          void got.push(Uint8Array.from(piece.subarray(start, end))),
        frameEnd: () => {},
      });
      const wire = binary(Uint8Array.from(bytes), masked);
      for (const byte of wire) {
        bytes[0] = byte;
        decoder.feed(bytes, 0, 1);
        bytes[0] = 0xee;
      }
      return concat(got);
    },
  },
];

type Make = (payload: Uint8Array) => frames.Frame;

const makers: readonly (readonly [name: string, make: Make])[] = [
  ["newFrame(opcode, fin, payload)", (payload) => frames.newFrame(OpBinary, true, payload)],
  ["newTextFrame(payload)", frames.newTextFrame],
  ["newBinaryFrame(payload)", frames.newBinaryFrame],
  ["newPingFrame(payload)", frames.newPingFrame],
  ["newPongFrame(payload)", frames.newPongFrame],
  ["newCloseFrame(payload)", frames.newCloseFrame],
];

/** Masking and its reverse, which leave what they are given as it is. */
const copiers: readonly (readonly [name: string, act: (frame: frames.Frame) => frames.Frame])[] = [
  ["maskFrame(frame)", (frame) => frames.unmaskFrameInPlace(frames.maskFrame(frame))],
  [
    "maskFrameWith(frame, maskKey)",
    (frame) => frames.unmaskFrameInPlace(frames.maskFrameWith(frame, maskKey)),
  ],
  [
    "unmaskFrame(frame)",
    ({ header, payload }) =>
      frames.maskFrameInPlaceWith(
        frames.unmaskFrame({ header: { ...header, maskKey, masked: true }, payload }),
        maskKey,
      ),
  ],
];

/** Says so where two arrays are not the same bytes. */
function checkSame(bytes: Uint8Array, original: Uint8Array): void {
  if (textOf(bytes) !== textOf(original)) throw new Error("The caller's bytes were changed");
}

const framePromises: readonly BytePromise[] = [
  ...makers.map(([call, make]): BytePromise => ({
    call,
    word: "kept",
    size: 100,
    run(bytes) {
      if (make(bytes).payload !== bytes) throw new Error("It is not the caller's array");
      return make(bytes).payload;
    },
  })),
  ...copiers.map(([call, act]): BytePromise => ({
    call,
    word: "not changed",
    run(bytes, spoil) {
      const original = Uint8Array.from(bytes);
      const frame = act(frames.newBinaryFrame(bytes));
      checkSame(bytes, original);
      spoil();
      return frame.payload;
    },
  })),
  {
    call: "maskFrameInPlace(frame), unmaskFrameInPlace(frame)",
    word: "changed in place",
    run(bytes) {
      const frame = frames.maskFrameInPlace(frames.newBinaryFrame(bytes));
      return frames.unmaskFrameInPlace(frame).payload === bytes ? bytes : new Uint8Array(0);
    },
  },
  {
    call: "compileFrame(frame)",
    word: "not changed",
    run(bytes, spoil) {
      const compiled = frames.compileFrame(frames.newBinaryFrame(bytes));
      spoil();
      return payloadIn(compiled);
    },
  },
  {
    call: "cipher(bytes, key)",
    word: "changed in place",
    run(bytes) {
      cipher(bytes, maskKey);
      cipher(bytes, maskKey);
      return bytes;
    },
  },
  {
    call: "cipherInto(target, at, source, key)",
    word: "not changed",
    run(bytes, spoil) {
      const original = Uint8Array.from(bytes);
      const target = new Uint8Array(bytes.length);
      cipherInto(target, 0, bytes, maskKey);
      checkSame(bytes, original);
      spoil();
      cipher(target, maskKey);
      return target;
    },
  },
  {
    call: "decodeUtf8(bytes)",
    word: "nothing is kept",
    run(bytes, spoil) {
      const decoded = decodeUtf8(bytes)!;
      spoil();
      return encodeUtf8(decoded);
    },
  },
  {
    call: "BoundedBuffer.add(source, start, end), BoundedBuffer.take()",
    word: "copied",
    run(bytes, spoil) {
      const into = new BoundedBuffer();
      into.add(bytes, 0, bytes.length);
      spoil();
      return into.take();
    },
  },
  {
    call: "new BoundedBuffer(limit, buffer), BoundedBuffer.take()",
    word: "yours",
    run(bytes, spoil) {
      const content = Uint8Array.from(bytes);
      const into = new BoundedBuffer(Infinity, bytes);
      // All of it: also a buffer that is full is copied.
      into.add(content, 0, content.length);
      const taken = into.take();
      spoil();
      return taken;
    },
  },
];

const requestLines = "GET /chat HTTP/1.1\r\nHost: a.example\r\nX: ";

const httpPromises: readonly BytePromise[] = [
  {
    call: "HeadParser.feed(chunk), Head.retain()",
    word: "copied",
    run(bytes, spoil) {
      const original = Uint8Array.from(bytes);
      const value = "a".repeat(bytes.length - requestLines.length - 4);
      bytes.set(encodeUtf8(`${requestLines}${value}\r\n\r\n`));
      const parser = new HeadParser("request");
      parser.feed(bytes);
      parser.head.retain();
      spoil();
      if (parser.head.get("x") !== value || parser.head.target !== "/chat") throw new Error(value);
      return original;
    },
  },
  {
    call: "HeadParser.feed(chunk), a head that comes in pieces",
    word: "copied",
    run(bytes) {
      const original = Uint8Array.from(bytes);
      const parser = new HeadParser("request");
      for (const byte of encodeUtf8(`${requestLines}b\r\n\r\n`)) {
        bytes[0] = byte;
        parser.feed(bytes, 0, 1);
        bytes[0] = 0xee;
      }
      if (parser.head.get("x") !== "b" || parser.head.target !== "/chat") throw new Error("lost");
      return original;
    },
  },
  {
    call: "upgradeHttp(request, stream, head), read from the stream",
    word: "copied",
    async run(bytes, spoil) {
      const rawHeaders = textOf(requestFor("/"))
        .split("\r\n")
        .slice(1, -2)
        .flatMap((line) => line.split(": "));
      const request = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders };
      const upgrading = upgradeHttp(request, new ScriptedStream([], "end"), bytes);
      spoil();
      return readAll(await upgrading);
    },
  },
  ...(["Upgrader", "DebugUpgrader"] as const).map((name): BytePromise => ({
    call: `${name}.upgrade(stream), bytes behind the request`,
    word: "copied",
    async run(bytes, spoil) {
      const shown: Uint8Array[] = [];
      const stream = new TestStream([concat([requestFor("/"), bytes])]);
      const upgraded =
        name === "Upgrader"
          ? await new Upgrader().upgrade(stream)
          : await new DebugUpgrader({}, { onRequest: (it) => void shown.push(it) }).upgrade(stream);
      spoil();
      const got = await readAll(upgraded);
      if (name === "DebugUpgrader" && textOf(...shown) !== textOf(requestFor("/")))
        throw new Error("The request was overwritten");
      return got;
    },
  })),
  ...(["Dialer", "DebugDialer"] as const).map((name): BytePromise => ({
    call: `${name}.dial(url), bytes behind the response`,
    word: "copied",
    async run(bytes, spoil) {
      const stream = new ScriptedStream((sent) => [concat([answerTo(sent), bytes])], "end");
      const shown: Uint8Array[] = [];
      const options = { netDial: (): ByteStream => stream };
      const dialed =
        name === "Dialer"
          ? await new Dialer(options).dial("ws://a.example/")
          : await new DebugDialer(options, {
              onResponse: (it) => void shown.push(it),
            }).dial("ws://a.example/");
      spoil();
      const got = await readAll(dialed);
      if (name === "DebugDialer" && textOf(...shown) !== textOf(answerTo(stream.text)))
        throw new Error("The response was overwritten");
      return got;
    },
  })),
];

const writerCalls: readonly (readonly [
  call: string,
  act: (writer: Writer, bytes: Uint8Array) => unknown,
])[] = [
  ["Writer.write(from)", (writer, bytes) => writer.write(bytes)],
  ["Writer.writeThrough(from)", (writer, bytes) => writer.writeThrough(bytes)],
  ["Writer.readFrom(reader)", (writer, bytes) => writer.readFrom(new BytesReader(bytes))],
];

const streamPromises: readonly BytePromise[] = [
  ...writerCalls.flatMap(([call, act]): BytePromise[] =>
    [300, 30_000].map((size) => ({
      call: `${call}, ${size} bytes of a client`,
      word: "lent",
      size,
      async run(bytes, spoil) {
        const original = Uint8Array.from(bytes);
        const stream = new TestStream([], { later, most: 1000 });
        const writer = new Writer(stream, StateClientSide, OpBinary);
        await act(writer, bytes);
        checkSame(bytes, original);
        spoil();
        await writer.flush();
        return last(await readMessage(new BytesReader(stream.written), source)).payload;
      },
    })),
  ),
  {
    call: "Writer's buffer, of its own memory",
    word: "lent",
    size: 1000,
    async run(bytes) {
      const original = Uint8Array.from(bytes);
      const stream = new TestStream([], { later });
      const writer = new Writer(stream, StateClientSide, OpBinary, { buffer: bytes });
      await writer.write(original);
      await writer.flush();
      return last(await readMessage(new BytesReader(stream.written), source)).payload;
    },
  },
  {
    call: "ControlWriter.write(from)",
    word: "copied",
    size: 125,
    async run(bytes, spoil) {
      const stream = new TestStream();
      const writer = new ControlWriter(stream, StateServerSide, OpPing);
      writer.write(bytes);
      spoil();
      await writer.flush();
      return payloadIn(stream.written);
    },
  },
  ...[StateServerSide, StateClientSide].map((state): BytePromise => ({
    call: `writeMessage(writer, ${state === StateServerSide ? "StateServerSide" : "StateClientSide"}, opcode, payload)`,
    word: "lent",
    size: 30_000,
    async run(bytes, spoil) {
      const original = Uint8Array.from(bytes);
      const stream = new TestStream([], { later, most: 1000 });
      await writeMessage(stream, state, OpText, bytes);
      checkSame(bytes, original);
      spoil();
      const reader = state === StateServerSide ? StateClientSide : StateServerSide;
      return last(await readMessage(new BytesReader(stream.written), reader)).payload;
    },
  })),
  {
    call: "writeFrame(writer, frame)",
    word: "lent",
    async run(bytes, spoil) {
      const stream = new TestStream([], { later });
      await writeFrame(stream, frames.newBinaryFrame(bytes));
      spoil();
      return payloadIn(stream.written);
    },
  },
  {
    call: "CipherWriter.write(from)",
    word: "not changed",
    run(bytes, spoil) {
      const original = Uint8Array.from(bytes);
      const stream = new TestStream();
      void new CipherWriter(stream, maskKey).write(bytes);
      checkSame(bytes, original);
      spoil();
      const { written } = stream;
      cipher(written, maskKey);
      return written;
    },
  },
  {
    call: "Reader.read(into)",
    word: "lent",
    async run(bytes, spoil) {
      const content = Uint8Array.from(bytes);
      const reader = new Reader(new TestStream([binary(content, masked)], { later }), source);
      await reader.nextFrame();
      const count = await reader.read(bytes);
      const got = Uint8Array.from(bytes.subarray(0, count));
      spoil();
      return concat([got, await readAll(reader)]);
    },
  },
  {
    call: "readFrame(reader, { buffer })",
    word: "lent",
    async run(bytes) {
      const content = Uint8Array.from(bytes);
      const frame = await readFrame(new TestStream([binary(content)]), { buffer: bytes });
      return frame!.payload.buffer === bytes.buffer ? frame!.payload : new Uint8Array(0);
    },
  },
  {
    call: "readFrame(reader), readMessage(source, state): payloads",
    word: "yours",
    async run(bytes, spoil) {
      const stream = new BufferedStream(new TestStream([binary(bytes), text("next"), binary("")]), {
        buffer: bytes,
      });
      const frame = await readFrame(stream);
      const [next] = await readMessage(stream, StateClientSide);
      spoil();
      if (textOf(next!.payload) !== "next") throw new Error("The second was overwritten");
      return frame!.payload;
    },
  },
  {
    call: "readHeaderBuffer(reader, buffer, header)",
    word: "lent",
    async run(bytes, spoil) {
      const content = Uint8Array.from(bytes);
      const header = newHeader();
      const stream = new TestStream([binary(content, masked)]);
      await readHeaderBuffer(stream, bytes, header);
      spoil();
      const payload = await readBytes(stream, header.length);
      cipher(payload, header.maskKey);
      return payload;
    },
  },
  {
    call: "new BytesReader(bytes)",
    word: "kept",
    run: (bytes) => readAll(new BytesReader(bytes)),
  },
  {
    call: "writeAll(writer, from)",
    word: "lent",
    async run(bytes, spoil) {
      const stream = new TestStream([], { later, most: 7 });
      await writeAll(stream, bytes);
      spoil();
      return stream.written;
    },
  },
  {
    call: "new BufferedStream(inner, { buffer }), readAll(reader)",
    word: "yours",
    async run(bytes, spoil) {
      const content = Uint8Array.from(bytes);
      const stream = new BufferedStream(new TestStream([content], { later }), { buffer: bytes });
      const all = await readAll(stream);
      spoil();
      return all;
    },
  },
];

const flatePromises: readonly BytePromise[] = [
  ...[300, large].flatMap((size): BytePromise[] => [
    {
      call: `Helper.compress(payload), ${size} bytes`,
      word: "lent",
      size,
      async run(bytes, spoil) {
        const helper = new Helper({ engine: zlibEngine() });
        const compressed = await helper.compress(bytes);
        spoil();
        const back = await helper.decompress(compressed);
        helper.close();
        return back;
      },
    },
    {
      call: `FlateWriter.write(from), ${size} bytes`,
      word: "lent",
      size,
      async run(bytes, spoil) {
        const helper = new Helper({ engine: zlibEngine() });
        const stream = new TestStream([], { later, most: 1000 });
        const writer = new FlateWriter(stream, { engine: zlibEngine() });
        await writer.write(bytes);
        spoil();
        await writer.close();
        const back = await helper.decompress(stream.written);
        helper.close();
        return back;
      },
    },
  ]),
  {
    call: "Helper.decompress(payload)",
    word: "lent",
    size: 60_000,
    async run(bytes, spoil) {
      const helper = new Helper({ engine: zlibEngine() });
      const content = Uint8Array.from(bytes);
      const compressed = await helper.compress(content);
      bytes.set(compressed);
      const back = await helper.decompress(bytes.subarray(0, compressed.length));
      spoil();
      helper.close();
      return back;
    },
  },
  {
    call: "FlateReader.read(into)",
    word: "lent",
    async run(bytes, spoil) {
      const helper = new Helper({ engine: zlibEngine() });
      const compressed = await helper.compress(Uint8Array.from(bytes));
      helper.close();
      const reader = new FlateReader(new TestStream([compressed], { later }), {
        engine: zlibEngine(),
      });
      const count = await reader.read(bytes.subarray(0, 100));
      const got = Uint8Array.from(bytes.subarray(0, count));
      spoil();
      const all = concat([got, await readAll(reader)]);
      reader.close();
      return all;
    },
  },
];

const transportPromises: readonly BytePromise[] = [
  {
    call: "MemoryTransport.write(bytes)",
    word: "copied",
    async run(bytes, spoil) {
      const [ours, theirs] = memoryPair();
      const got = newDeferred<Uint8Array>();
      theirs.handler = {
        onData: (chunk) => {
          got.resolve(chunk);
        },
        onDrain() {},
        onEnd() {},
        onClose() {},
      };
      ours.write(bytes);
      spoil();
      return await got.promise;
    },
  },
  {
    call: "StreamsTransport.write(bytes), to a stream that keeps what it gets",
    word: "copied",
    async run(bytes, spoil) {
      const kept: Uint8Array[] = [];
      const writable = new WritableStream<Uint8Array>({ write: (chunk) => void kept.push(chunk) });
      const pair = { readable: new ReadableStream(), writable } as unknown as StreamPair;
      const transport = new StreamsTransport(pair);
      transport.write(bytes);
      spoil();
      await new Promise((resolve) => setTimeout(resolve, 0));
      transport.destroy();
      return concat(kept);
    },
  },
  {
    call: "StreamPair.readable: chunks",
    word: "changed in place",
    async run(bytes) {
      const readable = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(bytes);
        },
      });
      const pair = { readable, writable: new WritableStream() } as unknown as StreamPair;
      const transport = new StreamsTransport(pair);
      const got = newDeferred<Uint8Array>();
      transport.handler.onData = (chunk) => {
        if (chunk.constructor !== Uint8Array) throw new Error("A transport's chunks are plain");
        got.resolve(Uint8Array.from(chunk));
      };
      const chunk = await got.promise;
      transport.destroy();
      return chunk;
    },
  },
  {
    call: "TransportStream.onData(chunk), read(into), release().unread",
    word: "copied",
    async run(bytes, spoil) {
      const [ours] = memoryPair();
      const stream = new TransportStream(ours);
      stream.onData(bytes);
      spoil();
      const into = new Uint8Array(100);
      const count = await stream.read(into);
      const { unread } = stream.release();
      stream.onData(new Uint8Array(1000));
      return concat([into.subarray(0, count), unread]);
    },
  },
  {
    call: "TransportStream.write(from)",
    word: "lent",
    size: 1000,
    async run(bytes, spoil) {
      const [ours, theirs] = memoryPair({ capacity: 10 });
      const stream = new TransportStream(ours);
      const peer = new TransportStream(theirs);
      const got = readBytes(peer, 1 + bytes.length);
      void stream.write(Uint8Array.of(1));
      await stream.write(bytes);
      spoil();
      const all = await got;
      stream.destroy();
      return all.subarray(1);
    },
  },
];

/** The promises about bytes on the wire and below connections. */
export const lowPromises: readonly BytePromise[] = [
  ...receivePromises,
  ...framePromises,
  ...httpPromises,
  ...streamPromises,
  ...flatePromises,
  ...transportPromises,
];
