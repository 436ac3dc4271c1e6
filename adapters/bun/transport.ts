/**
 * Makes a transport of a Bun socket.
 *
 * Theory of operation. Bun's write takes as many bytes as the kernel does. The rest stays borrowed, and is written when Bun calls
 * `drain`. `end` waits for borrowed bytes. The state of the socket says whether it is in use, dropped or closed; each side may
 * end its stream in any state. A TLS socket that is dropped while bytes are borrowed is closed at the next `drain`, or after a
 * second.
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

/** Gets a socket's events: its transport, and before that the attempt to connect. */
export interface BunSocketOwner {
  /** Gets the received bytes. */
  readonly handler: Pick<TransportHandler, "onData">;
  /** The socket takes bytes again. */
  drain(): void;
  /** The peer has sent FIN. */
  peerEnd(): void;
  /** The socket is closed, with the error if it failed. */
  close(error: Error | undefined): void;
}

/** The members of a Bun TCP or TLS socket that are used. */
export interface BunSocket extends TcpSocket {
  /** The object that its handlers pass its events to. */
  data: BunSocketOwner;
  /** The peer's IP address. A Unix socket has no address and no port. */
  readonly remoteAddress: string | undefined;
  /** The peer's port. */
  readonly remotePort: number | undefined;
  /** This side's IP address. */
  readonly localAddress: string | undefined;
  /** This side's port. */
  readonly localPort: number | undefined;
  /** The protocol chosen by ALPN; false or null for none. */
  readonly alpnProtocol: string | false | null;
  /** Whether the peer's certificate is trusted; in Bun before 1.4 it is always true. */
  readonly authorized: boolean;
  /** Gives the name that the client sent by SNI. */
  getServername(): unknown;
  /** Gives the version of TLS, such as "TLSv1.3". */
  getTLSVersion(): string;
  /** Gives the peer's certificate; an empty object if it has shown none. */
  getPeerCertificate(): Partial<PeerCertificate> | null | undefined;
  /** Copies bytes to the kernel, maybe not all of them; gives their number, or less than 0 if the socket is closed. */
  write(bytes: Uint8Array): number;
  /** Stops reading. */
  pause(): unknown;
  /** Goes on reading. */
  resume(): unknown;
  /** Sends FIN; reading goes on. */
  shutdown(): unknown;
  /** Sends FIN, and reads no more. */
  end(): unknown;
  /** Closes the socket. */
  close(): unknown;
  /** Drops the connection. */
  terminate(): unknown;
  /** Makes the socket keep the process alive. */
  ref?(): unknown;
  /** Lets the process end although the socket is open. */
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
 * Milliseconds that a peer may take until the kernel has room for the last record of a dropped TLS socket. With a peer that reads
 * nothing, Bun's `close` would wait 12 s for that, and a `terminate` after `close` has no effect.
 */
const dropTimeout = 1000;

/** The state of the socket: it is in use ("open"), this side has dropped it ("dropped"), or it has closed ("closed"). */
type SocketState = "open" | "dropped" | "closed";

/** A Bun TCP or TLS socket as a transport. The `socketHandlers` must pass on its events. */
export class BunTransport implements Transport, BunSocketOwner {
  handler!: TransportHandler;
  /** Bun makes an ArrayBuffer for each chunk. */
  readonly hasOwnChunks = true;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly encrypted: boolean;
  readonly #socket: BunSocket;
  readonly #authorized: boolean | undefined;
  #borrowed: Uint8Array | undefined;
  #taken = 0;
  #state: SocketState = "open";
  // Each side may end its stream before the other, in any state of the socket.
  #isEndDue = false;
  #hasPeerEnded = false;
  #dropTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Takes over a socket; the caller must set the socket's `data` to this transport.
   *
   * @param encrypted Whether the socket uses TLS. Default: false.
   * @param tcp Options of TCP to set. Default: `noDelay`.
   * @param authorized Whether the peer has shown a trusted certificate. Default: the socket's own value.
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
    // The socket is closed, but its event has not come yet: the bytes are borrowed until then.
    if (this.#state === "closed") return false;
    const count = this.#socket.write(bytes);
    // -1: the socket is closed. The bytes are borrowed until `close` follows.
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

  /** The socket takes more bytes. Bun calls this without need, too. */
  drain(): void {
    const bytes = this.#borrowed;
    if (bytes === undefined) return;
    if (this.#state === "dropped") {
      this.#close();
      return;
    }
    const count = this.#socket.write(bytes.subarray(this.#taken));
    // -1: the socket is closed; a failed write took nothing.
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

  /** The socket is gone. Bun calls this inside `terminate` and `end`; the contract wants `onClose` after such a call. */
  close(error: Error | undefined): void {
    if (this.#state === "closed") return;
    // After `shutdown`, Bun 1.4 does not call `end` for the peer's FIN over TCP, but closes at once.
    const isEndUntold = error === undefined && !this.#hasPeerEnded && this.#state === "open";
    this.#state = "closed";
    clearTimeout(this.#dropTimer);
    // In a separate turn, as on Node, so that events of this call come first.
    setTimeout(() => {
      if (isEndUntold) this.handler.onEnd();
      this.handler.onClose(error);
    }, 0);
  }

  /** Closes without `terminate`, which would reset: bytes that the kernel has still leave, as on Node and Deno. */
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
 * Makes a transport that gets the events of its socket from now on. The socket itself does not say whether it uses TLS, and is
 * not always right about `authorized`, so that the caller gives both.
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

/** The handlers of all sockets; each socket has its owner in `data`. */
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
  // A reset comes here too, with its error; Bun does not call `error` for it.
  close(socket: BunSocket, error?: Error): void {
    socket.data.close(error);
  },
  error(socket: BunSocket, error: Error): void {
    socket.data.close(error);
    socket.terminate();
  },
} as const;
