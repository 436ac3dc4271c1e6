/**
 * Connecting on Deno.
 *
 * @module
 */

import { TransportError } from "../../src/errors.ts";
import type { ConnectOptions, TlsOptions, Transport, Tunnel } from "../../src/transport.ts";
import { type PendingConnect, connecting } from "../connecting.ts";
import { denoClientTls } from "./tls-names.ts";
import { type DenoConn, type DenoHandshake, DenoTransport } from "./transport.ts";
import { connectTransport as connectNodeTransport } from "../node/connect.ts";
import { otherRuntimeError } from "../own-runtime.ts";
import { peerName } from "../peer-identity.ts";
import { setTcp } from "../tcp-options.ts";
import { toTransportError } from "../transport-error.ts";

/** The members of a `Deno.TlsConn` that are used beside those of a connection. */
interface DenoTlsConn extends DenoConn {
  handshake(): Promise<DenoHandshake>;
}

/** A connection, with the result of its TLS handshake. */
interface Opened {
  readonly conn: DenoConn;
  readonly handshake?: DenoHandshake;
}

type DenoAddress = { port: number; hostname: string } | { transport: "unix"; path: string };

interface DenoNamespace {
  connect(options: DenoAddress & { signal: AbortSignal }): Promise<DenoConn>;
  connectTls(options: TlsOptions & { port: number; hostname: string }): Promise<DenoTlsConn>;
  startTls(conn: DenoConn, options: TlsOptions & { hostname: string }): Promise<DenoTlsConn>;
}

/** Does the TLS handshake. The connection is closed if that fails or `signal` is aborted. */
async function shakeHands(conn: DenoTlsConn, signal: AbortSignal): Promise<Opened> {
  const close = (): void => {
    conn.close();
  };
  if (signal.aborted) close();
  signal.addEventListener("abort", close);
  try {
    const handshake = await conn.handshake();
    signal.throwIfAborted();
    return { conn, handshake };
  } catch (cause) {
    if (!signal.aborted) close();
    throw new TransportError("TLS_FAILED", { cause });
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Does TLS on an existing connection. In this way the certificate may be for another name than the host's. */
async function startTls(
  conn: DenoConn,
  hostname: string,
  tls: TlsOptions,
  signal: AbortSignal,
): Promise<Opened> {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  const options = { ...toDenoTls(tls), hostname: peerName(tls, hostname) };
  let secured: DenoTlsConn;
  try {
    secured = await Deno.startTls(conn, options);
  } catch (cause) {
    conn.close();
    throw new TransportError("TLS_FAILED", { cause });
  }
  return shakeHands(secured, signal);
}

/** Connects, and does TLS with a client's certificate: `startTls` takes no certificate, and `connectTls` no other name. */
async function connectTls(
  { hostname, port }: ConnectOptions,
  tls: TlsOptions,
  signal: AbortSignal,
): Promise<Opened> {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  if (peerName(tls, hostname) !== peerName({}, hostname)) {
    throw new TypeError("Deno sends a client certificate only if serverName is the host");
  }
  return shakeHands(await Deno.connectTls({ ...toDenoTls(tls), hostname, port }), signal);
}

/** Gives TLS options in the form of Deno, except the name, which is an option of the call. */
function toDenoTls(tls: TlsOptions): Omit<TlsOptions, "serverName" | "ca"> {
  const { ca } = tls;
  const rest: Record<string, unknown> = { ...tls };
  delete rest["serverName"];
  delete rest["ca"];
  return ca === undefined ? rest : { ...rest, caCerts: [ca].flat() };
}

/** Lets a tunnel use a connection. The connection is closed if that fails or `signal` is aborted. */
async function runTunnel(conn: DenoConn, tunnel: Tunnel, signal: AbortSignal): Promise<void> {
  const close = (): void => {
    conn.close();
  };
  let isOver = false;
  const fail = (error: unknown): never => {
    isOver = true;
    throw toTransportError(error);
  };
  if (signal.aborted) close();
  signal.addEventListener("abort", close);
  try {
    signal.throwIfAborted();
    await tunnel({
      async read(into) {
        const count = await conn.read(into).catch(fail);
        if (count === null) isOver = true;
        return count ?? 0;
      },
      async write(from) {
        let at = 0;
        while (at < from.length) at += await conn.write(from.subarray(at)).catch(fail);
      },
    });
    signal.throwIfAborted();
    // After this point nothing would report the end of the connection.
    if (isOver) throw toTransportError(new Error("Connection was closed while it was made"));
  } catch (error) {
    if (!signal.aborted) close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

function hasCertificate({ cert, key }: TlsOptions): boolean {
  return cert !== undefined || key !== undefined;
}

/**
 * Tells whether the options need Deno's `node:tls`, because Deno's own calls cannot do what they ask for: TLS inside TLS or over
 * a Unix socket, a client's certificate for another peer than the host, and TCP options with a certificate, or with a time.
 */
function needsNode(options: ConnectOptions): boolean {
  const { path, tunnel, tls, tunnelTls, noDelay, keepAlive = false } = options;
  if (typeof keepAlive === "number") return true;
  if (tls !== undefined && hasCertificate(tls) && (noDelay === true || keepAlive)) return true;
  if (tunnelTls !== undefined && hasCertificate(tunnelTls)) return true;
  if (tls === undefined) return false;
  return (
    path !== undefined || tunnelTls !== undefined || (tunnel !== undefined && hasCertificate(tls))
  );
}

/** Makes a tunnel that rejects the attempt itself, with its error unchanged. */
function telling(tunnel: Tunnel, attempt: PendingConnect): Tunnel {
  return async (stream) => {
    try {
      await tunnel(stream);
    } catch (error) {
      attempt.reject(error);
      throw error;
    }
  };
}

/** Connects, with all layers that the options ask for. */
async function openConn(
  options: ConnectOptions,
  tunnel: Tunnel | undefined,
  signal: AbortSignal,
): Promise<Opened> {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  const { hostname, port, path, tls, tunnelTls } = options;
  if (tls !== undefined && hasCertificate(tls)) return connectTls(options, tls, signal);
  const address = path === undefined ? { hostname, port } : { transport: "unix" as const, path };
  let opened: Opened = { conn: await Deno.connect({ ...address, signal }) };
  setTcp(opened.conn, options);
  if (tunnelTls !== undefined) opened = await startTls(opened.conn, hostname, tunnelTls, signal);
  if (tunnel !== undefined) await runTunnel(opened.conn, tunnel, signal);
  if (tls !== undefined) opened = await startTls(opened.conn, hostname, tls, signal);
  return opened;
}

/**
 * Connects with `Deno.connect`, and with `Deno.startTls` if there are TLS options. It needs `--allow-net`; for a Unix socket
 * `--allow-read` and `--allow-write`.
 *
 * With a client's certificate, `Deno.connectTls` is used: then `serverName` cannot differ from the host, Nagle's algorithm stays
 * on, and after an abort the socket is closed only when the TCP connection exists. Deno cannot cancel a TLS handshake that the
 * peer does not answer: an abort rejects at once, but the socket stays until the peer closes it. What Deno's own calls cannot do
 * is done by its `node:net` and `node:tls`: TLS over a Unix socket, TLS inside TLS, a client's certificate behind a tunnel or
 * with `noDelay` or `keepAlive`, and a `keepAlive` in milliseconds.
 *
 * @param attach Called once with the connected transport. It must set the handler of the transport before it returns; its
 * result becomes the result of the promise.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws {TypeError} This is another runtime.
 * @throws The error of the tunnel; the signal's reason, if it is aborted.
 */
export function connectTransport<Result>(
  options: ConnectOptions,
  attach: (transport: Transport) => Result,
): Promise<Result> {
  const error = otherRuntimeError("Deno");
  if (error !== undefined) return Promise.reject(error);
  const { tunnel } = options;
  if (needsNode(options)) return connectNodeTransport(options, attach);
  const begin = (attempt: PendingConnect, checked: ConnectOptions): (() => void) => {
    // Deno accepts only its own signals.
    const abort = new AbortController();
    openConn(checked, tunnel && telling(tunnel, attempt), abort.signal)
      .then(({ conn, handshake }) => {
        attempt.succeed(new DenoTransport(conn, { tcp: options, handshake }));
      })
      .catch((error: unknown) => {
        attempt.fail(error);
      });
    return () => {
      abort.abort();
    };
  };
  return connecting(options, attach, begin, denoClientTls);
}
