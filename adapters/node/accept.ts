/**
 * TCP sockets of Node's that somebody else has made, such as those that a server accepts: one read buffer for all of them, and
 * writes without callbacks.
 *
 * A socket that tells what it reads by `data` events makes a buffer for each read: a third of what an echo of bytes costs
 * on Node 20 (bench/NOTES.md). `net.Socket` has the option `onread` for that, but neither `net.createServer` nor `node:http`
 * passes it on. So what the option would set is set on the socket. That is not documented: where a socket is not as expected, or
 * is read by somebody already, it is used as it came, and the first bytes that come this way show whether it does what is expected.
 *
 * @module
 */

import process from "node:process";
import { concat, copyOf, noBytes, viewOf } from "../../src/bytes.ts";
import type { TcpOptions, Transport } from "../../src/transport.ts";
import { isEnded, type NodeSocket, NodeTransport } from "./transport.ts";

/** Takes what was read: so many bytes at the start of the buffer. false would stop the reading. */
type OnRead = (size: number, buffer: Uint8Array) => boolean;

/** What is used of a socket beside what a transport uses; the keys stand for Node's own symbols. */
interface AcceptedSocket extends NodeSocket {
  /** Bytes that were read, and that nobody has got. */
  readonly readableLength?: number;
  listenerCount?(event: string): number;
  isPaused?(): boolean;
  _handle?: {
    useUserBuffer?(buffer: Uint8Array): unknown;
    asyncReset?(resource: object): unknown;
  } | null;
  destroy(error?: Error): unknown;
  [buffer: symbol]: Uint8Array | OnRead | null;
}

/** Where a `net.Socket` keeps the two parts of `onread`. */
interface OnReadKeys {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/** Four times what Node reads at a time by itself: a message of 64 KiB, with its header, then comes in one piece. */
const readSize = 256 * 1024;

/** What is read lies here until the call that hands it over returns: the contract of `onData` asks no more. */
let readBuffer: Uint8Array | undefined;

/** Found in the first socket, and the same in all others. */
let keys: OnReadKeys | undefined;

/** Finds them in a socket that was made without `onread`: there they are null. */
function findKeys(socket: AcceptedSocket): OnReadKeys | undefined {
  const symbols = Object.getOwnPropertySymbols(socket).filter((key) => socket[key] === null);
  const buffer = symbols.find(({ description }) => description === "kBuffer");
  const callback = symbols.find(({ description }) => description === "kBufferCb");
  return buffer && callback && { buffer, callback };
}

/** Whether reads come this way as expected: "untried" until enough bytes have come at once to tell. */
let trial: "untried" | "works" | "failed" = "untried";

/** What the buffer begins with before the trial: nobody who connects can know it. */
let marks: Uint8Array | undefined;
const leastToTell = 16;

function newReadBuffer(): Uint8Array {
  const buffer = new Uint8Array(readSize);
  marks = crypto.getRandomValues(new Uint8Array(64));
  buffer.set(marks);
  return buffer;
}

/** Looks at a read: it must have changed the buffer of all, at its start, and not behind what it says. */
function tryRead(size: unknown, buffer: unknown): typeof trial {
  if (buffer !== readBuffer || typeof size !== "number" || !(size > 0 && size <= readSize)) {
    return "failed";
  }
  if (size < leastToTell) return "untried";
  const isWritten = marks!.some((mark, i) => i < size && readBuffer![i] !== mark);
  const isIntactBehind = marks!.every((mark, i) => i < size || readBuffer![i] === mark);
  return isWritten && isIntactBehind ? "works" : "failed";
}

/** Finds what is needed for a socket to read into the buffer of all; undefined where it has to be used as it came. */
function sharedKeys(socket: AcceptedSocket): OnReadKeys | undefined {
  keys ??= findKeys(socket);
  if (keys === undefined || trial === "failed") return undefined;
  const isKnown = typeof socket._handle?.useUserBuffer === "function";
  // Those of TLS have such a handle, too, which nobody has tried.
  if (!isKnown || socket.encrypted === true || socket[keys.buffer] !== null) return undefined;
  const isRead = (socket.readableLength ?? 0) > 0 || (socket.listenerCount?.("data") ?? 0) > 0;
  return isRead ? undefined : keys;
}

/** A socket that reads into the buffer of all, where it can. */
export class AcceptedTransport extends NodeTransport {
  readonly #socket: NodeSocket;
  readonly #isShared: boolean;
  #drained: ((error?: Error | null) => void) | undefined;
  #isPaused = false;
  /** What was read and is told when it reads on. */
  #kept: Uint8Array | undefined;

  /** Takes a socket over: its events come here from now on. It reads, unless it was told to pause. */
  constructor(socket: NodeSocket, tcp?: TcpOptions) {
    const shared = sharedKeys(socket as AcceptedSocket);
    // Until the trial is over it listens for data, too: a handle may take the buffer, and not use it.
    super(socket, tcp, shared === undefined || trial === "untried");
    this.#socket = socket;
    this.#isShared = shared !== undefined;
    if (shared !== undefined) this.#share(socket as AcceptedSocket, shared);
  }

  override write(bytes: Uint8Array): boolean {
    if (!this.#isShared) return super.write(bytes);
    const socket = this.#socket;
    if (!socket.writable) return isEnded(socket);
    socket.write(bytes);
    // Nothing left right after the call: the kernel has it all.
    if (socket.writableLength === 0) return true;
    // What is left is gone when an empty write behind it is done. A callback of the first one would cost all those that
    // the kernel takes at once, nearly all, a tenth of the call.
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
    // What came may have paused it.
    if (!this.#isPaused) super.resume();
  }

  /** Keeps bytes that were read, while it is paused, for when it reads on. */
  protected keep(bytes: Uint8Array): void {
    this.#kept = this.#kept === undefined ? bytes : concat([this.#kept, bytes]);
  }

  /** Tells what was kept. */
  protected tellKept(): void {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined) this.handler.onData(kept);
  }

  #share(socket: AcceptedSocket, { buffer: bufferKey, callback }: OnReadKeys): void {
    readBuffer ??= newReadBuffer();
    socket[bufferKey] = readBuffer;
    socket[callback] = (size, buffer) => {
      if (trial !== "works" && !isTried(socket, size, buffer)) return true;
      const bytes = viewOf(buffer, 0, size);
      // A stream that was to read on, and is paused before it has, reads once more.
      if (this.#isPaused) this.keep(copyOf(bytes, 0, size));
      else this.handler.onData(bytes);
      return !this.#isPaused;
    };
    socket._handle!.useUserBuffer!(readBuffer);
    // One that is paused may be reading all the same, up to what a stream holds; now that it holds nothing `pause` stops it.
    if (socket.isPaused?.() === true) socket.pause();
    else socket.resume();
  }
}

/**
 * Makes what a socket tells come in the context of this call. A client's does so by itself, in that of `connect`; an accepted one's
 * comes in none. Node's own HTTP agent moves a socket from one request to the next like this. Where a socket is not as expected,
 * nothing happens: then handlers are called in no context.
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

/** Tells whether what was read may be used. Where not, nobody knows what has come: the connection is dropped. */
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

/** What came has been dealt with, and was too little to tell. */
function renewMarks(): void {
  readBuffer!.set(marks!);
}
