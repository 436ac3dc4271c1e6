/**
 * Node's `node:net` as transports.
 *
 * @example
 * import { serve } from "framewire/node";
 *
 * const server = await serve({ port: 8080 }, { message: (ws, data) => ws.send(data) });
 *
 * @module
 */

import { createServer } from "node:net";
import type { ServerHandlers } from "../src/connection/handlers.ts";
import { type ServeOptions, type Server, serveOn } from "../src/connection/serve.ts";
import type { Listener, ListenOptions, Transport, TransportHandler } from "../src/transport.ts";
import { toListenError } from "./listen-error.ts";

/** What is used of a `net.Socket`. It must have been made with `allowHalfOpen`. */
export interface NodeSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly writable: boolean;
  readonly writableLength: number;
  setNoDelay(noDelay: boolean): unknown;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what Node's own declaration says
  on(event: string, listener: (...values: any[]) => void): unknown;
  write(bytes: Uint8Array, written: () => void): boolean;
  pause(): unknown;
  resume(): unknown;
  end(): unknown;
  destroy(): unknown;
}

/** A `net.Socket` as a transport. */
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
    socket.setNoDelay(true);
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

/** Listens with `net.createServer`. */
export function listen(
  { port, hostname = "0.0.0.0" }: ListenOptions,
  accept: (transport: Transport) => void,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      accept(new NodeTransport(socket));
    });
    server.once("error", (error) => {
      reject(toListenError(error));
    });
    server.listen(port, hostname, () => {
      const address = server.address() as { port: number; address: string };
      resolve({
        port: address.port,
        hostname: address.address,
        // The server's own `close` event waits for every connection; accepting ends at once.
        close: async () => {
          server.close();
        },
      });
    });
  });
}

/**
 * Serves WebSocket connections on Node.
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
