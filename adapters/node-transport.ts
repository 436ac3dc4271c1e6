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
  /** A TLS socket's is true. */
  readonly encrypted?: boolean | undefined;
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
  /** Writes whose callbacks are still to come. */
  #pending = 0;
  #error: Error | undefined;

  constructor(socket: NodeSocket) {
    this.#socket = socket;
    this.#written = () => {
      this.#pending--;
      // The callback of a write that was taken at once may come after the one that borrows.
      if (!this.#isBorrowing || this.#pending > 0) return;
      this.#isBorrowing = false;
      this.handler.onDrain();
    };
    socket.setNoDelay?.(true);
    socket.on("data", ({ buffer, byteOffset, length }: Uint8Array) => {
      // Of a Buffer, `slice` would be no copy.
      this.handler.onData(new Uint8Array(buffer, byteOffset, length));
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

  get encrypted(): boolean {
    return this.#socket.encrypted === true;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#socket.writable) return true;
    this.#pending++;
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
