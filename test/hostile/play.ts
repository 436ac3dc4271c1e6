import process from "node:process";
import { expect } from "vitest";
import { memoryPair, type MemoryTransport } from "../../adapters/memory.ts";
import { concat } from "../../src/bytes.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import { type ServeOptions, Server } from "../../src/connection/serve.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { macrotask } from "../support/turns.ts";
import {
  accepted,
  type Case,
  ping,
  plain,
  request,
  type Setup,
  showClose,
  showMessage,
} from "./support.ts";
import { type Trace, traceOf } from "./trace.ts";

/** The code of an error, and that of its cause; its message where it has no code. */
export function nameOf(error: unknown): string {
  const { code, message, cause } = Object(error) as {
    code?: string;
    message?: string;
    cause?: { code?: string };
  };
  const name = code ?? message ?? String(error);
  return cause?.code === undefined ? name : `${name} ${cause.code}`;
}

/** What the handlers of a server saw, as lines, before they did what the setup wants of them. */
export class Recorder {
  readonly clock: FakeClock = new FakeClock();
  readonly options: ServeOptions;
  readonly handlers: ServerHandlers;
  events: string[] = [];
  /** Resolves with the last event of a connection. */
  over: Deferred<void> = newDeferred();
  /** The connection opened last. */
  ws: Connection | undefined;

  constructor({ options = {}, handlers: make = () => ({}) }: Setup = plain) {
    this.options = { port: 0, clock: this.clock, ...options };
    const handlers = make();
    this.handlers = {
      ...handlers,
      open: (ws) => {
        this.ws = ws;
        this.events.push("open");
        return handlers.open?.(ws);
      },
      message: (ws, data) => {
        this.events.push(showMessage(data));
        return handlers.message?.(ws, data);
      },
      error: (ws, error) => {
        this.events.push(`error ${nameOf(error)}`);
        return handlers.error?.(ws, error);
      },
      close: (ws, closure) => {
        const { status, reason, clean, initiator } = closure;
        const how = clean ? "clean" : "unclean";
        this.events.push(`${showClose(status, reason)} ${how} ${initiator}`);
        this.over.resolve();
        return handlers.close?.(ws, closure);
      },
      refused: (error, address) => {
        this.events.push(`refused ${nameOf(error)}`);
        this.over.resolve();
        return handlers.refused?.(error, address);
      },
    };
  }

  /** Forgets what was seen, for the next connection. */
  renew(): void {
    this.events = [];
    this.over = newDeferred();
    this.ws = undefined;
  }
}

/** A client that writes what it is told and keeps what comes back; it ends its stream only when it is told to. */
export class Client implements TransportHandler {
  readonly transport: Transport;
  readonly ended: Deferred<void> = newDeferred();
  readonly closed: Deferred<void> = newDeferred();
  hasEnded = false;
  isClosed = false;
  #chunks: Uint8Array[] = [];
  readonly #pending: Uint8Array[] = [];
  #isWriting = false;
  #isEndDue = false;

  constructor(transport: Transport) {
    this.transport = transport;
    transport.handler = this;
  }

  /** All that has come. */
  get output(): Uint8Array {
    const whole = concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  /** Bytes that the server has not let in yet. */
  get unsent(): number {
    return this.#pending.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Whether the server has ended the stream, in one way or another. */
  get isOver(): boolean {
    return this.hasEnded || this.isClosed;
  }

  write(...chunks: readonly Uint8Array[]): void {
    this.#pending.push(...chunks);
    this.#write();
  }

  /** Ends the stream behind what is to be written. */
  end(): void {
    this.#isEndDue = true;
    this.#write();
  }

  onData(chunk: Uint8Array): void {
    this.#chunks.push(chunk.slice());
  }

  onDrain(): void {
    this.#isWriting = false;
    this.#write();
  }

  onEnd(): void {
    this.hasEnded = true;
    this.ended.resolve();
  }

  onClose(): void {
    this.isClosed = true;
    this.ended.resolve();
    this.closed.resolve();
  }

  #write(): void {
    while (!this.#isWriting) {
      const bytes = this.#pending.shift();
      if (bytes === undefined) break;
      this.#isWriting = !this.transport.write(bytes);
    }
    if (this.#isEndDue && !this.#isWriting) this.transport.end();
  }
}

/** One way to bring an input to the server. */
export interface Delivery {
  /** Said when the traces differ. */
  readonly how: string;
  readonly chunks: readonly Uint8Array[];
  /** Bytes that each side takes before its reader has them. Default: any number. */
  readonly capacity?: number;
}

/**
 * Wraps a transport so that a chunk is spoilt once the server's handler has returned: whatever kept a view of it
 * shows itself.
 */
function spoiling(transport: MemoryTransport): Transport {
  return {
    set handler(handler: TransportHandler) {
      transport.handler = {
        onData: (chunk) => {
          // The handler may have been replaced inside the call before.
          handler.onData(chunk);
          chunk.fill(0xdb);
        },
        onDrain: () => {
          handler.onDrain();
        },
        onEnd: () => {
          handler.onEnd();
        },
        onClose: (error) => {
          handler.onClose(error);
        },
      };
    },
    write: (bytes) => transport.write(bytes),
    pause: () => {
      transport.pause();
    },
    resume: () => {
      transport.resume();
    },
    end: () => {
      transport.end();
    },
    destroy: () => {
      transport.destroy();
    },
    remoteAddress: transport.remoteAddress,
    remotePort: transport.remotePort,
  };
}

/** What came of a delivery, not yet read. */
export interface Played {
  readonly output: Uint8Array;
  readonly events: readonly string[];
  readonly end: Trace["end"];
}

/** A delivery, and the server that it goes to. */
interface Run extends Delivery {
  readonly server: Server;
  readonly recorder: Recorder;
}

/**
 * Plays deliveries side by side.
 *
 * The first chunk of each is delivered in a turn of its own, the others together. Then the client ends its stream,
 * where the server has not done so.
 */
async function playOn(runs: readonly Run[]): Promise<Played[]> {
  const clients = runs.map(({ server, chunks, capacity = Infinity }) => {
    const [ours, theirs] = memoryPair({ capacity });
    server.accept(spoiling(ours));
    const client = new Client(theirs);
    client.write(...chunks.slice(0, 1));
    return client;
  });
  await macrotask();
  runs.forEach(({ chunks }, i) => {
    clients[i]!.write(...chunks.slice(1));
  });
  await macrotask();
  const ends = clients.map((client) => (client.isOver ? "server" : "client"));
  for (const client of clients) client.end();
  await macrotask();
  return runs.map(({ how, recorder, server }, i) => {
    const client = clients[i]!;
    if (!client.isClosed) throw new Error(`${how}: the connection goes on`);
    if (recorder.clock.running > 0) throw new Error(`${how}: a timer goes on`);
    if (server.connections.length > 0) throw new Error(`${how}: the connection is still listed`);
    return { output: client.output, events: recorder.events, end: ends[i]! };
  });
}

/** Plays an input in several deliveries, each to a server of its own. */
export function playInMemory(setup: Setup, deliveries: readonly Delivery[]): Promise<Played[]> {
  const runs = deliveries.map((delivery) => {
    const recorder = new Recorder(setup);
    return { ...delivery, recorder, server: new Server(recorder.options, recorder.handlers) };
  });
  return playOn(runs);
}

/** Checks that a server still serves a decent client. */
export async function expectAlive(
  recorder: Recorder,
  { fresh = 101 }: Setup,
  transport: Transport,
): Promise<void> {
  recorder.renew();
  const client = new Client(transport);
  client.write(request({ headers: { Origin: "https://good.example" } }), ping("alive"));
  if (fresh !== 101) await client.ended.promise;
  client.end();
  await client.closed.promise;
  await recorder.over.promise;
  const { status, replies } = traceOf(client.output, recorder.events, "client");
  expect({ status, replies }).toEqual({
    status: fresh,
    replies: fresh === 101 ? ['pong "alive"'] : [],
  });
  if (fresh === 101) expect(recorder.events).toEqual(accepted().events);
}

/** Plays an input in one chunk, and then a decent client to the same server. */
export async function playThenFresh({ setup, input }: Case): Promise<Trace> {
  const recorder = new Recorder(setup);
  const server = new Server(recorder.options, recorder.handlers);
  const [played] = await playOn([{ recorder, server, how: "whole", chunks: [input] }]);
  const trace = traceOf(played!.output, played!.events, played!.end);
  const [ours, theirs] = memoryPair();
  server.accept(ours);
  await expectAlive(recorder, setup, theirs);
  return trace;
}

/** A connection in memory, for what is more than bytes in and bytes out. */
export interface Connected {
  readonly recorder: Recorder;
  readonly server: Server;
  readonly client: Client;
  /** The server's end. */
  readonly ours: MemoryTransport;
  /** What has come back so far. */
  trace(): Trace;
}

/** Connects a client that has said nothing yet. */
export function connect(setup: Setup = plain, capacity = Infinity): Connected {
  const recorder = new Recorder(setup);
  const server = new Server(recorder.options, recorder.handlers);
  const [ours, theirs] = memoryPair({ capacity });
  server.accept(ours);
  const client = new Client(theirs);
  return {
    recorder,
    server,
    client,
    ours,
    trace: () => traceOf(client.output, recorder.events, client.isOver ? "server" : "client"),
  };
}

/** Connects a client, and does the handshake. */
export async function connectOpen(
  setup: Setup = plain,
  capacity = Infinity,
): Promise<Connected & { readonly ws: Connection }> {
  const connected = connect(setup, capacity);
  connected.client.write(request());
  await macrotask();
  return { ...connected, ws: connected.recorder.ws! };
}

const rejections: unknown[] = [];
process.on("unhandledRejection", (reason) => {
  rejections.push(reason);
});

/** Checks that no promise was rejected behind everybody's back since the last call. */
export async function expectNoRejections(): Promise<void> {
  await macrotask();
  expect(rejections.splice(0)).toEqual([]);
}

/** A source of numbers from 0 to below 1 that gives the same ones each time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
