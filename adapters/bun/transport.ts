/**
 * A socket of Bun's as a transport.
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
import { setTcp, type TcpSocket } from "../tcp-options.ts";

/** Who gets a socket's events: its transport, and before there is one, the attempt to connect. */
export interface BunSocketOwner {
  /** Who gets what comes. */
  readonly handler: Pick<TransportHandler, "onData">;
  /** The socket takes bytes again. */
  drain(): void;
  /** The peer has sent FIN. */
  peerEnd(): void;
  /** The socket is closed; of a failure, its error. */
  close(error: Error | undefined): void;
}

/** What is used of a Bun TCP or TLS socket. */
export interface BunSocket extends TcpSocket {
  /** Whom its handlers pass its events to. */
  data: BunSocketOwner;
  /** A Unix socket has no address and no port. */
  readonly remoteAddress: string | undefined;
  /** The peer's port. */
  readonly remotePort: number | undefined;
  /** This side's IP address. */
  readonly localAddress: string | undefined;
  /** This side's port. */
  readonly localPort: number | undefined;
  /** What ALPN came to; false or null for nothing. */
  readonly alpnProtocol: string | false | null;
  /** Whether the peer's certificate is trusted; Bun before 1.4 says so of any. */
  readonly authorized: boolean;
  /** Gives what the client asked for by SNI. */
  getServername(): unknown;
  /** Gives the version, such as "TLSv1.3". */
  getTLSVersion(): string;
  /** Gives an empty object where the peer has shown no certificate. */
  getPeerCertificate(): Partial<PeerCertificate> | null | undefined;
  /** Copies bytes to the kernel, maybe not all of them; gives their number, below 0 once it is closed. */
  write(bytes: Uint8Array): number;
  /** Stops reading. */
  pause(): unknown;
  /** Goes on reading. */
  resume(): unknown;
  /** Sends FIN; reading goes on. */
  shutdown(): unknown;
  /** Sends FIN, and reads no more. */
  end(): unknown;
  /** Closes it. */
  close(): unknown;
  /** Drops the connection. */
  terminate(): unknown;
  /** The process lives on for it. */
  ref?(): unknown;
  /** The process may end although it is open. */
  unref?(): unknown;
}

function tlsFacts(socket: BunSocket, authorized: boolean | undefined): TlsFacts {
  return {
    get alpnProtocol() {
      return socket.alpnProtocol || undefined;
    },
    get serverName() {
      const name = socket.getServername();
      return typeof name === "string" && name !== "" ? name : undefined;
    },
    get version() {
      return socket.getTLSVersion() || undefined;
    },
    get authorized() {
      return authorized ?? socket.authorized;
    },
    get peerCertificate() {
      const shown = socket.getPeerCertificate();
      return shown?.raw === undefined ? undefined : (shown as PeerCertificate);
    },
  };
}

/**
 * Milliseconds that a peer may take until the kernel has room for the last record of a dropped TLS socket. Bun's `close` would wait
 * 12 s for that, with a peer that reads nothing, and `terminate` does nothing behind it.
 */
const dropTimeout = 1000;

/** The socket: it is in use ("open"), this side has dropped it ("dropped"), or it has closed ("closed"). */
type SocketState = "open" | "dropped" | "closed";

/** A Bun TCP or TLS socket as a transport. Its `socketHandlers` have to pass its events on. */
export class BunTransport implements Transport, BunSocketOwner {
  handler!: TransportHandler;
  /** Bun makes an ArrayBuffer for each. */
  readonly hasOwnChunks = true;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly encrypted: boolean;
  readonly #socket: BunSocket;
  readonly #authorized: boolean | undefined;
  #borrowed: Uint8Array | undefined;
  #taken = 0;
  #state: SocketState = "open";
  // Each side may end its stream before the other, whatever the socket is at.
  #isEndDue = false;
  #hasPeerEnded = false;
  #dropTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Takes a socket over; its `data` has to become this.
   *
   * @param encrypted Whether it does TLS. Default: false.
   * @param tcp What it is told of TCP. Default: `noDelay`.
   * @param authorized Whether the peer has shown a certificate that is trusted. Default: what the socket says.
   */
  constructor(socket: BunSocket, encrypted = false, tcp?: TcpOptions, authorized?: boolean) {
    this.#socket = socket;
    this.#authorized = authorized;
    this.encrypted = encrypted;
    this.remoteAddress = socket.remoteAddress;
    this.remotePort = socket.remotePort;
    setTcp(socket, tcp);
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  get tls(): TlsFacts | undefined {
    return this.encrypted ? tlsFacts(this.#socket, this.#authorized) : undefined;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isEndDue) return true;
    // Closed, though nobody has been told yet: borrowed until then.
    if (this.#state === "closed") return false;
    const count = this.#socket.write(bytes);
    // -1: the socket is closed, and `close` follows, which the bytes are borrowed until.
    if (count < 0) return false;
    if (count === bytes.length) return true;
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
    if (this.#isEndDue || this.#state === "closed") return;
    this.#isEndDue = true;
    if (this.#borrowed === undefined) this.#end();
  }

  destroy(): void {
    if (this.#state !== "open") return;
    this.#state = "dropped";
    if (this.encrypted && this.#borrowed !== undefined) {
      this.#socket.pause();
      this.#dropTimer = setTimeout(() => this.#socket.terminate(), dropTimeout);
    } else this.#close();
  }

  ref(): void {
    this.#socket.ref?.();
  }

  unref(): void {
    this.#socket.unref?.();
  }

  /** The socket takes more. Bun says so unasked, too. */
  drain(): void {
    const bytes = this.#borrowed;
    if (bytes === undefined) return;
    if (this.#state === "dropped") {
      this.#close();
      return;
    }
    const count = this.#socket.write(bytes.subarray(this.#taken));
    // -1: the socket is closed; what has failed was not taken.
    if (count < 0) {
      this.#borrowed = undefined;
      return;
    }
    this.#taken += count;
    if (this.#taken < bytes.length) return;
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
    if (this.#state === "closed") return;
    // After `shutdown`, Bun 1.4 does not call `end` for the peer's FIN over TCP, but closes at once.
    const isEndUntold = error === undefined && !this.#hasPeerEnded && this.#state === "open";
    this.#state = "closed";
    clearTimeout(this.#dropTimer);
    // In a turn of its own, as on Node: what else the call did is told first.
    setTimeout(() => {
      if (isEndUntold) this.handler.onEnd();
      this.handler.onClose(error);
    }, 0);
  }

  /** Not `terminate`, which would reset: what the kernel has been given leaves, as on Node and Deno. */
  #close(): void {
    this.#borrowed = undefined;
    this.#socket.close();
  }

  /** `shutdown` sends FIN and keeps reading; `end` closes. */
  #end(): void {
    if (this.#hasPeerEnded) this.#socket.end();
    else this.#socket.shutdown();
  }
}

/**
 * Makes a transport that gets the events of its socket from now on; `encrypted` and `authorized` tell of TLS, which a socket
 * does not, or not always truly.
 */
export function newBunTransport(
  socket: BunSocket,
  encrypted = false,
  tcp?: TcpOptions,
  authorized?: boolean,
): BunTransport {
  const transport = new BunTransport(socket, encrypted, tcp, authorized);
  socket.data = transport;
  return transport;
}

/** What all sockets do with their events: each carries its owner. */
export const socketHandlers = {
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
