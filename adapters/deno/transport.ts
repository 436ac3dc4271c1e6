/**
 * A connection of Deno's as a transport.
 *
 * @module
 */

import { viewOf } from "../../src/bytes.ts";
import type { TcpOptions, TlsFacts, Transport, TransportHandler } from "../../src/transport.ts";
import { PauseGate } from "../pause-gate.ts";
import { setTcp } from "../tcp-options.ts";

/** What is used of a `Deno.Addr`; that of a Unix socket has neither host nor port. */
export interface DenoAddr {
  /** IP address. */
  readonly hostname?: string;
  /** Port. */
  readonly port?: number;
}

/** What is used of a `Deno.TcpConn`, `Deno.TlsConn` or `Deno.UnixConn`. */
export interface DenoConn {
  /** The peer's address. */
  readonly remoteAddr: DenoAddr;
  /** This side's address. */
  readonly localAddr: DenoAddr;
  /** There for TCP only. */
  setNoDelay?(noDelay?: boolean): void;
  /** There for TCP only. */
  setKeepAlive?(keepAlive?: boolean): void;
  /** The process lives on for it. */
  ref?(): void;
  /** The process may end although it is open. */
  unref?(): void;
  /** There for TLS only. */
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

/** What is used of a `Deno.TlsHandshakeInfo`: all that Deno tells of TLS. */
export interface DenoHandshake {
  /** What ALPN came to; null for nothing. */
  readonly alpnProtocol: string | null;
}

/** Where a connection comes from. */
export interface DenoOrigin {
  /** What it is told of TCP. Default: `noDelay`. */
  readonly tcp?: TcpOptions | undefined;
  /** The end of its TLS handshake. */
  readonly handshake?: DenoHandshake | undefined;
}

/** A browser's request fits, most often; what is larger grows it. */
const smallestRead = 1024;
const largestRead = 256 * 1024;

/** Reads in a row that leave most of a grown buffer empty, after which it shrinks. */
const fewBytesOften = 64;

const unknownTls: TlsFacts = {
  alpnProtocol: undefined,
  serverName: undefined,
  version: undefined,
  authorized: undefined,
  peerCertificate: undefined,
};

/**
 * This side of the connection: it takes a write ("open"), has one under way ("writing"), has one under way that FIN follows
 * ("ending"), has sent FIN ("ended"), or the connection is closed ("closed").
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
   * Takes a connection over, and begins to read.
   *
   * @param conn Nobody else may read it.
   * @param origin What it is told of TCP, and what came of TLS.
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
    if (this.#isClosed) return;
    this.#release();
    // In a turn of its own, as on Node: what else the call did is told first.
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

  get #isClosed(): boolean {
    return this.#side === "closed";
  }

  async #read(): Promise<void> {
    let buffer = new Uint8Array(smallestRead);
    let fewBytes = 0;
    try {
      for (;;) {
        const count = await this.#conn.read(buffer);
        // A read that was under way when delivery was stopped waits here with its bytes.
        while (this.#gate.opening !== undefined) await this.#gate.opening;
        if (this.#isClosed) return;
        if (count === null) break;
        this.handler.onData(viewOf(buffer, 0, count));
        // Connections are many and idle: each starts small, grows under load, and shrinks when the load is gone.
        fewBytes = count < buffer.length / 8 ? fewBytes + 1 : 0;
        if (count === buffer.length && count < largestRead) buffer = new Uint8Array(count * 4);
        else if (fewBytes > fewBytesOften && buffer.length > smallestRead) {
          buffer = new Uint8Array(smallestRead);
        }
        while (this.#gate.opening !== undefined) await this.#gate.opening;
        if (this.#isClosed) return;
      }
    } catch (error) {
      if (!isEndWithoutNotice(error)) {
        this.#fail(error);
        return;
      }
      while (this.#gate.opening !== undefined) await this.#gate.opening;
      if (this.#isClosed) return;
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
    if (this.#isClosed) return;
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
 * A FIN without TLS's close_notify before it is taken for an end, as on Node and Bun: a frame that was cut off shows itself.
 */
function isEndWithoutNotice(error: unknown): boolean {
  return (error as Error).name === "UnexpectedEof";
}
