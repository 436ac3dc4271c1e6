/**
 * TLS behind a balancer that uses the PROXY protocol: the balancer sends an unencrypted header in front of TLS.
 *
 * Theory of operation. No runtime's TLS server reads anything in front of a handshake. So a server of `node:net`, which all three
 * runtimes have, accepts the connection and reads the header. It puts back the bytes behind the header and gives the socket to a
 * server of `node:tls` that does not listen, as Node documents it. Deno's socket sometimes reads the bytes that were put back
 * after later ones: there a stream between the two keeps the order. After the handshake the connection is accepted, and the
 * header counts as already read bytes. So one place decides whose headers are believed, with and without TLS.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { createServer, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers";
import {
  createSecureContext,
  createServer as createTlsServer,
  type TlsOptions,
  TLSSocket,
} from "node:tls";
import { concat, noBytes } from "../src/bytes.ts";
import { type BalancerOptions, balancersOf } from "../src/handshake/proxy-protocol/balancers.ts";
import { ProxyHeaderParser } from "../src/handshake/proxy-protocol/parser.ts";
import { socketAddress } from "../src/ip-address.ts";
import type { Listener, ListenOptions, TcpOptions } from "../src/transport.ts";
import { newOwnedServerListener } from "./http-server.ts";
import {
  type Accept,
  type CheckedTls,
  type Handshake,
  Handshakes,
  type ListeningRuntime,
  type Place,
} from "./listening.ts";
import { socketTransport } from "./node/socket.ts";

/** The longest time of Node's timers, in milliseconds. */
const longestTime = 2 ** 31 - 1;

/** Whether bytes that are put back into a socket may be read too late. */
const losesOrder = "Deno" in globalThis;

/** A connection before the end of its TLS handshake. */
interface Opening {
  readonly handshake: Handshake;
  /** The header that the balancer has sent. */
  readonly header: Uint8Array;
}

/**
 * Gives the function that listens: `listen`, or, if both `proxyProtocol` and `tls` are given, one that uses `node:net` and
 * `node:tls`.
 *
 * @throws {TypeError} Both are given with `path`.
 */
export function listenBehindBalancers(
  options: ListenOptions & BalancerOptions,
  listen: ListeningRuntime["listen"],
): ListeningRuntime["listen"] {
  const { tls, proxyProtocol = false, path } = options;
  if (tls === undefined || proxyProtocol === false) return listen;
  if (path !== undefined) {
    throw new TypeError("proxyProtocol with tls goes with port: over a Unix socket leave out tls");
  }
  const isBalancer = balancersOf(options);
  return (place, checked, accept, tcp) =>
    new ProxiedTlsServer(checked!, isBalancer, accept, tcp).listen(place);
}

/** Accepts connections, reads the header if there is one, and does TLS. */
class ProxiedTlsServer {
  readonly #isBalancer: (address: string | undefined) => boolean;
  readonly #accept: Accept;
  readonly #tcp: TcpOptions;
  readonly #handshakes: Handshakes;
  readonly #inContext = AsyncLocalStorage.snapshot();
  readonly #server = createServer({ allowHalfOpen: losesOrder }, (socket) => {
    this.#take(socket);
  });
  readonly #tlsServer: ReturnType<typeof createTlsServer>;
  readonly #tls: TlsOptions;
  /** By the client's address and port, which its TLS socket has as well. */
  readonly #openings = new Map<string, Opening>();
  #isClosed = false;

  constructor(
    tls: CheckedTls,
    isBalancer: (address: string | undefined) => boolean,
    accept: Accept,
    tcp: TcpOptions,
  ) {
    this.#isBalancer = isBalancer;
    this.#accept = accept;
    this.#tcp = tcp;
    this.#handshakes = new Handshakes(tls.handshakeTimeout);
    this.#tls = { ...nodeOptions(tls), secureContext: createSecureContext(nodeOptions(tls)) };
    this.#tlsServer = createTlsServer(this.#tls, (socket) => {
      this.#secured(socket);
    });
    this.#tlsServer.on("tlsClientError", (_: Error, socket: Socket) => {
      socket.destroy();
    });
  }

  listen({ port, hostname: host, reusePort, backlog }: Place): Promise<Listener> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.on("error", reject);
      server.listen({ port, host, reusePort, backlog }, () => {
        resolve(
          newOwnedServerListener(server, () => {
            this.#isClosed = true;
            server.close();
            this.#handshakes.close();
          }),
        );
      });
    });
  }

  #take(socket: Socket): void {
    const place = placeOf(socket);
    if (this.#isClosed || place === undefined) {
      socket.destroy();
      return;
    }
    const handshake = this.#handshakes.begin(() => {
      socket.destroy();
    });
    // After an error, `close` or the end of the TLS socket follows.
    socket.on("error", () => {});
    socket.on("close", () => {
      handshake.end();
      this.#openings.delete(place);
    });
    const begin = (header: Uint8Array, rest: Uint8Array): void => {
      if (losesOrder) {
        this.#shakeHands(socket, handshake, header, rest);
        return;
      }
      if (rest.length > 0) socket.unshift(rest);
      this.#openings.set(place, { handshake, header });
      this.#tlsServer.emit("connection", socket);
    };
    if (!this.#isBalancer(socketAddress(socket.remoteAddress))) begin(noBytes, noBytes);
    else {
      readHeader(socket, begin, (bytes) => {
        // The server finds the same error in these bytes, drops the connection, and reports it.
        if (handshake.end()) this.#tell(socket, bytes);
      });
    }
  }

  /** Does a handshake over a stream with the socket's bytes. */
  #shakeHands(socket: Socket, handshake: Handshake, header: Uint8Array, rest: Uint8Array): void {
    const stream = new SocketStream(socket, rest);
    const secured = new TLSSocket(stream, { ...this.#tls, isServer: true });
    // The TLS socket over that stream knows no addresses.
    for (const name of ["remoteAddress", "remotePort", "localAddress", "localPort"] as const) {
      Object.defineProperty(secured, name, { value: socket[name] });
    }
    socket.setNoDelay(this.#tcp.noDelay !== false);
    const onError = (): void => {
      socket.destroy();
    };
    secured.on("error", onError);
    secured.once("secure", () => {
      secured.off("error", onError);
      if (handshake.end()) this.#tell(secured, header);
    });
  }

  /** Accepts a connection after its handshake. */
  #secured(socket: TLSSocket): void {
    const opening = this.#openings.get(placeOf(socket) ?? "");
    if (opening?.handshake.end() === true) this.#tell(socket, opening.header);
    else socket.destroy();
  }

  #tell(socket: Socket, bytes: Uint8Array): void {
    const transport = this.#inContext(socketTransport, socket, this.#tcp);
    this.#inContext(this.#accept, transport, bytes);
  }
}

/** Reads the header, and puts back the bytes behind it. @param failed Gets the bytes if they are no header. */
function readHeader(
  socket: Socket,
  complete: (header: Uint8Array, rest: Uint8Array) => void,
  failed: (bytes: Uint8Array) => void,
): void {
  const parser = new ProxyHeaderParser();
  const pieces: Uint8Array[] = [];
  const onData = (chunk: Uint8Array): void => {
    let end: number;
    try {
      end = parser.feed(chunk);
    } catch {
      socket.off("data", onData);
      failed(concat([...pieces, chunk]));
      return;
    }
    pieces.push(chunk.subarray(0, end));
    if (!parser.isComplete) return;
    socket.off("data", onData);
    socket.pause();
    complete(concat(pieces), chunk.subarray(end));
  };
  socket.on("data", onData);
}

/** Gives the bytes behind the header, and then those of the socket; writes go to the socket. */
class SocketStream extends Duplex {
  readonly #socket: Socket;
  #hasBegun = false;

  constructor(socket: Socket, rest: Uint8Array) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    // Not at once: a handshake that fails before Deno's TLS socket has begun, in a microtask, ends the process.
    setImmediate(() => {
      this.#begin(rest);
    });
  }

  #begin(rest: Uint8Array): void {
    const socket = this.#socket;
    if (socket.destroyed) {
      this.destroy();
      return;
    }
    this.#hasBegun = true;
    if (rest.length > 0) this.push(rest);
    socket.on("data", (chunk: Uint8Array) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on("end", () => {
      this.push(null);
    });
    socket.on("close", () => {
      this.destroy();
    });
    socket.resume();
  }

  override _read(): void {
    if (this.#hasBegun) this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _: BufferEncoding, written: () => void): void {
    // If the write fails, `close` follows.
    this.#socket.write(chunk, () => {
      written();
    });
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

/**
 * Gives options in the form of `node:tls`. Deno's call has another name for ALPN; Bun's takes it as text with the lengths in it.
 */
function nodeOptions({ alpnProtocols, ALPNProtocols, ca, ...rest }: CheckedTls): TlsOptions {
  const alpn = alpnProtocols ?? ALPNProtocols;
  const named =
    typeof alpn === "string" ? Uint8Array.from(alpn, (char) => char.charCodeAt(0)) : alpn;
  return {
    ...rest,
    ...(named === undefined ? {} : { ALPNProtocols: named as string[] | Uint8Array }),
    ca: ca as string[] | undefined,
    // The time begins with the header, so that the TLS server must not limit it.
    handshakeTimeout: longestTime,
  };
}

/** Gives a key that tells connections of one port apart. */
function placeOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
