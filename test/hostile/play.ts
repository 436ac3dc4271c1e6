import { createHash } from "node:crypto";
import process from "node:process";
import { expect } from "vitest";
import { memoryPair, type MemoryTransport } from "../../adapters/memory/index.ts";
import { concat, latin1 } from "../../src/bytes.ts";
import { type ClientOptions, connectOn } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers, ServerHandlers } from "../../src/connection/handlers.ts";
import { type ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { macrotask } from "../support/turns.ts";
import {
  accepted,
  type Case,
  otherThan,
  type Piece,
  ping,
  plain,
  type Plays,
  type Role,
  session,
  sessionWith,
  type Setup,
  showClose,
  showMessage,
} from "./support.ts";
import { type Played, type Trace, traceOf } from "./trace.ts";

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

/** Handlers that a server has, and a client has not. */
const ofServers = new Set(["upgrade", "http", "routes", "refused"]);

/** What the handlers of a server or a client saw, as lines, before they did what the setup wants of them. */
export class Recorder {
  readonly clock: FakeClock = new FakeClock();
  readonly setup: Setup;
  readonly handlers: ServerHandlers;
  events: string[] = [];
  /** Resolves with the last event of a connection. */
  over: Deferred<void> = newDeferred();
  /** The connection opened last. */
  ws: Connection | undefined;
  /** What the last attempt of a client failed with. */
  failure: unknown;

  constructor(setup: Setup = plain) {
    this.setup = setup;
    const handlers = setup.handlers?.() ?? {};
    this.handlers = {
      ...handlers,
      open: (ws) => {
        this.ws = ws;
        this.events.push("open");
        return handlers.open?.(ws);
      },
      message: (ws, data, isText) => {
        this.events.push(showMessage(data));
        return handlers.message?.(ws, data, isText);
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

  get serveOptions(): ServeOptions {
    const { options, serveOptions } = this.setup;
    return {
      port: 0,
      hostname: "127.0.0.1",
      clock: this.clock,
      unhandledErrors: "ignore",
      ...options,
      ...serveOptions,
    };
  }

  get clientOptions(): ClientOptions {
    const { options, clientOptions } = this.setup;
    return { clock: this.clock, unhandledErrors: "ignore", ...options, ...clientOptions };
  }

  /** The handlers, without those that are a server's alone. */
  get clientHandlers(): Handlers {
    const all = Object.entries(this.handlers as Record<string, unknown>);
    return Object.fromEntries(all.filter(([name]) => !ofServers.has(name)));
  }

  /** Notes what comes of a client's attempt. */
  async attempt(connecting: Promise<Connection>): Promise<void> {
    try {
      await connecting;
    } catch (error) {
      this.failure = error;
      this.events.push(`refused ${nameOf(error)}`);
      this.over.resolve();
    }
  }

  /** Forgets what was seen, for the next connection. */
  renew(): void {
    this.events = [];
    this.over = newDeferred();
    this.ws = undefined;
    this.failure = undefined;
  }
}

/** framewire's peer: it writes what it is told and keeps what comes back; it ends its stream only when it is told to. */
export class Peer implements TransportHandler {
  readonly transport: Transport;
  readonly side: Role;
  /** Resolves when a request's head has come. */
  readonly asked: Deferred<void> = newDeferred();
  readonly ended: Deferred<void> = newDeferred();
  readonly closed: Deferred<void> = newDeferred();
  hasEnded = false;
  isClosed = false;
  /** Bytes that have come, the head of a request or response among them. */
  received = 0;
  #chunks: Uint8Array[] = [];
  readonly #pending: Uint8Array[] = [];
  #isWriting = false;
  #isEndDue = false;

  /** @param role What framewire is. */
  constructor(transport: Transport, role: Role) {
    this.transport = transport;
    this.side = otherThan(role);
    transport.handler = this;
  }

  /** All that has come. */
  get output(): Uint8Array {
    const whole = concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  /** What answers the key of the request that has come; "" where none has. */
  get accept(): string {
    const { output } = this;
    const [, key] = /^Sec-WebSocket-Key: (.*)\r$/m.exec(latin1(output, 0, output.length)) ?? [];
    return key === undefined ? "" : acceptFor(key);
  }

  /** Bytes that framewire has not let in yet. */
  get unsent(): number {
    return this.#pending.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Whether framewire has ended the stream, in one way or another. */
  get isOver(): boolean {
    return this.hasEnded || this.isClosed;
  }

  /** Sends each of them as a chunk of its own. */
  send(...pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      this.#pending.push(piece instanceof Uint8Array ? piece : piece.from(this.side));
    }
    this.#write();
  }

  /** Ends the stream behind what is to be written. */
  end(): void {
    this.#isEndDue = true;
    this.#write();
  }

  onData(chunk: Uint8Array): void {
    this.#chunks.push(chunk.slice());
    this.received += chunk.length;
    if (latin1(chunk, Math.max(0, chunk.length - 4), chunk.length) === "\r\n\r\n")
      this.asked.resolve();
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

/** What answers a key, by somebody else's SHA-1. */
export function acceptFor(key: string): string {
  const hash = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  return hash.digest("base64");
}

/** One way to bring an input to framewire. */
export interface Delivery {
  /** Said when the traces differ. */
  readonly how: string;
  /** @param accept As for {@link Play.input}. */
  chunks(accept: string): readonly Uint8Array[];
  /** Bytes that each side takes before its reader has them. Default: any number. */
  readonly capacity?: number;
}

/**
 * Wraps a transport so that a chunk is spoilt once framewire's handler has returned: whatever kept a view of it
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

/** framewire in one role, without a socket. */
export interface Stage {
  readonly role: Role;
  readonly recorder: Recorder;
  /** Where framewire is a server. */
  readonly server: Server | undefined;
}

export function newStage(role: Role, setup: Setup = plain): Stage {
  const recorder = new Recorder(setup);
  const server =
    role === "server" ? new Server(recorder.serveOptions, recorder.handlers) : undefined;
  return { role, recorder, server };
}

/** Gives framewire's end of a connection to it: to be accepted, or to be what a client connects to. */
export function attach({ recorder, server }: Stage, transport: Transport): void {
  if (server !== undefined) {
    server.accept(transport);
    return;
  }
  const { clientOptions, clientHandlers } = recorder;
  const connecting = connectOn(
    async (_, take) => take(transport),
    "ws://localhost/",
    clientOptions,
    clientHandlers,
  );
  void recorder.attempt(connecting);
}

/** A delivery, and what it goes to. */
interface Run extends Delivery {
  readonly stage: Stage;
}

/**
 * Plays deliveries side by side.
 *
 * The first chunk of each is delivered in a turn of its own, the others together. Then the peer ends its stream, where
 * framewire has not done so.
 */
async function playOn(runs: readonly Run[]): Promise<Played[]> {
  const peers = runs.map(({ stage, capacity = Infinity }) => {
    const [ours, theirs] = memoryPair({ capacity });
    const peer = new Peer(theirs, stage.role);
    attach(stage, spoiling(ours));
    return peer;
  });
  // A server has nobody to wait for; a client asks first.
  if (runs[0]?.stage.role === "client") await macrotask();
  const all = runs.map(({ chunks }, i) => chunks(peers[i]!.accept));
  for (const [i, chunks] of all.entries()) peers[i]!.send(...chunks.slice(0, 1));
  await macrotask();
  for (const [i, chunks] of all.entries()) peers[i]!.send(...chunks.slice(1));
  await macrotask();
  const ends = peers.map((peer) => (peer.isOver ? "framewire" : "peer"));
  for (const peer of peers) peer.end();
  await macrotask();
  return runs.map(({ how, stage: { recorder, server } }, i) => {
    const peer = peers[i]!;
    if (!peer.isClosed) throw new Error(`${how}: the connection goes on`);
    if (recorder.clock.running > 0) throw new Error(`${how}: a timer goes on`);
    if ((server?.connections.length ?? 0) > 0)
      throw new Error(`${how}: the connection is still listed`);
    const { events, failure } = recorder;
    return { output: peer.output, events, failure, end: ends[i]! };
  });
}

/** Deliveries that are played side by side. Of more, the collector would copy what each has made. */
const mostAtOnce = 128;

/** Plays an input in several deliveries, each to a server or a client of its own. */
export async function playInMemory(
  role: Role,
  setup: Setup,
  deliveries: readonly Delivery[],
): Promise<Played[]> {
  const { stackTraceLimit } = Error;
  // Nobody sees the stacks of so many errors, and vitest looks each of their lines up in the source maps.
  Error.stackTraceLimit = 0;
  try {
    const played: Played[] = [];
    for (let at = 0; at < deliveries.length; at += mostAtOnce) {
      const some = deliveries.slice(at, at + mostAtOnce);
      played.push(
        ...(await playOn(some.map((delivery) => ({ ...delivery, stage: newStage(role, setup) })))),
      );
    }
    return played;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** What a decent peer sends that wants to know whether framewire lives. */
const stillThere: Plays = sessionWith(
  { headers: { Origin: "https://good.example" } },
  {},
  ping("alive"),
);

/**
 * Checks that a server still serves a decent client, or that a client's next connection opens.
 *
 * @param peer Connected, and nothing sent yet.
 */
export async function expectAlive(role: Role, recorder: Recorder, peer: Peer): Promise<void> {
  const { fresh = 101 } = recorder.setup;
  if (role === "client") await peer.asked.promise;
  peer.send(stillThere[role]!.input(peer.accept));
  if (fresh !== 101) await peer.ended.promise;
  peer.end();
  await peer.closed.promise;
  await recorder.over.promise;
  const { output } = peer;
  const { events } = recorder;
  const { status, replies } = traceOf(role, { output, events, end: "peer" });
  expect({ status, replies }).toEqual({
    status: fresh,
    replies: fresh === 101 ? ['pong "alive"'] : [],
  });
  if (fresh === 101) expect(events).toEqual(accepted().events);
}

/** Checks the same over another connection in memory. */
export async function expectAliveOn(stage: Stage): Promise<void> {
  const [ours, theirs] = memoryPair();
  const peer = new Peer(theirs, stage.role);
  stage.recorder.renew();
  attach(stage, ours);
  await expectAlive(stage.role, stage.recorder, peer);
}

/** Plays an input in one chunk, and then a decent peer to the same server, or to a client with the same options. */
export async function playThenFresh({ role, setup, play }: Case): Promise<Trace> {
  const stage = newStage(role, setup);
  const [played] = await playOn([
    { stage, how: "whole", chunks: (accept) => [play.input(accept)] },
  ]);
  const trace = traceOf(role, played!);
  await expectAliveOn(stage);
  return trace;
}

/** A connection in memory, for what is more than bytes in and bytes out. */
export interface Connected extends Stage {
  readonly peer: Peer;
  /** framewire's end. */
  readonly ours: MemoryTransport;
  /** What has come back so far. */
  trace(): Trace;
}

/** Connects a peer that has said nothing yet. */
export function connect(role: Role, setup: Setup = plain, capacity = Infinity): Connected {
  const stage = newStage(role, setup);
  const [ours, theirs] = memoryPair({ capacity });
  const peer = new Peer(theirs, role);
  attach(stage, ours);
  const { recorder } = stage;
  return {
    ...stage,
    peer,
    ours,
    trace: () =>
      traceOf(role, {
        output: peer.output,
        events: recorder.events,
        failure: recorder.failure,
        end: peer.isOver ? "framewire" : "peer",
      }),
  };
}

/** Connects a peer, and does the handshake. */
export async function connectOpen(
  role: Role,
  setup: Setup = plain,
  capacity = Infinity,
): Promise<Connected & { readonly ws: Connection }> {
  const connected = connect(role, setup, capacity);
  await macrotask();
  const { peer, recorder } = connected;
  peer.send(session()[role]!.input(peer.accept));
  await macrotask();
  return { ...connected, ws: recorder.ws! };
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
