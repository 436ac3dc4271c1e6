/**
 * Connecting with `node:net` and `node:tls`: on Node always; on Bun and Deno for what their own calls cannot do.
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

/** Gives TLS options in the form of Node. If Node's own names are given, they win. */
function toNodeTls(options: TlsOptions, hostname: string): NodeTlsOptions {
  const name = peerName(options, hostname);
  const servername = sniOf(name);
  const own: Record<string, unknown> = { ...options };
  delete own["serverName"];
  return {
    allowHalfOpen: true,
    // No SNI is sent for an address, but the certificate must be for it. Deno before 2.8 checks it against `host`.
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
 * Checks the certificate once more if `node:tls` is not Node's own: Bun before 1.4 checks no name if the host is an address.
 *
 * @throws {TransportError} `TLS_FAILED`
 */
function checkPeer(socket: TLSSocket, options: TlsOptions, hostname: string): void {
  if (!("Bun" in globalThis) || !demandsTrust(options)) return;
  const wrong = identityError(options, peerName(options, hostname), socket.getPeerCertificate());
  if (wrong !== undefined) throw toTransportError(wrong, "TLS_FAILED");
}

/** Listens for errors while no other listener does: an error without a listener ends the process. */
function ignore(): void {}

/** Gives the error that ended a socket. */
function reasonOf(socket: Socket): Error {
  return socket.errored ?? new Error("Connection was closed while it was made");
}

/** Waits until a socket has reached a state; `code` is for a failure that is not recognized. */
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

/** A socket as a stream to read from. It reads no more than it gives, so that the rest is left for the next reader. */
class NodeTunnelStream implements TunnelStream {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  async read(into: Uint8Array): Promise<number> {
    const socket = this.#socket;
    while (into.length > 0 && !socket.readableEnded) {
      if (socket.destroyed) throw toTransportError(reasonOf(socket));
      // A read of 0 bytes makes the stream fetch more.
      const chunk = socket.read(Math.min(into.length, socket.readableLength)) as Uint8Array | null;
      if (chunk !== null) {
        into.set(chunk);
        return chunk.length;
      }
      await this.#change();
    }
    return 0;
  }

  /** Waits for more bytes, or for the end. */
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

/** The transport at the end of a route: its outermost layer, with the address of the innermost. */
class RouteTransport extends NodeTransport {
  readonly #socket: Socket;
  readonly #tcp: Socket;

  constructor(socket: Socket, tcp: Socket, options: TcpOptions) {
    super(socket, options);
    this.#socket = socket;
    this.#tcp = tcp;
  }

  /** Read from the TCP socket, since a socket of TLS inside TLS does not know it on Bun and Deno. */
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

  /** Bun 1.4 emits "end" after `destroy`, though the peer has not ended: so its listeners are removed. */
  override destroy(): void {
    this.#socket.removeAllListeners("end");
    super.destroy();
  }
}

/** A connection that is being made: TCP, and on top of it the layers that the options ask for. */
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

  /** Makes the connection with all its layers. */
  async open(): Promise<Transport> {
    const { hostname, tls, tunnel, tunnelTls } = this.#options;
    await reached(this.#socket, "connect", "FAILED", this.#options);
    // Not earlier: if a socket is not connected yet, Node sets the time of keepAlive to a minute.
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

  /** Drops the connection with all its layers. */
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

  /** Throws if the connection ended between two steps, when nothing listened. */
  #check(): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.readableEnded) throw toTransportError(reasonOf(socket));
  }
}

/**
 * Connects with `net.connect`, and does TLS with `tls.connect` if there are options for it.
 *
 * @param attach Called once with the connected transport. It must set the handler of the transport before it returns; its
 * result becomes the result of the promise.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The error of the tunnel; the signal's reason, if it is aborted.
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
