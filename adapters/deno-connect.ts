/**
 * Connecting on Deno.
 *
 * @module
 */

import { TransportError } from "../src/errors.ts";
import type { ConnectOptions, TlsOptions, Transport } from "../src/transport.ts";
import { connecting } from "./connecting.ts";
import { type DenoConn, DenoTransport } from "./deno-transport.ts";

/** What is used of a `Deno.TlsConn` beside what a connection has. */
interface DenoTlsConn extends DenoConn {
  handshake(): Promise<unknown>;
}

interface DenoNamespace {
  connect(options: { port: number; hostname: string; signal: AbortSignal }): Promise<DenoConn>;
  connectTls(options: TlsOptions & { port: number; hostname: string }): Promise<DenoTlsConn>;
  startTls(conn: DenoConn, options: TlsOptions & { hostname: string }): Promise<DenoTlsConn>;
}

/** Does the TLS handshake; the connection is closed where that fails or `signal` is aborted. */
async function shakeHands(conn: DenoTlsConn, signal: AbortSignal): Promise<DenoConn> {
  const close = (): void => {
    conn.close();
  };
  if (signal.aborted) close();
  signal.addEventListener("abort", close);
  try {
    await conn.handshake();
    signal.throwIfAborted();
    return conn;
  } catch (cause) {
    if (!signal.aborted) close();
    throw new TransportError("TLS_FAILED", { cause });
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Connects, then does TLS: this way a certificate may be for another name than the host's. */
async function openTls(
  { hostname, port }: ConnectOptions,
  { serverName = hostname, ca, cert, key, ...rest }: TlsOptions,
  signal: AbortSignal,
): Promise<DenoConn> {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  const options = ca === undefined ? rest : { ...rest, caCerts: [ca].flat() };
  if (cert !== undefined || key !== undefined) {
    // `startTls` takes no certificate of the client's, and `connectTls` no other name.
    if (serverName !== hostname) {
      throw new TypeError("Deno takes a client's certificate only where serverName is the host");
    }
    return shakeHands(await Deno.connectTls({ ...options, hostname, port, cert, key }), signal);
  }
  const tcp = await Deno.connect({ hostname, port, signal });
  tcp.setNoDelay?.(true);
  let conn: DenoTlsConn;
  try {
    conn = await Deno.startTls(tcp, { ...options, hostname: serverName });
  } catch (cause) {
    tcp.close();
    throw new TransportError("TLS_FAILED", { cause });
  }
  return shakeHands(conn, signal);
}

/**
 * Connects with `Deno.connect`, and `Deno.startTls` where there are TLS options; it needs `--allow-net`.
 *
 * With a client's certificate, `Deno.connectTls` is used: then `serverName` cannot differ from the host, Nagle's
 * algorithm stays on, and what is aborted before the TCP connection stands is closed as soon as it does. Deno cannot take
 * back a TLS handshake that the peer does not answer: an abort rejects at once, but the socket stays until the peer goes.
 *
 * @param attach Called once with the connected transport; it sets the transport's handler before it returns, and its
 * result is what the promise is resolved with.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
 */
export function connectTransport<Result>(
  options: ConnectOptions,
  attach: (transport: Transport) => Result,
): Promise<Result> {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  const { hostname, port, tls } = options;
  return connecting(options.signal, attach, (attempt) => {
    // Deno knows its own signals alone.
    const abort = new AbortController();
    const opening =
      tls === undefined
        ? Deno.connect({ hostname, port, signal: abort.signal })
        : openTls(options, tls, abort.signal);
    opening
      .then((conn) => {
        attempt.succeed(new DenoTransport(conn));
      })
      .catch((error: unknown) => {
        attempt.fail(error);
      });
    return () => {
      abort.abort();
    };
  });
}
