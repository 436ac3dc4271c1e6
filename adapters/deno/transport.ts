/**
 * Makes a transport of a Deno connection.
 *
 * Theory of operation. One loop reads, and delivers each chunk; a gate stops it while delivery is paused. A write is always
 * borrowed, since Deno writes only by promise. The state of this side says whether a write is under way, and whether FIN follows
 * it. The connection is closed when both sides have ended, or at the first error.
 *
 * @module
 */

import { viewOf } from "../../src/bytes.ts";
import type { TcpOptions, TlsFacts, Transport, TransportHandler } from "../../src/transport.ts";
import { PauseGate } from "../pause-gate.ts";
import { setTcp } from "../tcp-options.ts";

/** The members of a `Deno.Addr` that are used; the address of a Unix socket has neither host nor port. */
export interface DenoAddr {
  /** IP address. */
  readonly hostname?: string;
  /** Port. */
  readonly port?: number;
}

/** The members of a `Deno.TcpConn`, `Deno.TlsConn` or `Deno.UnixConn` that are used. */
export interface DenoConn {
  /** The peer's address. */
  readonly remoteAddr: DenoAddr;
  /** This side's address. */
  readonly localAddr: DenoAddr;
  /** Only for TCP. */
  setNoDelay?(noDelay?: boolean): void;
  /** Only for TCP. */
  setKeepAlive?(keepAlive?: boolean): void;
  /** Makes the connection keep the process alive. */
  ref?(): void;
  /** Lets the process end although the connection is open. */
  unref?(): void;
  /** Only for TLS. */
  handshake?(): Promise<DenoHandshake>;
  /** Reads some bytes to the start of `into`, which is lent until then; null at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes bytes, lent until then, maybe not all of them; gives their number. */
  write(bytes: Uint8Array): Promise<number>;
  /** Sends FIN. */
  closeWrite(): Promise<void>;
  /** Drops the connection. */
  close(): void;
}

/** The members of a `Deno.TlsHandshakeInfo` that are used: Deno tells nothing else about TLS. */
export interface DenoHandshake {
  /** The protocol chosen by ALPN; null for none. */
  readonly alpnProtocol: string | null;
}

/** Facts and options for a new transport. */
export interface DenoOrigin {
  /** Options of TCP to set. Default: `noDelay`. */
  readonly tcp?: TcpOptions | undefined;
  /** The result of its TLS handshake. */
  readonly handshake?: DenoHandshake | undefined;
}

/** Most requests of browsers fit into it; larger ones make it grow. */
const smallestRead = 1024;
const largestRead = 256 * 1024;

/** After so many successive reads that leave most of a grown buffer empty, the buffer shrinks. */
const fewBytesOften = 64;

const unknownTls: TlsFacts = {
  alpnProtocol: undefined,
  serverName: undefined,
  version: undefined,
  authorized: undefined,
  peerCertificate: undefined,
};

/**
 * This side of the connection: it takes a write ("open"), a write is under way ("writing"), a write is under way and FIN follows
 * ("ending"), FIN was sent ("ended"), or the connection is closed ("closed").
 */
type OwnSide = "open" | "writing" | "ending" | "ended" | "closed";

/** A `Deno.TcpConn`, `Deno.TlsConn` or `Deno.UnixConn` as a transport. */
export class DenoTransport implements Transport {
  handler!: TransportHandler;
  readonly #conn: DenoConn;
  readonly #handshake: DenoHandshake | undefined;
  #side: OwnSide = "open";
  #hasPeerEnded = false;
  readonly #gate: PauseGate = new PauseGate();

  /**
   * Takes over a connection, and begins to read.
   *
   * @param conn No other code may read it.
   * @param origin Options of TCP, and the result of the TLS handshake.
   */
  constructor(conn: DenoConn, { tcp, handshake }: DenoOrigin = {}) {
    this.#conn = conn;
    this.#handshake = handshake;
    setTcp(conn, tcp);
    void this.#read();
  }

  get remoteAddress(): string | undefined {
    return this.#conn.remoteAddr.hostname;
  }

  get remotePort(): number | undefined {
    return this.#conn.remoteAddr.port;
  }

  get localAddress(): string | undefined {
    return this.#conn.localAddr.hostname;
  }

  get localPort(): number | undefined {
    return this.#conn.localAddr.port;
  }

  get encrypted(): boolean {
    return this.#conn.handshake !== undefined;
  }

  get tls(): TlsFacts | undefined {
    if (!this.encrypted) return undefined;
    const alpnProtocol = this.#handshake?.alpnProtocol ?? undefined;
    return { ...unknownTls, alpnProtocol };
  }

  /** Deno has no synchronous write: the bytes are always borrowed. */
  write(bytes: Uint8Array): boolean {
    if (this.#side !== "open" && this.#side !== "writing") return true;
    this.#side = "writing";
    void this.#write(bytes);
    return false;
  }

  pause(): void {
    this.#gate.shut();
  }

  resume(): void {
    this.#gate.open();
  }

  end(): void {
    if (this.#side === "open") void this.#end();
    else if (this.#side === "writing") this.#side = "ending";
  }

  destroy(): void {
    if (this.#isClosed()) return;
    this.#release();
    // In a separate turn, as on Node, so that events of this call come first.
    setTimeout(() => {
      this.handler.onClose();
    }, 0);
  }

  ref(): void {
    this.#conn.ref?.();
  }

  unref(): void {
    this.#conn.unref?.();
  }

  #isClosed(): boolean {
    return this.#side === "closed";
  }

  async #read(): Promise<void> {
    let buffer = new Uint8Array(smallestRead);
    let fewBytes = 0;
    try {
      for (;;) {
        const count = await this.#conn.read(buffer);
        // A read that ends while delivery is paused waits here with its bytes.
        while (this.#gate.opening !== undefined) await this.#gate.opening;
        if (this.#isClosed()) return;
        if (count === null) break;
        this.handler.onData(viewOf(buffer, 0, count));
        // There may be many idle connections: each buffer starts small, grows under load, and shrinks afterwards.
        fewBytes = count < buffer.length / 8 ? fewBytes + 1 : 0;
        if (count === buffer.length && count < largestRead) buffer = new Uint8Array(count * 4);
        else if (fewBytes > fewBytesOften && buffer.length > smallestRead) {
          buffer = new Uint8Array(smallestRead);
        }
        while (this.#gate.opening !== undefined) await this.#gate.opening;
        if (this.#isClosed()) return;
      }
    } catch (error) {
      if (!isEndWithoutNotice(error)) {
        this.#fail(error);
        return;
      }
      while (this.#gate.opening !== undefined) await this.#gate.opening;
      if (this.#isClosed()) return;
    }
    this.#hasPeerEnded = true;
    this.handler.onEnd();
    this.#closeIfEnded();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      // A write may take only a part of the bytes.
      let at = await this.#conn.write(bytes);
      while (at < bytes.length) at += await this.#conn.write(bytes.subarray(at));
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#isClosed()) return;
    if (this.#side === "ending") void this.#end();
    else this.#side = "open";
    this.handler.onDrain();
  }

  async #end(): Promise<void> {
    this.#side = "ended";
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#closeIfEnded();
  }

  #closeIfEnded(): void {
    if (this.#side !== "ended" || !this.#hasPeerEnded) return;
    this.#release();
    this.handler.onClose();
  }

  #fail(error: unknown): void {
    if (this.#isClosed()) return;
    this.#release();
    this.handler.onClose(error as Error);
  }

  #release(): void {
    this.#side = "closed";
    this.resume();
    this.#conn.close();
  }
}

/**
 * A FIN without TLS's close_notify before it counts as an end, as on Node and Bun: a cut frame is noticed anyway.
 */
function isEndWithoutNotice(error: unknown): boolean {
  return (error as Error).name === "UnexpectedEof";
}
