import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { Deadlines } from "../../src/clock.ts";
import { finish } from "../../src/extension/chain.ts";
import type { ExtensionSession, Transform } from "../../src/extension/extension.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { Context, Engine } from "../../src/flate/engine.ts";
import { type CompressionOptions, PermessageDeflate } from "../../src/flate/permessage-deflate.ts";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { newHeader } from "../../src/frame/header.ts";
import { OpContinuation, OpText } from "../../src/frame/opcode.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { hex, toHex } from "../support/frames.ts";

/** Both ends of a connection with the same options, threshold 0 unless it is given. */
function newPair(options: CompressionOptions = {}) {
  const clock = new FakeClock();
  const extension = new PermessageDeflate({
    engine: zlibEngine(),
    threshold: 0,
    deadlines: new Deadlines(clock),
    ...options,
  });
  const agreed = extension.accept(extension.offers[0]!)!;
  const server = extension.open(agreed, StateServerSide)!;
  const client = extension.open(agreed, StateClientSide)!;
  return { extension, server, client, clock };
}

interface SendOptions {
  readonly compress?: boolean;
  readonly size?: number | undefined;
  readonly cache?: Map<string, Uint8Array>;
}

/** Compresses a text; gives the payload, and whether it is marked. */
function send(
  session: ExtensionSession,
  message: string,
  { compress = true, cache, ...rest }: SendOptions = {},
): { readonly payload: Uint8Array; readonly isMarked: boolean } {
  const bytes = new TextEncoder().encode(message);
  const size = "size" in rest ? rest.size : bytes.length;
  const transform = session.send!.beginMessage!({ opcode: OpText, size, compress, cache });
  const into = new BoundedBuffer();
  if (transform !== undefined) {
    expect(transform.write(bytes, 0, bytes.length, true, into)).toBe(true);
  }
  const header = newHeader(OpText);
  session.send!.setBits(header);
  return {
    payload: transform === undefined ? bytes : into.take(),
    isMarked: header.rsv === 4,
  };
}

/** Decompresses a payload, given in pieces. */
function receive(session: ExtensionSession, isMarked: boolean, ...pieces: Uint8Array[]): string {
  const header = newHeader(OpText);
  header.rsv = isMarked ? 4 : 0;
  session.recv!.unsetBits(header);
  const transform = session.recv!.beginMessage!();
  const into = new BoundedBuffer();
  pieces.forEach((piece, i) => {
    if (transform === undefined) into.add(piece, 0, piece.length);
    else transform.write(piece, 0, piece.length, i === pieces.length - 1, into);
  });
  return new TextDecoder().decode(into.take());
}

describe("a session of permessage-deflate", () => {
  it("sends RFC 7692's example, and the second time a reference to it (7.2.3.2)", () => {
    const { server, client } = newPair({ level: 6 });
    const first = send(server, "Hello");
    const second = send(server, "Hello");
    expect([toHex(first.payload), toHex(second.payload)]).toEqual(["f248cdc9c90700", "f200110000"]);
    for (const { payload, isMarked } of [first, second]) {
      expect(receive(client, isMarked, payload)).toBe("Hello");
    }
  });

  it.each<CompressionOptions>([{ serverNoContextTakeover: true }, {}])(
    "keeps a window for each side, as was agreed: %o",
    (options) => {
      const { server, client } = newPair(options);
      const takesOver = options.serverNoContextTakeover !== true;
      for (let round = 0; round < 3; round++) {
        const fromServer = send(server, "Hello, Hello");
        expect(receive(client, true, fromServer.payload)).toBe("Hello, Hello");
        const fromClient = send(client, "Hello, Hello");
        expect(receive(server, true, fromClient.payload)).toBe("Hello, Hello");
        expect(fromServer.payload.length < fromClient.payload.length).toBe(false);
        expect(fromServer.payload.length === fromClient.payload.length).toBe(
          round === 0 || takesOver,
        );
      }
    },
  );

  it("refuses a reference to earlier messages if no window is kept", () => {
    const { server } = newPair({ clientNoContextTakeover: true });
    expect(receive(server, true, hex("f248cdc9c90700"))).toBe("Hello");
    expect(() => receive(server, true, hex("f200110000"))).toThrow(
      expect.objectContaining({ code: "INVALID_DEFLATE", status: 1007 }),
    );
  });

  it("accepts a message in pieces, and uncompressed ones in between", () => {
    const { client } = newPair();
    expect(receive(client, true, hex("f248cd"), hex(""), hex("c9c90700"))).toBe("Hello");
    expect(receive(client, false, new TextEncoder().encode("plain"))).toBe("plain");
    expect(receive(client, true, hex("f200"), hex("110000"))).toBe("Hello");
  });

  it("does not compress messages below the threshold, and keeps its window", () => {
    const { server, client } = newPair({ threshold: 6 });
    const sent = ["Hello!", "small", "Hello!"].map((message) => send(server, message));
    expect(sent.map(({ isMarked }) => isMarked)).toEqual([true, false, true]);
    expect(sent[2]!.payload.length).toBeLessThan(sent[0]!.payload.length);
    expect(sent.map(({ isMarked, payload }) => receive(client, isMarked, payload))).toEqual([
      "Hello!",
      "small",
      "Hello!",
    ]);
  });

  it("compresses messages of unknown size, and none that is not to be compressed", () => {
    const { server } = newPair({ threshold: 100 });
    expect(send(server, "Hello", { size: undefined }).isMarked).toBe(true);
    const { server: other } = newPair();
    expect(send(other, "Hello", { compress: false })).toMatchObject({ isMarked: false });
  });

  it("marks no control frame and no continuation", () => {
    const { server } = newPair();
    send(server, "Hello");
    const header = newHeader(OpContinuation);
    server.send!.setBits(header);
    expect(header.rsv).toBe(0);
  });

  it("begins a new window after a message that was dropped", () => {
    const { server, client } = newPair();
    receive(client, true, send(server, "Hello").payload);
    const given = server.send!.beginMessage!({
      opcode: OpText,
      size: undefined,
      compress: true,
      cache: undefined,
    })!;
    given.write(new TextEncoder().encode("never sent"), 0, 10, false, new BoundedBuffer());
    expect(receive(client, true, send(server, "Hello").payload)).toBe("Hello");
  });

  it("works in slices as the engine does", async () => {
    const { server, client } = newPair({ engine: zlibEngine({ sliceSize: 1000 }) });
    const bytes = new Uint8Array(20_000).map((_, i) => (i * i) >> 7);
    const message = { opcode: OpText, size: bytes.length, compress: true, cache: undefined };
    const transforms = [
      server.send!.beginMessage!(message)!,
      (client.recv!.unsetBits({ ...newHeader(OpText), rsv: 4 }), client.recv!.beginMessage!()!),
    ];
    let data: Uint8Array = bytes;
    for (const transform of transforms) {
      const into = new BoundedBuffer();
      let turns = 0;
      let isDone = transform.write(data, 0, data.length, true, into);
      for (; !isDone; turns++) {
        await new Promise<void>((resolve) => {
          transform.whenReady(resolve);
        });
        isDone = transform.goOn(into);
      }
      expect(turns).toBeGreaterThan(1);
      data = into.take();
    }
    expect(data).toEqual(bytes);
  });
});

describe("a session that is closed while a message is at work", () => {
  it.each(["send", "recv"] as const)("settles those who wait: %s", async (way) => {
    const { server, client } = newPair({ engine: zlibEngine({ sliceSize: 100 }) });
    const message = "Hello ".repeat(1000);
    const bytes = new TextEncoder().encode(message);
    const into = new BoundedBuffer();
    let transform: Transform;
    if (way === "send") {
      const question = { opcode: OpText, size: bytes.length, compress: true, cache: undefined };
      transform = server.send!.beginMessage!(question)!;
      expect(transform.write(bytes, 0, bytes.length, true, into)).toBe(false);
    } else {
      const whole = newPair();
      const { payload } = send(whole.server, message);
      client.recv!.unsetBits({ ...newHeader(OpText), rsv: 4 });
      transform = client.recv!.beginMessage!()!;
      expect(transform.write(payload, 0, payload.length, true, into)).toBe(false);
    }
    const done = finish(transform, false, into);
    server.close!();
    client.close!();
    await expect(done).rejects.toThrow("closed inside a message");
  });
});

describe("a session that is closed", () => {
  it("takes no memory any more, whatever it is given", () => {
    const { extension, server, client } = newPair();
    client.recv!.unsetBits({ ...newHeader(OpText), rsv: 4 });
    const transform = client.recv!.beginMessage!()!;
    server.close!();
    client.close!();
    expect(() => transform.write(hex("f248cd"), 0, 3, false, new BoundedBuffer())).toThrow(
      "closed inside a message",
    );
    expect(extension.memory).toBe(0);
  });
});

describe("a message for many connections", () => {
  it("is compressed once for all connections that compress alike, and each keeps its own window", () => {
    const cache = new Map<string, Uint8Array>();
    const options = { engine: zlibEngine() };
    const pairs = [newPair(options), newPair(options), newPair({ ...options, level: 9 })];
    for (const { server, client } of pairs) {
      expect(receive(client, true, send(server, "before, Hello").payload)).toBe("before, Hello");
    }
    const sent = pairs.map(({ server }) => send(server, "Hello all", { cache }));
    expect(cache.size).toBe(2);
    expect(sent[1]!.payload).toEqual(sent[0]!.payload);
    expect(sent.every(({ isMarked }) => isMarked)).toBe(true);
    pairs.forEach(({ server, client }, i) => {
      expect(receive(client, true, sent[i]!.payload)).toBe("Hello all");
      for (const message of ["before, Hello all", "Hello all"]) {
        expect(receive(client, true, send(server, message).payload)).toBe(message);
      }
      const again = send(server, "Hello all", { cache });
      expect(again.payload).toEqual(sent[i]!.payload);
      expect(receive(client, true, again.payload)).toBe("Hello all");
    });
  });

  it("uses no compressor if it is compressed already", () => {
    const cache = new Map<string, Uint8Array>();
    send(newPair().server, "Hello all", { cache });
    const { extension, server, client } = newPair();
    const { payload } = send(server, "Hello all", { cache });
    expect(extension.memory).toBe(0);
    expect(receive(client, true, payload)).toBe("Hello all");
  });
});

describe("the memory of sessions", () => {
  it("is taken at the first message, and freed when the session is closed", () => {
    const { extension, server, client } = newPair();
    expect(extension.memory).toBe(0);
    const { payload } = send(server, "Hello");
    const deflater = extension.memory;
    expect(deflater).toBeGreaterThan(0);
    receive(client, true, payload);
    expect(extension.memory).toBeGreaterThan(deflater);
    server.close!();
    server.close!();
    expect(extension.memory).toBeGreaterThan(0);
    client.close!();
    expect(extension.memory).toBe(0);
  });

  it("is shared if no window is kept, and freed with the last session", () => {
    const both = { serverNoContextTakeover: true, clientNoContextTakeover: true };
    const { extension, server, client } = newPair(both);
    receive(client, true, send(server, "Hello").payload);
    const { memory } = extension;
    receive(server, true, send(client, "Hello").payload);
    expect(extension.memory).toBe(memory);
    for (let call = 0; call < 2; call++) server.close!();
    expect(extension.memory).toBe(memory);
    client.close!();
    expect(extension.memory).toBe(0);
  });

  it("is freed while a session idles, and its messages then go on", () => {
    const { extension, server, client, clock } = newPair({ idleTimeout: 1000 });
    const texts = ["Hello", "Hello, Hello"];
    for (const text of texts) {
      expect(receive(client, true, send(server, text).payload)).toBe(text);
      expect(extension.memory).toBeGreaterThan(0);
      clock.advance(2000);
      expect(extension.memory).toBe(0);
    }
    expect(receive(client, true, hex("f200110000"))).toBe("Hello");
  });

  it.each([0, Infinity])("has no limit and no time-out if those are %s", (limit) => {
    const options = { maxMemory: limit, idleTimeout: limit };
    const { extension, server, client, clock } = newPair(options);
    const { payload } = send(server, "Hello");
    const deflater = extension.memory;
    receive(client, true, payload);
    const both = extension.memory;
    expect(both).toBeGreaterThan(deflater);
    clock.advance(1_000_000);
    expect(extension.memory).toBe(both);
  });

  it("stays within its limit, and messages go on all the same", () => {
    const { extension, server, client } = newPair({ maxMemory: 1 });
    for (let round = 0; round < 3; round++) {
      expect(receive(client, true, send(server, `Hello ${round}`).payload)).toBe(`Hello ${round}`);
      expect(receive(server, true, send(client, `Hi ${round}`).payload)).toBe(`Hi ${round}`);
    }
    expect(extension.memory).toBeLessThan(200 * 1024);
  });

  it("is not taken by a message that has begun and has no byte yet", () => {
    const { extension, server, client } = newPair();
    client.recv!.unsetBits({ ...newHeader(OpText), rsv: 4 });
    const incoming = client.recv!.beginMessage!()!;
    const question = { opcode: OpText, size: undefined, compress: true, cache: undefined };
    const outgoing = server.send!.beginMessage!(question)!;
    const into = new BoundedBuffer();
    for (const transform of [incoming, outgoing]) {
      expect(transform.write(new Uint8Array(3), 2, 2, false, into)).toBe(true);
    }
    expect([extension.memory, into.size]).toEqual([0, 0]);
    for (const transform of [outgoing, incoming]) {
      expect(transform.write(hex("00"), 0, 0, true, into)).toBe(true);
    }
    expect(toHex(into.take())).toBe("00");
  });

  it.each([false, true])(
    "stays within its limit if many messages have begun and stand still: takeover %s",
    (takeover) => {
      const maxMemory = 1024 ** 2;
      const options = { serverNoContextTakeover: !takeover, clientNoContextTakeover: !takeover };
      const { extension, server, client } = newPair({ ...options, maxMemory });
      const agreed = extension.accept(extension.offers[0]!)!;
      const payload = send(server, "Hello, how do you do? Hello, hello again!").payload;
      const others = Array.from({ length: 200 }, () => extension.open(agreed, StateClientSide)!);
      const left = others.map((other, i) => {
        other.recv!.unsetBits({ ...newHeader(OpText), rsv: 4 });
        const transform = other.recv!.beginMessage!()!;
        const into = new BoundedBuffer();
        const end = 1 + (i % 30);
        expect(transform.write(payload, 0, end, false, into)).toBe(true);
        expect(extension.memory).toBeLessThanOrEqual(maxMemory);
        return { transform, into, end };
      });
      expect(receive(client, true, payload)).toBe("Hello, how do you do? Hello, hello again!");
      for (const { transform, into, end } of left) {
        expect(transform.write(payload, end, payload.length, true, into)).toBe(true);
        expect(new TextDecoder().decode(into.take())).toBe(
          "Hello, how do you do? Hello, hello again!",
        );
        expect(extension.memory).toBeLessThanOrEqual(maxMemory);
      }
    },
  );

  it("is not taken from busy sessions by messages that stand still", () => {
    const made: string[] = [];
    const zlib = zlibEngine();
    const rests = new Map<object, number>();
    const watch = <Kind extends Context>(name: string, context: Kind): Kind => {
      made.push(name);
      const rest = context.rest.bind(context);
      context.rest = () => {
        rests.set(context, (rests.get(context) ?? 0) + 1);
        rest();
      };
      return context;
    };
    const busyOnes: Context[] = [];
    let isBusy = true;
    const keep = <Kind extends Context>(context: Kind): Kind => {
      if (isBusy) busyOnes.push(context);
      return context;
    };
    const engine: Engine = {
      newDeflater: (settings) => keep(watch("deflater", zlib.newDeflater(settings))),
      newInflater: (settings) => keep(watch("inflater", zlib.newInflater(settings))),
    };
    const { extension, server, client } = newPair({ engine, maxMemory: 2 * 1024 ** 2 });
    const echo = (round: number): void => {
      const { payload } = send(server, `Hello ${round}`);
      expect(receive(client, true, payload)).toBe(`Hello ${round}`);
    };
    echo(0);
    isBusy = false;
    const agreed = extension.accept(extension.offers[0]!)!;
    for (let round = 1; round < 500; round++) {
      const other = extension.open(agreed, StateClientSide)!;
      other.recv!.unsetBits({ ...newHeader(OpText), rsv: 4 });
      other.recv!.beginMessage!()!.write(hex("f248cd"), 0, 3, false, new BoundedBuffer());
      echo(round);
    }
    expect(made).toHaveLength(501);
    expect(busyOnes.map((one) => rests.get(one))).toEqual([undefined, undefined]);
    expect(rests.size).toBeGreaterThan(400);
  });

  it("is freed while a message that is being sent stands still, and the message then goes on", () => {
    const { extension, server, client, clock } = newPair({ idleTimeout: 1000 });
    expect(receive(client, true, send(server, "Hello").payload)).toBe("Hello");
    const question = { opcode: OpText, size: undefined, compress: true, cache: undefined };
    const transform = server.send!.beginMessage!(question)!;
    const into = new BoundedBuffer();
    const pieces = ["Hello, ", "hello, ", "hello again!"];
    pieces.forEach((piece, i) => {
      const bytes = new TextEncoder().encode(piece);
      transform.write(bytes, 0, bytes.length, i === pieces.length - 1, into);
      if (i === pieces.length - 1) return;
      clock.advance(2000);
      expect(extension.memory).toBe(0);
    });
    expect(receive(client, true, into.take())).toBe("Hello, hello, hello again!");
    expect(receive(client, true, send(server, "Hello").payload)).toBe("Hello");
  });

  it("is freed when the session is closed, even if a message was never ended", () => {
    for (const noTakeover of [true, false]) {
      const options = { serverNoContextTakeover: noTakeover, clientNoContextTakeover: noTakeover };
      const { extension, server, client } = newPair(options);
      client.recv!.unsetBits({ ...newHeader(OpText), rsv: 4 });
      client.recv!.beginMessage!()!.write(hex("f248"), 0, 2, false, new BoundedBuffer());
      expect(extension.memory).toBeGreaterThan(0);
      client.close!();
      server.close!();
      expect(extension.memory).toBe(0);
    }
  });
});
