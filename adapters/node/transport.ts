/**
 * Makes a transport of a Node socket.
 *
 * Theory of operation. The socket's events become calls of the handler. A write is taken if the socket has no byte waiting right
 * after it; otherwise its bytes are borrowed until the callbacks of all writes have come. The socket's `close` is always the last
 * event: an error is kept until then. Sockets of Node's own class share their listeners, which find the transport in the socket:
 * closures for each socket would take 300 bytes of an idle connection. Other sockets may be wrapped, so that a listener's `this`
 * says nothing, and get closures.
 *
 * @module
 */

import { Socket } from "node:net";
import type {
  PeerCertificate,
  TcpOptions,
  TlsFacts,
  Transport,
  TransportHandler,
} from "../../src/transport.ts";
import { silent } from "../silent.ts";
import { deliverOwnBuffer } from "./own-chunk.ts";
import { setTcp, type TcpSocket } from "../tcp-options.ts";

/** The members of a `net.Socket` or `tls.TLSSocket` that are used. The socket must have been made with `allowHalfOpen`. */
export interface NodeSocket extends TcpSocket, NodeTlsState {
  /** The peer's IP address; undefined for a Unix socket, and after the socket is destroyed. */
  readonly remoteAddress?: string | undefined;
  /** The peer's port; undefined in the same cases. */
  readonly remotePort?: number | undefined;
  /** This side's IP address; undefined in the same cases. */
  readonly localAddress?: string | undefined;
  /** This side's port; undefined in the same cases. */
  readonly localPort?: number | undefined;
  /** true for a TLS socket. */
  readonly encrypted?: boolean | undefined;
  /** Whether the socket still takes bytes. */
  readonly writable: boolean;
  /** Whether the socket has failed, or was dropped; `close` follows. */
  readonly destroyed?: boolean | undefined;
  /** The error of the socket. */
  readonly errored?: Error | null | undefined;
  /** Whether the peer has ended its side, and `end` was emitted. */
  readonly readableEnded?: boolean | undefined;
  /** Whether this side has ended. */
  readonly writableEnded?: boolean | undefined;
  /** Bytes that wait in the socket. */
  readonly writableLength: number;
  /** Adds a listener for `data`, `end`, `error` or `close`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as in Node's own declaration
  on(event: string, listener: (...values: any[]) => void): unknown;
  /** Sends bytes, which are lent until `written` is called; returns false if they wait. */
  write(bytes: Uint8Array, written?: (error?: Error | null) => void): boolean;
  /** Stops reading. */
  pause(): unknown;
  /** Goes on reading. */
  resume(): unknown;
  /** Sends FIN behind what was written. */
  end(): unknown;
  /** Drops the connection. */
  destroy(): unknown;
  /** Makes the socket keep the process alive. */
  ref?(): unknown;
  /** Lets the process end although the socket is open. */
  unref?(): unknown;
}

/** What a TLS socket knows about its handshake. */
export interface NodeTlsState {
  /** The protocol chosen by ALPN; false or null for none. */
  readonly alpnProtocol?: string | false | null | undefined;
  /** The name that the client sent by SNI; false or null for none. */
  readonly servername?: string | false | null | undefined;
  /** Whether the peer's certificate is trusted. */
  readonly authorized?: boolean | undefined;
  /** Gives the version of TLS, such as "TLSv1.3". */
  getProtocol?(): string | null;
  /** Gives the peer's certificate; an empty object if it has shown none. */
  getPeerCertificate?(): Partial<PeerCertificate> | null;
}

/** Gives facts that are read from the socket at each access. @param state Gives the socket, or an empty object if it is gone. */
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
 * Gives the result of a write to a socket that takes no more bytes: true if this side has ended. A failed socket borrows the
 * bytes until its `close` instead: with true, a caller that writes on in microtasks would never let `close` come.
 */
export function isEnded({
  destroyed,
  writableEnded,
}: Pick<NodeSocket, "destroyed" | "writableEnded">): boolean {
  return writableEnded === true || destroyed !== true;
}

/** The key under which a socket of Node's own class has its transport. */
export const ownTransport: unique symbol = Symbol("transport");

/** A socket that calls its listeners with itself as `this`. */
interface PlainSocket extends NodeSocket {
  [ownTransport]?: NodeTransport;
}

/**
 * Tells whether a socket calls its listeners with itself as `this`. An instance of a subclass or a wrapper may not; a socket that
 * has a transport already would call the listeners of the first for the second.
 */
function isPlain(socket: NodeSocket): socket is PlainSocket {
  return (
    Object.getPrototypeOf(socket) === Socket.prototype &&
    // A property of the socket's own, which node:http gives to its sockets, may be another function.
    socket.on === (Socket.prototype as NodeSocket).on &&
    (socket as PlainSocket)[ownTransport] === undefined
  );
}

type ListenerOf<Value> = (this: PlainSocket, value: Value) => void;

/** The listeners of all plain sockets. */
let shared: {
  readonly data: ListenerOf<Uint8Array>;
  readonly end: ListenerOf<void>;
  readonly error: ListenerOf<Error>;
  readonly close: ListenerOf<unknown>;
};

/** The writes of one socket. */
class Writes {
  /** Whether the last write has borrowed its bytes. */
  isBorrowing = false;
  /** Writes whose callbacks have not come yet. */
  pending = 0;
  /** The callback of each write. */
  readonly done: (error?: Error | null) => void;

  /** @param onDrain Called when the borrowed bytes have left. */
  constructor(onDrain: () => void) {
    this.done = (error) => {
      this.pending--;
      // A failed write took nothing: `close` follows with the error.
      if (error) return;
      // The callback of an earlier write, which was taken at once, may come after a later write has borrowed bytes.
      if (!this.isBorrowing || this.pending > 0) return;
      this.isBorrowing = false;
      onDrain();
    };
  }
}

/** Gives the socket of a transport. For classes that extend it. */
export let socketOf: (transport: NodeTransport) => NodeSocket;

/** A `net.Socket` or `tls.TLSSocket` as a transport. */
export class NodeTransport implements Transport {
  handler!: TransportHandler;
  readonly #socket: NodeSocket;
  // Made at the first write that needs it.
  #writes: Writes | undefined;
  #error: Error | undefined;

  /**
   * Takes over a socket: the transport gets its events from now on.
   *
   * @param socket Made with `allowHalfOpen`.
   * @param tcp Options of TCP to set. Default: `noDelay`.
   * @param reads Whether the socket delivers bytes by `data` events. If false, the code that makes the transport calls the
   * handler. Default: true.
   */
  constructor(socket: NodeSocket, tcp?: TcpOptions, reads = true) {
    this.#socket = socket;
    setTcp(socket, tcp);
    if (isPlain(socket)) {
      socket[ownTransport] = this;
      if (reads) socket.on("data", shared.data);
      socket.on("end", shared.end);
      socket.on("error", shared.error);
      socket.on("close", shared.close);
    } else {
      if (reads) socket.on("data", (chunk: Uint8Array) => this.#onData(chunk));
      socket.on("end", () => this.#onEnd());
      socket.on("error", (error: Error) => this.#onError(error));
      socket.on("close", () => this.#onClose());
    }
    // The socket does not repeat events that it emitted before.
    if (socket.readableEnded === true) queueMicrotask(() => this.#onEnd());
    if (socket.destroyed === true) {
      this.#error = socket.errored ?? undefined;
      queueMicrotask(() => this.#onClose());
    }
  }

  static {
    socketOf = (transport) => transport.#socket;
    shared = {
      data(chunk) {
        this[ownTransport]!.#onData(chunk);
      },
      end() {
        this[ownTransport]!.#onEnd();
      },
      error(error) {
        this[ownTransport]!.#onError(error);
      },
      close() {
        this[ownTransport]!.#onClose();
      },
    };
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
    const writes = (this.#writes ??= new Writes(() => {
      this.handler.onDrain();
    }));
    writes.pending++;
    this.#socket.write(bytes, writes.done);
    // If nothing waits right after the call, the kernel has everything.
    writes.isBorrowing = this.#socket.writableLength > 0;
    return !writes.isBorrowing;
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

  #onData(chunk: Uint8Array): void {
    deliverOwnBuffer(this.handler, chunk);
  }

  #onEnd(): void {
    this.handler.onEnd();
  }

  #onError(error: Error): void {
    this.#error = error; // `close` follows and delivers it
  }

  #onClose(): void {
    const { handler } = this;
    // Node keeps a closed socket until the next full collection: the connection must not be kept with it.
    this.handler = silent;
    handler.onClose(this.#error);
  }
}
