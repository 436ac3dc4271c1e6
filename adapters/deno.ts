/**
 * Deno's `Deno.listen` as transports.
 *
 * @example
 * import { serve } from "framewire/deno";
 *
 * const server = await serve({ port: 8080 }, { message: (ws, data) => ws.send(data) });
 *
 * @module
 */

import type { ServerHandlers } from "../src/connection/handlers.ts";
import { type ServeOptions, type Server, serveOn } from "../src/connection/serve.ts";
import type { Listener, ListenOptions, Transport, TransportHandler } from "../src/transport.ts";
import { toListenError } from "./listen-error.ts";

/** What is used of a `Deno.TcpConn`. */
export interface DenoConn {
  readonly remoteAddr: { readonly hostname?: string; readonly port?: number };
  setNoDelay(noDelay?: boolean): void;
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** What is used of a `Deno.TcpListener`. */
export interface DenoListener {
  readonly addr: { readonly hostname: string; readonly port: number };
  accept(): Promise<DenoConn>;
  close(): void;
}

interface DenoNamespace {
  listen(options: { port: number; hostname: string }): DenoListener;
}

const smallestRead = 4 * 1024;
const largestRead = 256 * 1024;

/** Reads in a row that leave most of a grown buffer empty, after which it shrinks. */
const fewBytesOften = 64;

/** A `Deno.TcpConn` as a transport. */
export class DenoTransport implements Transport {
  handler!: TransportHandler;
  readonly #conn: DenoConn;
  #isWriting = false;
  #isEndDue = false;
  #hasEnded = false;
  #hasPeerEnded = false;
  #isClosed = false;
  #paused: Promise<void> | undefined;
  #unpause: (() => void) | undefined;

  constructor(conn: DenoConn) {
    this.#conn = conn;
    conn.setNoDelay(true);
    void this.#read();
  }

  get remoteAddress(): string | undefined {
    return this.#conn.remoteAddr.hostname;
  }

  get remotePort(): number | undefined {
    return this.#conn.remoteAddr.port;
  }

  /** Deno has no synchronous write: the bytes are always borrowed. */
  write(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#hasEnded) return true;
    this.#isWriting = true;
    void this.#write(bytes);
    return false;
  }

  pause(): void {
    this.#paused ??= new Promise((resolve) => {
      this.#unpause = resolve;
    });
  }

  resume(): void {
    this.#unpause?.();
    this.#paused = undefined;
  }

  end(): void {
    if (this.#isEndDue) return;
    this.#isEndDue = true;
    if (!this.#isWriting) void this.#end();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#release();
    queueMicrotask(() => {
      this.handler.onClose();
    });
  }

  async #read(): Promise<void> {
    let buffer = new Uint8Array(smallestRead);
    let fewBytes = 0;
    try {
      for (;;) {
        const count = await this.#conn.read(buffer);
        // A read that was under way when delivery was stopped waits here with its bytes.
        while (this.#paused !== undefined) await this.#paused;
        if (this.#isClosed) return;
        if (count === null) break;
        this.handler.onData(buffer.subarray(0, count));
        // Connections are many and idle: each starts small, grows under load, and shrinks when the load is gone.
        fewBytes = count < buffer.length / 8 ? fewBytes + 1 : 0;
        if (count === buffer.length && count < largestRead) buffer = new Uint8Array(count * 4);
        else if (fewBytes > fewBytesOften && buffer.length > smallestRead) {
          buffer = new Uint8Array(smallestRead);
        }
        while (this.#paused !== undefined) await this.#paused;
        if (this.#isClosed) return;
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#hasPeerEnded = true;
    this.handler.onEnd();
    this.#closeIfEnded();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      // A write may take a part of its bytes.
      let at = await this.#conn.write(bytes);
      while (at < bytes.length) at += await this.#conn.write(bytes.subarray(at));
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#isClosed) return;
    this.#isWriting = false;
    if (this.#isEndDue) void this.#end();
    this.handler.onDrain();
  }

  async #end(): Promise<void> {
    if (this.#isClosed) return;
    this.#hasEnded = true;
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#closeIfEnded();
  }

  #closeIfEnded(): void {
    if (!this.#hasEnded || !this.#hasPeerEnded || this.#isClosed) return;
    this.#release();
    this.handler.onClose();
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.#release();
    this.handler.onClose(error as Error);
  }

  #release(): void {
    this.#isClosed = true;
    this.resume();
    this.#conn.close();
  }
}

/** Milliseconds before another try where accepting fails, such as for want of file descriptors. */
const acceptPause = 50;

/** Accepts until the listener is closed, whatever single connections do. */
async function acceptAll(
  listener: DenoListener,
  accept: (transport: Transport) => void,
  isClosed: () => boolean,
): Promise<void> {
  while (!isClosed()) {
    try {
      accept(new DenoTransport(await listener.accept()));
    } catch (error) {
      if (isClosed()) return;
      // A peer that resets before it is accepted costs nothing; anything else is no reason to turn in circles.
      if ((error as Error).name === "NotConnected") continue;
      await new Promise((resolve) => setTimeout(resolve, acceptPause));
    }
  }
}

/** Listens with `Deno.listen`. */
export async function listen(
  { port, hostname = "0.0.0.0" }: ListenOptions,
  accept: (transport: Transport) => void,
): Promise<Listener> {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  let listener: DenoListener;
  try {
    listener = Deno.listen({ port, hostname });
  } catch (error) {
    throw toListenError(error);
  }
  let closed = false;
  void acceptAll(listener, accept, () => closed);
  return {
    port: listener.addr.port,
    hostname: listener.addr.hostname,
    close: async () => {
      if (closed) return;
      closed = true;
      listener.close();
    },
  };
}

/**
 * Serves WebSocket connections on Deno; it needs `--allow-net`.
 *
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `FAILED`
 * @throws {RangeError} An option is out of its range.
 */
export function serve<Context = unknown>(
  options: ServeOptions,
  handlers: ServerHandlers<Context>,
): Promise<Server<Context>> {
  return serveOn(listen, options, handlers);
}
