/**
 * TLS behind a balancer that says whose connection it is: the header of the PROXY protocol comes in front of TLS, in the clear.
 *
 * Theory of operation. No runtime's own TLS server reads anything in front of a handshake. A server of `node:net`, which all three have,
 * accepts; the header is read, what came behind it is put back, and a server of `node:tls` that does not listen is told of the
 * connection, as Node documents it. Deno's sometimes reads what has been put back behind what came later: there a stream stands
 * between the two, which keeps the order. When the handshake is done the connection is accepted with the header as what has been read of it
 * already, so that who is believed about what is decided in one place, with or without TLS.
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

/** The longest time that a timer of Node's takes, in milliseconds. */
const longestTime = 2 ** 31 - 1;

/** Whether what is put back into a socket may be read too late. */
const losesOrder = "Deno" in globalThis;

/** A connection until its TLS handshake is done. */
interface Opening {
  readonly handshake: Handshake;
  /** What the balancer has sent. */
  readonly header: Uint8Array;
}

/**
 * Gives how to listen: `listen`, or where `proxyProtocol` and `tls` are wanted both, by `node:net` and `node:tls`.
 *
 * @throws {TypeError} Both are wanted with `path`.
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

/** Accepts connections, reads the header of those that have one, and does TLS. */
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
  /** By the client's address and port, which the TLS socket has as well. */
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
    // What ends it is followed by `close`, or by an end of its TLS socket.
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
        // The server finds the same fault, drops the connection, and tells.
        if (handshake.end()) this.#tell(socket, bytes);
      });
    }
  }

  /** Does a handshake over a stream of the socket's bytes. */
  #shakeHands(socket: Socket, handshake: Handshake, header: Uint8Array, rest: Uint8Array): void {
    const stream = new SocketStream(socket, rest);
    const secured = new TLSSocket(stream, { ...this.#tls, isServer: true });
    // It knows nothing of what is below that stream.
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

  /** The handshake is done. */
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

/** Reads the header, and puts back what came behind it. @param failed Gets what has come, where that is no header. */
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

/** What came behind the header, and then a socket's bytes; what is written goes to the socket. */
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
    // Where it fails `close` follows.
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

/** Options as `node:tls` has them. Deno's own call has another name for ALPN, Bun's takes it as text, with the lengths in it. */
function nodeOptions({ alpnProtocols, ALPNProtocols, ca, ...rest }: CheckedTls): TlsOptions {
  const alpn = alpnProtocols ?? ALPNProtocols;
  const named =
    typeof alpn === "string" ? Uint8Array.from(alpn, (char) => char.charCodeAt(0)) : alpn;
  return {
    ...rest,
    ...(named === undefined ? {} : { ALPNProtocols: named as string[] | Uint8Array }),
    ca: ca as string[] | undefined,
    // The time begins with the header, so that it is not the TLS server's to keep.
    handshakeTimeout: longestTime,
  };
}

/** Tells connections of one port apart. */
function placeOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
