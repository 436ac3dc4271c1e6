/**
 * Node's TCP sockets that other code has made, such as those that a server accepts: one read buffer for all of them, and writes
 * without callbacks.
 *
 * Theory of operation. A socket that emits `data` events makes a buffer for each read: a third of the cost of an echo of bytes on
 * Node 20 (bench/NOTES.md). `net.Socket` has the option `onread` to avoid that, but neither `net.createServer` nor `node:http`
 * passes it on. So this module sets on the socket what the option would set. That is not documented. If a socket is not as
 * expected, or is already being read, it is used with `data` events. The first bytes that are read this way show whether it
 * works.
 *
 * @module
 */

import process from "node:process";
import { concat, copyOf, noBytes, viewOf } from "../../src/bytes.ts";
import type { TcpOptions, Transport } from "../../src/transport.ts";
import { isEnded, type NodeSocket, NodeTransport, ownTransport, socketOf } from "./transport.ts";

/** Takes the bytes of a read, which lie at the start of the buffer. Returning false would stop the reading. */
type OnRead = (size: number, buffer: Uint8Array) => boolean;

/** The members of a socket that are used beside those of a transport; the keys stand for Node's own symbols. */
interface AcceptedSocket extends NodeSocket {
  /** Bytes that were read, and that no listener has got yet. */
  readonly readableLength?: number;
  listenerCount?(event: string): number;
  isPaused?(): boolean;
  _handle?: {
    useUserBuffer?(buffer: Uint8Array): unknown;
    asyncReset?(resource: object): unknown;
  } | null;
  destroy(error?: Error): unknown;
  [ownTransport]?: AcceptedTransport;
  [buffer: symbol]: Uint8Array | OnRead | AcceptedTransport | null | undefined;
}

/** The symbols under which a `net.Socket` keeps the two parts of `onread`. */
interface OnReadKeys {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/** Four times what Node reads at once by default: so a message of 64 KiB, with its header, comes in one piece. */
const readSize = 256 * 1024;

/** The bytes of a read lie here until the call that delivers them returns, as the contract of `onData` allows. */
let readBuffer: Uint8Array | undefined;

/** The symbols, found in the first socket; all other sockets have the same. */
let keys: OnReadKeys | undefined;

/** Finds the symbols in a socket that was made without `onread`: their values are null there. */
function findKeys(socket: AcceptedSocket): OnReadKeys | undefined {
  const symbols = Object.getOwnPropertySymbols(socket).filter((key) => socket[key] === null);
  const buffer = symbols.find(({ description }) => description === "kBuffer");
  const callback = symbols.find(({ description }) => description === "kBufferCb");
  return buffer && callback && { buffer, callback };
}

/** Whether reads into the shared buffer work: "untried" until a read is long enough to show it. */
let trial: "untried" | "works" | "failed" = "untried";

/** The random beginning of the buffer before the trial: a peer cannot know it, and so cannot send the same bytes. */
let marks: Uint8Array | undefined;
const leastToTell = 16;

function newReadBuffer(): Uint8Array {
  const buffer = new Uint8Array(readSize);
  marks = crypto.getRandomValues(new Uint8Array(64));
  buffer.set(marks);
  return buffer;
}

/** Checks a read: it must have changed the start of the shared buffer, and nothing behind the bytes that it reports. */
function tryRead(size: unknown, buffer: unknown): typeof trial {
  if (buffer !== readBuffer || typeof size !== "number" || !(size > 0 && size <= readSize)) {
    return "failed";
  }
  if (size < leastToTell) return "untried";
  const isWritten = marks!.some((mark, i) => i < size && readBuffer![i] !== mark);
  const isIntactBehind = marks!.every((mark, i) => i < size || readBuffer![i] === mark);
  return isWritten && isIntactBehind ? "works" : "failed";
}

/** Gives the symbols if a socket can read into the shared buffer; undefined if it must be used with `data` events. */
function sharedKeys(socket: AcceptedSocket): OnReadKeys | undefined {
  keys ??= findKeys(socket);
  if (keys === undefined || trial === "failed") return undefined;
  const isKnown = typeof socket._handle?.useUserBuffer === "function";
  // Sockets of TLS have such a handle too, but this was never tried with them.
  if (!isKnown || socket.encrypted === true || socket[keys.buffer] !== null) return undefined;
  const isRead = (socket.readableLength ?? 0) > 0 || (socket.listenerCount?.("data") ?? 0) > 0;
  return isRead ? undefined : keys;
}

/** Takes the reads of all sockets that have their transport as a property. */
let readPlain: OnRead;

/** A socket that reads into the shared buffer, if it can. */
export class AcceptedTransport extends NodeTransport {
  readonly #isShared: boolean;
  #drained: ((error?: Error | null) => void) | undefined;
  #isPaused = false;
  /** Bytes that were read, and are delivered when the transport is resumed. */
  #kept: Uint8Array | undefined;

  /** Takes over a socket: the transport gets its events from now on. The socket reads, unless it was paused. */
  constructor(socket: NodeSocket, tcp?: TcpOptions) {
    const shared = sharedKeys(socket as AcceptedSocket);
    // Until the trial is over it also listens for `data`: a handle may accept the buffer and not use it.
    super(socket, tcp, shared === undefined || trial === "untried");
    this.#isShared = shared !== undefined;
    if (shared !== undefined) this.#share(socket as AcceptedSocket, shared);
  }

  override write(bytes: Uint8Array): boolean {
    if (!this.#isShared) return super.write(bytes);
    const socket = socketOf(this);
    if (!socket.writable) return isEnded(socket);
    socket.write(bytes);
    // If nothing waits right after the call, the kernel has everything.
    if (socket.writableLength === 0) return true;
    // When an empty write behind the waiting bytes is done, they have left. A callback of the first write would cost a tenth of
    // the call for all writes, nearly all of which the kernel takes at once.
    this.#drained ??= (error) => {
      if (!error) this.handler.onDrain();
    };
    socket.write(noBytes, this.#drained);
    return false;
  }

  override pause(): void {
    this.#isPaused = true;
    super.pause();
  }

  override resume(): void {
    this.#isPaused = false;
    this.tellKept();
    // The delivered bytes may have paused it.
    if (!this.#isPaused) super.resume();
  }

  /** Delivers bytes that lie in the shared buffer. */
  protected deliver(bytes: Uint8Array): void {
    this.handler.onData(bytes);
  }

  /** Keeps bytes that were read while the transport is paused, until it is resumed. */
  protected keep(bytes: Uint8Array): void {
    this.#kept = this.#kept === undefined ? bytes : concat([this.#kept, bytes]);
  }

  /** Delivers the kept bytes. */
  protected tellKept(): void {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined) this.handler.onData(kept);
  }

  #share(socket: AcceptedSocket, { buffer: bufferKey, callback }: OnReadKeys): void {
    readBuffer ??= newReadBuffer();
    socket[bufferKey] = readBuffer;
    // One function for all plain sockets: a closure for each would take 100 bytes of an idle connection.
    socket[callback] =
      socket[ownTransport] === this
        ? readPlain
        : (size, buffer) => this.#onRead(socket, size, buffer);
    socket._handle!.useUserBuffer!(readBuffer);
    // A paused stream still reads until it is full. Now that it is empty, `pause` stops it.
    if (socket.isPaused?.() === true) socket.pause();
    else socket.resume();
  }

  #onRead(socket: AcceptedSocket, size: number, buffer: Uint8Array): boolean {
    if (trial !== "works" && !isTried(socket, size, buffer)) return true;
    const bytes = viewOf(buffer, 0, size);
    // A stream that is resumed and then paused before it has read still reads once.
    if (this.#isPaused) this.keep(copyOf(bytes, 0, size));
    else this.deliver(bytes);
    return !this.#isPaused;
  }

  static {
    readPlain = function (this: AcceptedSocket, size, buffer) {
      return this[ownTransport]!.#onRead(this, size, buffer);
    } as OnRead;
  }
}

/**
 * Makes a socket's events run in the async context of this call. A client's events run in the context of `connect` by themselves;
 * those of an accepted socket run in none. Node's own HTTP agent moves a socket from one request to the next in this way. If a
 * socket is not as expected, nothing happens: handlers are then called in no context.
 */
export function adoptContext(socket: NodeSocket): void {
  const { _handle: handle } = socket as AcceptedSocket;
  if (typeof handle?.asyncReset === "function") handle.asyncReset({});
}

/** Makes the transport of a socket that a server with `pauseOnConnect` has accepted. */
export function acceptedTransport(socket: NodeSocket, tcp: TcpOptions): Transport {
  const transport = new AcceptedTransport(socket, tcp);
  socket.resume();
  return transport;
}

/** Tells whether a read may be used. If not, the received bytes are unknown, and the connection is dropped. */
function isTried(socket: AcceptedSocket, size: unknown, buffer: unknown): boolean {
  if (trial === "untried") {
    trial = tryRead(size, buffer);
    if (trial === "untried") queueMicrotask(renewMarks);
    if (trial === "failed")
      process.emitWarning(failed, { type: "FramewireWarning", code: "FRAMEWIRE_NO_ONREAD" });
  }
  if (trial === "failed") socket.destroy(new Error(failed));
  return trial !== "failed";
}

const failed =
  "This version of Node reads in another way than framewire knows: sockets are used as they come";

/** Writes new random marks, after a read that was too short for the trial. */
function renewMarks(): void {
  readBuffer!.set(marks!);
}
