/**
 * A socket of Node's as a transport.
 *
 * @module
 */

import type {
  PeerCertificate,
  TcpOptions,
  TlsFacts,
  Transport,
  TransportHandler,
} from "../../src/transport.ts";
import { silent } from "../silent.ts";
import { setTcp, type TcpSocket } from "../tcp-options.ts";

/** What is used of a `net.Socket` or `tls.TLSSocket`. It must have been made with `allowHalfOpen`. */
export interface NodeSocket extends TcpSocket, NodeTlsState {
  /** The peer's IP address, undefined over a Unix socket, and once the socket is destroyed. */
  readonly remoteAddress?: string | undefined;
  /** The peer's port, likewise. */
  readonly remotePort?: number | undefined;
  /** This side's IP address, likewise. */
  readonly localAddress?: string | undefined;
  /** This side's port, likewise. */
  readonly localPort?: number | undefined;
  /** A TLS socket's is true. */
  readonly encrypted?: boolean | undefined;
  /** Whether it still takes bytes. */
  readonly writable: boolean;
  /** Whether it has failed, or was dropped; `close` follows. */
  readonly destroyed?: boolean | undefined;
  /** What it has failed with. */
  readonly errored?: Error | null | undefined;
  /** Whether the peer has ended it, and `end` was told. */
  readonly readableEnded?: boolean | undefined;
  /** Whether this side has ended it. */
  readonly writableEnded?: boolean | undefined;
  /** Bytes that wait in it. */
  readonly writableLength: number;
  /** Adds a listener: of `data`, `end`, `error` and `close`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what Node's own declaration says
  on(event: string, listener: (...values: any[]) => void): unknown;
  /** Sends bytes, which are lent until `written` is called; false where they wait. */
  write(bytes: Uint8Array, written?: (error?: Error | null) => void): boolean;
  /** Stops reading. */
  pause(): unknown;
  /** Goes on reading. */
  resume(): unknown;
  /** Sends FIN behind what was written. */
  end(): unknown;
  /** Drops the connection. */
  destroy(): unknown;
  /** The process lives on for it. */
  ref?(): unknown;
  /** The process may end although it is open. */
  unref?(): unknown;
}

/** What a TLS socket knows of its handshake. */
export interface NodeTlsState {
  /** What ALPN came to; false or null for nothing. */
  readonly alpnProtocol?: string | false | null | undefined;
  /** What the client asked for by SNI; false or null for nothing. */
  readonly servername?: string | false | null | undefined;
  /** Whether the peer's certificate is trusted. */
  readonly authorized?: boolean | undefined;
  /** Gives the version, such as "TLSv1.3". */
  getProtocol?(): string | null;
  /** Gives an empty object where the peer has shown no certificate. */
  getPeerCertificate?(): Partial<PeerCertificate> | null;
}

/** Tells what a socket knows when it is asked: `state` gives the socket, or where that is gone nothing. */
export function tlsFacts(state: () => NodeTlsState): TlsFacts {
  return {
    get alpnProtocol() {
      return state().alpnProtocol || undefined;
    },
    get serverName() {
      return state().servername || undefined;
    },
    get version() {
      return state().getProtocol?.() ?? undefined;
    },
    get authorized() {
      return state().authorized;
    },
    get peerCertificate() {
      const shown = state().getPeerCertificate?.();
      return shown?.raw === undefined ? undefined : (shown as PeerCertificate);
    },
  };
}

/**
 * What a write to a socket that takes no more bytes gives: true where this side has ended. One that has failed borrows the bytes
 * until its `close`, which microtasks alone would never let come.
 */
export function isEnded({
  destroyed,
  writableEnded,
}: Pick<NodeSocket, "destroyed" | "writableEnded">): boolean {
  return writableEnded === true || destroyed !== true;
}

/** A `net.Socket` or `tls.TLSSocket` as a transport. */
export class NodeTransport implements Transport {
  handler!: TransportHandler;
  readonly #socket: NodeSocket;
  // Made at the first write.
  #written: ((error?: Error | null) => void) | undefined;
  #isBorrowing = false;
  /** Writes whose callbacks are still to come. */
  #pending = 0;
  #error: Error | undefined;

  /**
   * Takes a socket over: its events come here from now on.
   *
   * @param socket Made with `allowHalfOpen`.
   * @param tcp What it is told of TCP. Default: `noDelay`.
   * @param reads Whether the socket tells what it reads by `data` events; where not, its maker calls the handler.
   * Default: true.
   */
  constructor(socket: NodeSocket, tcp?: TcpOptions, reads = true) {
    this.#socket = socket;
    setTcp(socket, tcp);
    if (reads) {
      socket.on("data", ({ buffer, byteOffset, length }: Uint8Array) => {
        // A plain Uint8Array, since `slice` of a Buffer makes no copy.
        this.handler.onData(new Uint8Array(buffer, byteOffset, length));
      });
    }
    const onEnd = (): void => {
      this.handler.onEnd();
    };
    const onClose = (): void => {
      const { handler } = this;
      // Node keeps a closed socket until the next full collection: the connection is not to stay with it.
      this.handler = silent;
      handler.onClose(this.#error);
    };
    socket.on("end", onEnd);
    socket.on("error", (error: Error) => {
      this.#error = error; // `close` follows and tells it
    });
    socket.on("close", onClose);
    // What it told before it came here it does not tell again.
    if (socket.readableEnded === true) queueMicrotask(onEnd);
    if (socket.destroyed === true) {
      this.#error = socket.errored ?? undefined;
      queueMicrotask(onClose);
    }
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  get encrypted(): boolean {
    return this.#socket.encrypted === true;
  }

  get tls(): TlsFacts | undefined {
    return this.encrypted ? tlsFacts(() => this.#socket) : undefined;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#socket.writable) return isEnded(this.#socket);
    this.#pending++;
    this.#written ??= (error) => {
      this.#pending--;
      // What has failed was not taken: `close` follows, and tells it.
      if (error) return;
      // The callback of a write that was taken at once may come after the one that borrows.
      if (!this.#isBorrowing || this.#pending > 0) return;
      this.#isBorrowing = false;
      this.handler.onDrain();
    };
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

  ref(): void {
    this.#socket.ref?.();
  }

  unref(): void {
    this.#socket.unref?.();
  }
}
