/**
 * Bun's `Bun.listen` as transports.
 *
 * @example
 * import { serve } from "framewire/bun";
 *
 * const server = await serve({ port: 8080 }, { message: (ws, data) => ws.send(data) });
 *
 * @module
 */

import type { ServerHandlers } from "../src/connection/handlers.ts";
import { type ServeOptions, type Server, serveOn } from "../src/connection/serve.ts";
import type { Listener, ListenOptions, Transport, TransportHandler } from "../src/transport.ts";
import { toListenError } from "./listen-error.ts";

/** What is used of a Bun TCP socket. */
export interface BunSocket {
  data: BunTransport;
  readonly remoteAddress: string;
  readonly remotePort: number;
  setNoDelay(noDelay?: boolean): unknown;
  write(bytes: Uint8Array): number;
  pause(): unknown;
  resume(): unknown;
  shutdown(): unknown;
  end(): unknown;
  terminate(): unknown;
}

interface BunNamespace {
  listen(options: {
    port: number;
    hostname: string;
    allowHalfOpen: boolean;
    socket: typeof socketHandlers & { open(socket: BunSocket): void };
  }): { readonly port: number; readonly hostname: string; stop(closeConnections?: boolean): void };
}

/** A Bun TCP socket as a transport. The listener has to pass its events on. */
export class BunTransport implements Transport {
  handler!: TransportHandler;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly #socket: BunSocket;
  #borrowed: Uint8Array | undefined;
  #taken = 0;
  #isEndDue = false;
  #hasPeerEnded = false;
  #isClosed = false;

  constructor(socket: BunSocket) {
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress;
    this.remotePort = socket.remotePort;
    socket.setNoDelay(true);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#isEndDue) return true;
    const count = this.#socket.write(bytes);
    // -1: the socket is closed, and `close` follows.
    if (count < 0 || count === bytes.length) return true;
    this.#borrowed = bytes;
    this.#taken = count;
    return false;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (this.#isEndDue || this.#isClosed) return;
    this.#isEndDue = true;
    if (this.#borrowed === undefined) this.#end();
  }

  destroy(): void {
    if (!this.#isClosed) this.#socket.terminate();
  }

  /** The socket takes more. Bun says so unasked, too. */
  drain(): void {
    const bytes = this.#borrowed;
    if (bytes === undefined) return;
    const count = this.#socket.write(bytes.subarray(this.#taken));
    if (count > 0) this.#taken += count;
    if (count >= 0 && this.#taken < bytes.length) return;
    this.#borrowed = undefined;
    if (this.#isEndDue) this.#end();
    this.handler.onDrain();
  }

  /** The peer has sent FIN. */
  peerEnd(): void {
    this.#hasPeerEnded = true;
    this.handler.onEnd();
  }

  /** The socket is gone. Bun says so inside `terminate` and `end`; the contract wants it behind them. */
  close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    queueMicrotask(() => {
      this.handler.onClose(error);
    });
  }

  /** `shutdown` sends FIN and keeps reading; `end` closes. */
  #end(): void {
    if (this.#hasPeerEnded) this.#socket.end();
    else this.#socket.shutdown();
  }
}

/** One object for all sockets: each carries its transport. */
const socketHandlers = {
  binaryType: "uint8array",
  data(socket: BunSocket, chunk: Uint8Array): void {
    socket.data.handler.onData(chunk);
  },
  drain(socket: BunSocket): void {
    socket.data.drain();
  },
  end(socket: BunSocket): void {
    socket.data.peerEnd();
  },
  // A reset comes here too, with its error; `error` is not called for it.
  close(socket: BunSocket, error?: Error): void {
    socket.data.close(error);
  },
  error(socket: BunSocket, error: Error): void {
    socket.data.close(error);
    socket.terminate();
  },
} as const;

/** Listens with `Bun.listen`. */
export async function listen(
  { port, hostname = "0.0.0.0" }: ListenOptions,
  accept: (transport: Transport) => void,
): Promise<Listener> {
  const { Bun } = globalThis as unknown as { Bun: BunNamespace };
  try {
    const listener = Bun.listen({
      port,
      hostname,
      allowHalfOpen: true,
      socket: {
        ...socketHandlers,
        open(socket) {
          socket.data = new BunTransport(socket);
          accept(socket.data);
        },
      },
    });
    return {
      port: listener.port,
      hostname: listener.hostname,
      close: async () => {
        listener.stop();
      },
    };
  } catch (error) {
    throw toListenError(error);
  }
}

/**
 * Serves WebSocket connections on Bun.
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
