/**
 * Connecting on Node.
 *
 * @module
 */

import { connect as connectTcp, isIP } from "node:net";
import { checkServerIdentity, connect as connectTls, type ConnectionOptions } from "node:tls";
import type { TransportCode } from "../src/errors.ts";
import type { ConnectOptions, TlsOptions, Transport } from "../src/transport.ts";
import { connecting } from "./connecting.ts";
import { NodeTransport } from "./node-transport.ts";

/** Puts TLS options as Node has them. Its own spellings, where they are given, win. */
function toNodeTls({ serverName, ...rest }: TlsOptions, hostname: string): ConnectionOptions {
  const name = serverName ?? hostname;
  return {
    // An address is not sent as SNI (RFC 6066, 3); the certificate has to be for it nevertheless.
    ...(isIP(name) === 0
      ? { servername: name }
      : {
          checkServerIdentity: (_: string, certificate) => checkServerIdentity(name, certificate),
        }),
    ...rest,
  } as ConnectionOptions;
}

/**
 * Connects with `net.connect`, and with `tls.connect` where there are TLS options.
 *
 * @param attach Called once with the connected transport; it sets the transport's handler before it returns, and its
 * result is what the promise is resolved with.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
 */
export function connectTransport<Result>(
  { hostname, port, tls, signal }: ConnectOptions,
  attach: (transport: Transport) => Result,
): Promise<Result> {
  return connecting(signal, attach, (attempt) => {
    const address = { host: hostname, port, allowHalfOpen: true };
    const socket =
      tls === undefined
        ? connectTcp(address)
        : connectTls({ ...toNodeTls(tls, hostname), ...address });
    let stage: TransportCode = "FAILED";
    const onError = (error: Error): void => {
      attempt.fail(error, stage);
    };
    socket.on("error", onError);
    socket.once("connect", () => {
      stage = "TLS_FAILED";
    });
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      attempt.succeed(new NodeTransport(socket));
      socket.off("error", onError);
    });
    return () => {
      socket.destroy();
    };
  });
}
