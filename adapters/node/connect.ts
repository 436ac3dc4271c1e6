/**
 * Connecting with `node:net` and `node:tls`: on Node always, on Bun and Deno where their own calls cannot do it.
 *
 * @module
 */

import { connect as connectTcp, type NetConnectOpts, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { TransportCode } from "../../src/errors.ts";
import type {
  ConnectOptions,
  TcpOptions,
  TlsOptions,
  Transport,
  TunnelStream,
} from "../../src/transport.ts";
import { connecting, type PendingConnect } from "../connecting.ts";
import { nodeClientTls } from "./tls-names.ts";
import { NodeTransport } from "./transport.ts";
import { demandsTrust, identityError, nameError, peerName, sniOf } from "../peer-identity.ts";
import { setTcp } from "../tcp-options.ts";
import { type AddressParts, toTransportError } from "../transport-error.ts";

/** Options of `tls.connect` over a socket. */
type NodeTlsOptions = ConnectionOptions & { readonly allowHalfOpen: boolean };

/** Puts TLS options as Node has them. Its own spellings, where they are given, win. */
function toNodeTls(options: TlsOptions, hostname: string): NodeTlsOptions {
  const name = peerName(options, hostname);
  const servername = sniOf(name);
  const own: Record<string, unknown> = { ...options };
  delete own["serverName"];
  return {
    allowHalfOpen: true,
    // No SNI is sent for an address, but the certificate has to be for it all the same. Deno before 2.8 checks it against `host`.
    ...(servername === undefined
      ? {
          host: name,
          checkServerIdentity: (_: string, certificate) => nameError(name, certificate),
        }
      : { servername }),
    ...own,
  } as NodeTlsOptions;
}

/**
 * Looks at the certificate once more where `node:tls` is not Node's own: of an address, Bun before 1.4 checks no name.
 *
 * @throws {TransportError} `TLS_FAILED`
 */
function checkPeer(socket: TLSSocket, options: TlsOptions, hostname: string): void {
  if (!("Bun" in globalThis) || !demandsTrust(options)) return;
  const wrong = identityError(options, peerName(options, hostname), socket.getPeerCertificate());
  if (wrong !== undefined) throw toTransportError(wrong, "TLS_FAILED");
}

/** For the time in which nobody else listens: an error without a listener ends the process. */
function ignore(): void {}

/** What a socket that is gone was ended by. */
function reasonOf(socket: Socket): Error {
  return socket.errored ?? new Error("Connection was closed while it was made");
}

/** Waits until a socket has come so far; `code` is that of a failure that is not known by itself. */
function reached(
  socket: Socket,
  event: "connect" | "secureConnect",
  code: TransportCode,
  place?: AddressParts,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      reject(toTransportError(error, code, place));
    };
    const onClose = (): void => {
      onError(reasonOf(socket));
    };
    socket.once("error", onError);
    socket.once("close", onClose);
    socket.once(event, () => {
      socket.off("error", onError);
      socket.off("close", onClose);
      resolve();
    });
  });
}

/** A socket as a stream that is pulled: it reads no more than it gives, so that the rest is for who comes next. */
class NodeTunnelStream implements TunnelStream {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  async read(into: Uint8Array): Promise<number> {
    const socket = this.#socket;
    while (into.length > 0 && !socket.readableEnded) {
      if (socket.destroyed) throw toTransportError(reasonOf(socket));
      // A read of nothing makes the stream look for more.
      const chunk = socket.read(Math.min(into.length, socket.readableLength)) as Uint8Array | null;
      if (chunk !== null) {
        into.set(chunk);
        return chunk.length;
      }
      await this.#change();
    }
    return 0;
  }

  /** Waits for bytes, or for the end. */
  #change(): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      const events = ["readable", "end", "close"];
      const onEvent = (): void => {
        for (const event of events) socket.off(event, onEvent);
        resolve();
      };
      for (const event of events) socket.on(event, onEvent);
    });
  }

  write(from: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(from, (error) => {
        if (error) reject(toTransportError(error));
        else resolve();
      });
    });
  }
}

/** What a route leads to: its outermost layer, with the address of the innermost. */
class RouteTransport extends NodeTransport {
  readonly #socket: Socket;
  readonly #tcp: Socket;

  constructor(socket: Socket, tcp: Socket, options: TcpOptions) {
    super(socket, options);
    this.#socket = socket;
    this.#tcp = tcp;
  }

  /** Taken from the TCP socket, since a socket of TLS inside TLS does not know it on Bun and Deno. */
  override get remoteAddress(): string | undefined {
    return this.#tcp.remoteAddress;
  }

  override get remotePort(): number | undefined {
    return this.#tcp.remotePort;
  }

  override get localAddress(): string | undefined {
    return this.#tcp.localAddress;
  }

  override get localPort(): number | undefined {
    return this.#tcp.localPort;
  }

  /** Bun 1.4 emits "end" after `destroy`, though the peer has not ended. */
  override destroy(): void {
    this.#socket.removeAllListeners("end");
    super.destroy();
  }
}

/** A connection in the making: TCP, and what the options want on top of it, layer by layer. */
class NodeRoute {
  readonly #tcp: Socket;
  readonly #layers: Socket[] = [];
  readonly #options: ConnectOptions;
  #socket: Socket;

  constructor(options: ConnectOptions) {
    const { hostname, port, path } = options;
    const address = path === undefined ? { host: hostname, port } : { path };
    this.#options = options;
    this.#tcp = connectTcp({ ...address, allowHalfOpen: true } as NetConnectOpts);
    this.#socket = this.#addLayer(this.#tcp);
  }

  /** Makes the connection, as far as the options say. */
  async open(): Promise<Transport> {
    const { hostname, tls, tunnel, tunnelTls } = this.#options;
    await reached(this.#socket, "connect", "FAILED", this.#options);
    // Not before: of a socket that is not connected yet, Node makes the time of keepAlive a minute.
    setTcp(this.#tcp, this.#options);
    if (tunnelTls !== undefined) await this.#secure(tunnelTls, hostname);
    if (tunnel !== undefined) {
      await tunnel(new NodeTunnelStream(this.#socket));
      this.#check();
    }
    if (tls !== undefined) await this.#secure(tls, hostname);
    this.#check();
    return new RouteTransport(this.#socket, this.#tcp, this.#options);
  }

  /** Drops it, all its layers. */
  destroy(): void {
    for (const socket of this.#layers) socket.destroy();
  }

  async #secure(options: TlsOptions, hostname: string): Promise<void> {
    let tls: TLSSocket;
    try {
      tls = connectTls({ ...toNodeTls(options, hostname), socket: this.#socket });
      this.#socket = this.#addLayer(tls);
    } catch (error) {
      throw toTransportError(error, "TLS_FAILED");
    }
    await reached(tls, "secureConnect", "TLS_FAILED");
    checkPeer(tls, options, hostname);
  }

  #addLayer(socket: Socket): Socket {
    socket.on("error", ignore);
    this.#layers.push(socket);
    return socket;
  }

  /** What ended between two steps tells nobody any more. */
  #check(): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.readableEnded) throw toTransportError(reasonOf(socket));
  }
}

/**
 * Connects with `net.connect`, and does TLS with `tls.connect` where there are options for it.
 *
 * @param attach Called once with the connected transport; it sets the transport's handler before it returns, and its
 * result is what the promise is resolved with.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws What the tunnel throws; the signal's reason, where it is aborted.
 */
export function connectTransport<Result>(
  options: ConnectOptions,
  attach: (transport: Transport) => Result,
): Promise<Result> {
  const begin = (attempt: PendingConnect, checked: ConnectOptions): (() => void) => {
    const route = new NodeRoute(checked);
    route.open().then(attempt.succeed, (error: unknown) => {
      route.destroy();
      attempt.reject(error);
    });
    return () => {
      route.destroy();
    };
  };
  return connecting(options, attach, begin, nodeClientTls);
}
