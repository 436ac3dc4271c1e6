/**
 * A socket of Node's as a transport.
 *
 * @module
 */

import type { Transport, TransportHandler } from "../src/transport.ts";

/** What is used of a `net.Socket` or `tls.TLSSocket`. It must have been made with `allowHalfOpen`. */
export interface NodeSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly writable: boolean;
  readonly writableLength: number;
  /** A stream that is not a TCP socket has none. */
  setNoDelay?(noDelay: boolean): unknown;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what Node's own declaration says
  on(event: string, listener: (...values: any[]) => void): unknown;
  write(bytes: Uint8Array, written: () => void): boolean;
  pause(): unknown;
  resume(): unknown;
  end(): unknown;
  destroy(): unknown;
}

/** A `net.Socket` or `tls.TLSSocket` as a transport. */
export class NodeTransport implements Transport {
  handler!: TransportHandler;
  readonly #socket: NodeSocket;
  readonly #written: () => void;
  #isBorrowing = false;
  #error: Error | undefined;

  constructor(socket: NodeSocket) {
    this.#socket = socket;
    this.#written = () => {
      if (!this.#isBorrowing) return;
      this.#isBorrowing = false;
      this.handler.onDrain();
    };
    socket.setNoDelay?.(true);
    socket.on("data", (chunk: Uint8Array) => {
      this.handler.onData(chunk);
    });
    socket.on("end", () => {
      this.handler.onEnd();
    });
    socket.on("error", (error: Error) => {
      this.#error = error; // `close` follows and tells it
    });
    socket.on("close", () => {
      this.handler.onClose(this.#error);
    });
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#socket.writable) return true;
    this.#socket.write(bytes, this.#written);
    // Nothing left right after the call: the kernel has it all.
    this.#isBorrowing = this.#socket.writableLength > 0;
    return !this.#isBorrowing;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
