/**
 * Handshakes that show their bytes, for debugging. Each copies the bytes on the wire.
 *
 * @module
 */

import { concat, copyOf, noBytes } from "../bytes.ts";
import type { Head } from "../http/head.ts";
import { type HeadKind, HeadParser } from "../http/parser.ts";
import type { Awaitable, ByteStream } from "../io/byte-stream.ts";
import { closeQuietly } from "../io/close-quietly.ts";
import { readCount, readOnce } from "../io/once.ts";
import { writeAll } from "../io/write-all.ts";
import type { DialerOptions, DialOptions } from "./client/dial-options.ts";
import { Dialer } from "./client/dialer.ts";
import { bodyEnd } from "./client/response-body.ts";
import type { UpgradedStream } from "./upgraded-stream.ts";
import { Upgrader, type UpgraderOptions } from "./server/upgrader.ts";

/**
 * The callbacks that get the bytes of a handshake. Each is called once, even if the handshake fails. If a callback throws, the
 * call throws its error, and the connection is closed.
 */
export interface DebugCallbacks {
  /** Gets the request as it was on the wire, without frames. */
  readonly onRequest?: ((bytes: Uint8Array) => void) | undefined;
  /** Gets the response as it was on the wire, with its body, without frames or other bytes after it. */
  readonly onResponse?: ((bytes: Uint8Array) => void) | undefined;
}

/** Passes all bytes through, and keeps a copy until `stop`. */
class Recorder implements ByteStream {
  /** The stream whose bytes are copied. */
  readonly inner: ByteStream;
  #read: Uint8Array[] = [];
  #written: Uint8Array[] = [];
  #isRecording = true;

  constructor(inner: ByteStream) {
    this.inner = inner;
  }

  /** Stops copying, and gives the bytes that were read and written. */
  stop(): { readonly read: Uint8Array; readonly written: Uint8Array } {
    const recorded = { read: concat(this.#read), written: concat(this.#written) };
    this.#isRecording = false;
    this.#read = [];
    this.#written = [];
    return recorded;
  }

  read(into: Uint8Array): Awaitable<number> {
    const room = into.length;
    const count = readOnce(this.inner, into);
    return count instanceof Promise
      ? count.then((read) => this.#keepRead(into, readCount(read, room)))
      : this.#keepRead(into, count);
  }

  #keepRead(into: Uint8Array, count: number): number {
    if (this.#isRecording) this.#read.push(copyOf(into, 0, count));
    return count;
  }

  /** Writes are as whole and as ordered as those of the inner stream. */
  get writesWhole(): boolean {
    return true;
  }

  write(from: Uint8Array): Awaitable<number> {
    const done = writeAll(this.inner, from);
    return done instanceof Promise
      ? done.then(() => this.#keepWritten(from))
      : this.#keepWritten(from);
  }

  #keepWritten(from: Uint8Array): number {
    if (this.#isRecording) this.#written.push(copyOf(from, 0, from.length));
    return from.length;
  }

  close(): Awaitable<void> {
    return this.inner.close();
  }
}

/**
 * A Dialer that shows the bytes of its handshakes.
 *
 * @example
 * const dialer = new DebugDialer({ connect }, { onRequest: (bytes) => console.log(headerText(bytes)) });
 *
 * @see gobwas DebugDialer
 */
export class DebugDialer {
  readonly #options: DialerOptions;
  readonly #callbacks: DebugCallbacks;

  /**
   * Makes a dialer.
   *
   * @param options As for a Dialer.
   * @param callbacks Get the bytes.
   */
  constructor(options: DialerOptions, callbacks: DebugCallbacks) {
    this.#options = options;
    this.#callbacks = callbacks;
  }

  /** Dials. @throws As {@link Dialer.dial}. */
  async dial(
    url: string | { readonly href: string },
    options?: DialOptions,
  ): Promise<UpgradedStream> {
    const { wrapConn } = this.#options;
    let recorder: Recorder | undefined;
    const dialer = new Dialer({
      ...this.#options,
      wrapConn: async (stream) => {
        recorder = new Recorder((await wrapConn?.(stream)) ?? stream);
        return recorder;
      },
    });
    return shown(dialer.dial(url, options), () => {
      const { read, written } = recorder?.stop() ?? nothing;
      show(this.#callbacks, written, read.subarray(0, responseEnd(read)));
    });
  }
}

/** Waits for a handshake, and calls the callbacks, however the handshake ends. If a callback throws, the connection is closed. */
async function shown<Stream extends ByteStream>(
  handshake: Promise<Stream>,
  showIt: () => void,
): Promise<Stream> {
  let stream: Stream;
  try {
    stream = await handshake;
  } catch (error) {
    showIt();
    throw error;
  }
  try {
    showIt();
  } catch (error) {
    closeQuietly(stream);
    throw error;
  }
  return stream;
}

function show(callbacks: DebugCallbacks, request: Uint8Array, response: Uint8Array): void {
  try {
    callbacks.onRequest?.(request);
  } finally {
    callbacks.onResponse?.(response);
  }
}

const nothing = { read: noBytes, written: noBytes };

const noLimits = { maxHeadSize: Infinity, maxTargetSize: Infinity, maxHeaders: Infinity };

/** Parses a head at `start`; gives undefined if there is no complete head. */
function parseHead(kind: HeadKind, bytes: Uint8Array, start: number): Head | undefined {
  const parser = new HeadParser(kind, noLimits);
  try {
    parser.feed(bytes, start);
  } catch {
    // Malformed bytes are shown unchanged.
  }
  return parser.isComplete ? parser.head : undefined;
}

/** Gives the index at which a request ends. If there is no complete, well-formed request, that is the end of the bytes. */
function requestEnd(bytes: Uint8Array): number {
  return parseHead("request", bytes, 0)?.size ?? bytes.length;
}

/** Gives the index at which a response ends, after informational responses: a 101 ends with its head, others with their body. */
function responseEnd(bytes: Uint8Array): number {
  let start = 0;
  for (;;) {
    const head = parseHead("response", bytes, start);
    if (head === undefined) return bytes.length;
    start += head.size;
    if (head.status === 101) return start;
    if (head.status >= 200) return bodyEnd(head, bytes, start);
  }
}

/**
 * An Upgrader that shows the bytes of its handshakes.
 *
 * @see gobwas DebugUpgrader
 */
export class DebugUpgrader<Context = undefined> {
  readonly #upgrader: Upgrader<Context>;
  readonly #callbacks: DebugCallbacks;

  /**
   * Makes an upgrader.
   *
   * @param options As for an Upgrader.
   * @param callbacks Get the bytes.
   */
  constructor(options: UpgraderOptions<Context>, callbacks: DebugCallbacks) {
    this.#upgrader = new Upgrader(options);
    this.#callbacks = callbacks;
  }

  /** Upgrades. @throws As {@link Upgrader.upgrade}. */
  async upgrade(stream: ByteStream): Promise<UpgradedStream<Context>> {
    const recorder = new Recorder(stream);
    return shown(this.#upgrader.upgrade(recorder), () => {
      const { read, written } = recorder.stop();
      show(this.#callbacks, read.subarray(0, requestEnd(read)), written);
    });
  }
}
