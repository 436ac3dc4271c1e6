import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { prepareMessage } from "../../src/connection/send/prepare.ts";
import { newDeferred } from "../../src/deferred.ts";
import { Endpoint, type Side } from "../../src/endpoint/endpoint.ts";
import { PreparedMessage } from "../../src/endpoint/prepared.ts";
import type { ExtensionSession } from "../../src/extension/extension.ts";
import { PermessageDeflate } from "../../src/flate/permessage-deflate.ts";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { adapter } from "./adapter.ts";
import { EventTrace } from "./trace.ts";

/**
 * What a doc comment may say of bytes:
 *
 * - "copied": whoever gave them may change them when the call returns,
 * - "lent": when the call, or its promise, is done,
 * - "nothing is kept": as "copied", but they may be changed where they lie,
 * - "not changed": what is made of them lies elsewhere,
 * - "changed in place", "kept": no copy is made, on purpose,
 * - "yours": whoever gets them may keep and change them.
 */
export type Word =
  | "copied"
  | "lent"
  | "nothing is kept"
  | "not changed"
  | "changed in place"
  | "kept"
  | "yours";

/** A promise about bytes, and how it is put to the test. */
export interface BytePromise {
  /** What is called, and what comes of it. */
  readonly call: string;
  readonly word: Word;
  /** Bytes that are given. Default: 300. */
  readonly size?: number;
  /**
   * Calls it.
   *
   * @param bytes The caller's.
   * @param spoil Overwrites them: to be called as soon as the promise allows.
   * @returns What has arrived, which must be what was given.
   */
  run(bytes: Uint8Array, spoil: () => void): Promise<Uint8Array> | Uint8Array;
}

export const large = 500_000;

const options = { compression: true, maxMessageSize: 0, maxFrameSize: 0 } as const;

/** Lets a client do something with its connection; gives the messages that the server has got. */
export async function sentBy(
  act: (ws: Connection) => unknown,
  clientOptions: object = {},
): Promise<Uint8Array[]> {
  const got: Uint8Array[] = [];
  await using server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1", ...options },
    { message: (_, data) => void got.push(typeof data === "string" ? encodeUtf8(data) : data) },
  );
  const ws = await adapter.connect(`ws://127.0.0.1:${server.port}`, {
    ...options,
    ...clientOptions,
  });
  await act(ws);
  await ws.close();
  return got;
}

/** The same the other way round. */
export async function sentByServer(act: (ws: Connection) => unknown): Promise<Uint8Array[]> {
  const got: Uint8Array[] = [];
  const done = newDeferred<unknown>();
  await using server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1", ...options },
    {
      async open(ws) {
        done.resolve(await act(ws));
        await ws.close();
      },
    },
  );
  const ws = await adapter.connect(`ws://127.0.0.1:${server.port}`, options, {
    message: (_, data) => void got.push(typeof data === "string" ? encodeUtf8(data) : data),
  });
  await done.promise;
  await ws.closed;
  return got;
}

/** Two endpoints, compressing or not, that hand each other their bytes. */
export class EndpointPair {
  readonly events = new Received();
  readonly sender: Endpoint;
  readonly receiver: Endpoint;
  readonly #extensions: PermessageDeflate[] = [];

  constructor(compresses: boolean, side: Side = "client") {
    const other = side === "client" ? "server" : "client";
    this.sender = new Endpoint(side, new EventTrace(), this.#options(compresses, side));
    this.receiver = new Endpoint(other, this.events, this.#options(compresses, other));
    this.events.onResume = () => {
      this.#give();
    };
  }

  #options(compresses: boolean, side: Side): object {
    const limits = { maxMessageSize: 0, maxFrameSize: 0 };
    return compresses ? { ...limits, extensions: [this.#session(side)] } : limits;
  }

  #session(side: Side): ExtensionSession {
    const extension = new PermessageDeflate({ engine: zlibEngine(), threshold: 0 });
    this.#extensions.push(extension);
    const agreed = extension.accept(extension.offers[0]!)!;
    return extension.open(agreed, side === "server" ? StateServerSide : StateClientSide)!;
  }

  #pending: Uint8Array[] = [];

  #give(): void {
    while (this.#pending.length > 0) {
      const chunk = this.#pending[0]!;
      const taken = this.receiver.receive(chunk);
      if (taken < chunk.length) {
        this.#pending[0] = chunk.subarray(taken);
        return;
      }
      this.#pending.shift();
    }
  }

  /** Gives all that is gathered to the receiver, and goes on until so many messages have come. */
  async messages(count: number): Promise<Uint8Array[]> {
    const { output } = this.sender;
    for (;;) {
      for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
        this.#pending.push(Uint8Array.from(bytes));
        output.giveBack();
      }
      this.#give();
      if (this.events.got.length >= count) break;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    this.sender.fail(undefined, 0, "local");
    this.receiver.fail(undefined, 0, "local");
    return this.events.got;
  }
}

/** Keeps what comes, owned bytes as they are. */
export class Received extends EventTrace {
  readonly got: Uint8Array[] = [];
  override onText(data: string): void {
    this.got.push(encodeUtf8(data));
  }
  override onBinary(bytes: Uint8Array, start: number, end: number, isOwned = false): void {
    const own = bytes.subarray(start, end);
    this.got.push(isOwned ? own : Uint8Array.from(own));
  }
  override onPing(bytes: Uint8Array, start: number, end: number): void {
    this.got.push(Uint8Array.from(bytes.subarray(start, end)));
  }
  override onPong(bytes: Uint8Array, start: number, end: number): void {
    this.got.push(Uint8Array.from(bytes.subarray(start, end)));
  }
}

export const first = <Item>(items: readonly Item[]): Item => items[0]!;
export const last = <Item>(items: readonly Item[]): Item => items[items.length - 1]!;

const connectionPromises: readonly BytePromise[] = [
  ...[300, large].flatMap((size): BytePromise[] =>
    [false, true].map((compress) => ({
      call: `Connection.send(data), ${size} bytes${compress ? ", compressed" : ""}`,
      word: "copied",
      size,
      run: async (bytes, spoil) =>
        first(
          await sentBy(async (ws) => {
            const sent = ws.send(bytes, { compress });
            spoil();
            await sent;
          }),
        ),
    })),
  ),
  {
    call: "Connection.send(data), which waits behind a message in pieces",
    word: "copied",
    run: async (bytes, spoil) =>
      last(
        await sentBy(async (ws) => {
          const message = ws.beginMessage();
          void message.write("Hello");
          void ws.send(bytes);
          spoil();
          await message.close();
        }),
      ),
  },
  {
    call: "Connection.send(data), which waits for room",
    word: "copied",
    size: 30_000,
    run: async (bytes, spoil) =>
      last(
        await sentBy(
          async (ws) => {
            void ws.send(new Uint8Array(40_000));
            const sent = ws.send(bytes);
            spoil();
            await sent;
          },
          { compression: false, maxBufferedAmount: 50_000, overflow: "wait" },
        ),
      ),
  },
  ...[300, large].flatMap((size): BytePromise[] =>
    [false, true].map((compress) => ({
      call: `MessageWriter.write(data), ${size} bytes${compress ? ", compressed" : ""}`,
      word: "copied",
      size,
      run: async (bytes, spoil) =>
        first(
          await sentBy(async (ws) => {
            const message = ws.beginMessage({ binary: true, compress });
            void message.write(bytes);
            spoil();
            await message.close();
          }),
        ),
    })),
  ),
  {
    call: "MessageWriter.write(data), behind another message in pieces",
    word: "copied",
    run: async (bytes, spoil) =>
      last(
        await sentBy(async (ws) => {
          const other = ws.beginMessage();
          void other.write("Hello");
          const message = ws.beginMessage({ binary: true });
          void message.write(bytes);
          spoil();
          void other.close();
          await message.close();
        }),
      ),
  },
  {
    call: "Connection.sendStream(source), a piece when the next one is asked for",
    word: "lent",
    size: 30_000,
    run: async (bytes, spoil) =>
      first(
        await sentBy((ws) => {
          function* pieces(): Generator<Uint8Array> {
            yield bytes;
            spoil();
          }
          return ws.sendStream(pieces());
        }),
      ),
  },
  {
    call: "Connection.ping(payload), at the peer's ping and this side's pong",
    word: "copied",
    size: 125,
    async run(bytes, spoil) {
      const got: Uint8Array[] = [];
      const ponged = newDeferred<void>();
      await using server = await adapter.serve(
        { port: 0, hostname: "127.0.0.1" },
        { ping: (_, payload) => void got.push(payload) },
      );
      const ws = await adapter.connect(
        `ws://127.0.0.1:${server.port}`,
        {},
        {
          pong(_, payload) {
            got.push(payload);
            ponged.resolve();
          },
        },
      );
      void ws.ping(bytes);
      spoil();
      await ponged.promise;
      await ws.close();
      return got[0]!.every((byte, at) => byte === got[1]![at]) ? got[1]! : got[0]!;
    },
  },
  ...[false, true].map((compress): BytePromise => ({
    call: `prepareMessage(data)${compress ? ", compressed" : ""}`,
    word: "copied",
    size: large,
    run: async (bytes, spoil) =>
      first(
        await sentByServer(async (ws) => {
          const message = prepareMessage(bytes, { compress });
          spoil();
          await ws.send(message);
        }),
      ),
  })),
  {
    call: "Server.broadcast(data)",
    word: "copied",
    size: 30_000,
    async run(bytes, spoil) {
      await using server = await adapter.serve({ port: 0, hostname: "127.0.0.1" }, {});
      await using ws = await adapter.connect(`ws://127.0.0.1:${server.port}`);
      server.broadcast(bytes);
      spoil();
      return (await ws.receive()) as Uint8Array;
    },
  },
  {
    call: "Server.publish(topic, data)",
    word: "copied",
    size: 30_000,
    async run(bytes, spoil) {
      await using server = await adapter.serve(
        { port: 0, hostname: "127.0.0.1" },
        {
          open: (ws) => {
            void ws.subscribe("all");
          },
        },
      );
      await using ws = await adapter.connect(`ws://127.0.0.1:${server.port}`);
      server.publish("all", bytes);
      spoil();
      return (await ws.receive()) as Uint8Array;
    },
  },
  {
    call: "Handlers.message: data, while more comes",
    word: "yours",
    run: async (bytes) =>
      first(
        await sentBy(async (ws) => {
          for (let i = 0; i < 3; i++) void ws.send(i === 0 ? bytes : new Uint8Array(bytes.length));
          await ws.send(new Uint8Array(large));
        }),
      ),
  },
  {
    call: "IncomingMessage: pieces, while more comes",
    word: "yours",
    size: 30_000,
    async run(bytes, spoil) {
      const got = newDeferred<Uint8Array>();
      await using server = await adapter.serve(
        { port: 0, hostname: "127.0.0.1" },
        {
          async stream(_, message) {
            const pieces: Uint8Array[] = [];
            for await (const piece of message) pieces.push(piece as Uint8Array);
            got.resolve(concat(pieces));
          },
        },
      );
      await using ws = await adapter.connect(`ws://127.0.0.1:${server.port}`);
      void ws.send(bytes);
      spoil();
      return await got.promise;
    },
  },
];

const endpointPromises: readonly BytePromise[] = [
  ...[false, true].flatMap((compresses): BytePromise[] => {
    const how = compresses ? ", compressed" : "";
    return [
      {
        call: `Endpoint.sendBinary(bytes)${how}`,
        word: "copied",
        size: large,
        run(bytes, spoil) {
          const pair = new EndpointPair(compresses);
          pair.sender.sendBinary(bytes);
          spoil();
          return pair.messages(1).then(first);
        },
      },
      {
        call: `Endpoint.sendBinary(bytes)${how}, which waits behind a message in pieces`,
        word: "copied",
        run(bytes, spoil) {
          const pair = new EndpointPair(compresses);
          const message = pair.sender.beginMessage(2);
          message.write(Uint8Array.of(1));
          pair.sender.sendBinary(bytes);
          spoil();
          message.write(new Uint8Array(0), true);
          return pair.messages(2).then(last);
        },
      },
      {
        call: `MessagePieces.write(bytes)${how}`,
        word: "copied",
        size: large,
        run(bytes, spoil) {
          const pair = new EndpointPair(compresses);
          pair.sender.beginMessage(2).write(bytes, true);
          spoil();
          return pair.messages(1).then(first);
        },
      },
      {
        call: `MessagePieces.write(bytes)${how}, behind another message`,
        word: "copied",
        run(bytes, spoil) {
          const pair = new EndpointPair(compresses);
          const other = pair.sender.beginMessage(2);
          other.write(Uint8Array.of(1));
          pair.sender.beginMessage(2).write(bytes, true);
          spoil();
          other.write(new Uint8Array(0), true);
          return pair.messages(2).then(last);
        },
      },
      {
        call: `new PreparedMessage(data), sent by an endpoint${how}`,
        word: "copied",
        run(bytes, spoil) {
          const pair = new EndpointPair(compresses, "server");
          const message = new PreparedMessage(bytes);
          spoil();
          pair.sender.sendPrepared(message);
          return pair.messages(1).then(first);
        },
      },
    ];
  }),
  {
    call: "Endpoint.sendPing(payload)",
    word: "copied",
    size: 125,
    run(bytes, spoil) {
      const pair = new EndpointPair(false);
      pair.sender.sendPing(bytes);
      spoil();
      return pair.messages(1).then(first);
    },
  },
  {
    call: "Endpoint.sendPing(payload), which goes in front of what waits",
    word: "copied",
    size: 125,
    async run(bytes, spoil) {
      const pair = new EndpointPair(false);
      pair.sender.sendBinary(new Uint8Array(large));
      pair.sender.output.take();
      pair.sender.sendBinary(Uint8Array.of(1));
      pair.sender.sendPing(bytes);
      spoil();
      const got = await pair.messages(3);
      return got[1]!;
    },
  },
  {
    call: "PreparedMessage.bytes",
    word: "yours",
    run(bytes) {
      const message = new PreparedMessage(bytes);
      message.bytes.fill(0xee);
      return message.bytes;
    },
  },
  {
    call: "PreparedMessage.frame",
    word: "yours",
    run(bytes) {
      const message = new PreparedMessage(bytes);
      message.frame.fill(0xee);
      return message.frame.subarray(4);
    },
  },
  {
    call: "PreparedMessage.bytes and .frame, changed before it is sent",
    word: "yours",
    run(bytes) {
      const pair = new EndpointPair(false, "server");
      const message = new PreparedMessage(bytes);
      message.bytes.fill(0xee);
      message.frame.fill(0xee);
      pair.sender.sendPrepared(message);
      return pair.messages(1).then(first);
    },
  },
];

/** All promises but those of bytes on the wire, which are in byte-promises-low.ts. */
export const highPromises: readonly BytePromise[] = [...connectionPromises, ...endpointPromises];
