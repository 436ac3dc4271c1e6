/**
 * Takes WebSockets from existing servers of `node:http2`: by extended CONNECT, and by upgrades of HTTP/1.1 (RFC 8441).
 *
 * @module
 */

import { fieldOf, toUpgradeRequest } from "../../src/handshake/extended-connect.ts";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { EventServer, Listener, TcpOptions, Transport } from "../../src/transport.ts";
import { newServerListener, takeUpgrades } from "../http-server.ts";
import { type Http2Risk, refusalOfHttp2 } from "./risk.ts";
import { type Http2ServerStream, Http2ServerTransport } from "./transport.ts";

/** The members of an `Http2Server` or `Http2SecureServer` that are used beside its events. */
export interface Http2EventServer extends EventServer {
  updateSettings(settings: { enableConnectProtocol: boolean }): void;
  listenerCount(event: string): number;
}

/** A stream from the event `stream`. */
interface OpenedStream extends Http2ServerStream {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
}

/** The second value of the event `connect`, for a request of HTTP/2; for one of HTTP/1.1 it is a socket. */
interface Response {
  statusCode?: number;
  end(): unknown;
  destroy(): unknown;
}

const NoError = 0;
const methodNotAllowed = 405;
const notImplemented = 501;
const teaching = encodeUtf8(
  "Of the protocols of an extended CONNECT, websocket alone is spoken here\n",
);

function ignore(): void {}

/** Tells whether a server is one of `node:http2`. */
export function isHttp2Server(server: EventServer): server is Http2EventServer {
  return "updateSettings" in server;
}

/**
 * Takes the WebSockets of a server, over each version of HTTP; the server handles all other requests.
 *
 * Clients are told that they may open WebSockets (SETTINGS_ENABLE_CONNECT_PROTOCOL) on sessions that begin from now on.
 *
 * @throws {TypeError} HTTP/2 is off on this runtime, and `http2MayCrash` is not set.
 */
export function takeStreams(
  server: Http2EventServer,
  accept: (transport: Transport, bytes: Uint8Array) => void,
  options: TcpOptions & Http2Risk,
): Listener {
  const refusal = refusalOfHttp2(options);
  if (refusal !== undefined) throw refusal;
  const onStream = (
    stream: OpenedStream,
    _headers: unknown,
    _flags: unknown,
    rawHeaders: readonly string[],
  ): void => {
    const protocol = fieldOf(rawHeaders, ":protocol");
    if (protocol === undefined || stream.headersSent || stream.destroyed) return;
    if (protocol === "websocket") {
      accept(new Http2ServerTransport(stream), toUpgradeRequest(rawHeaders));
    } else refuse(stream);
  };
  // If there is a listener for `request` and none for `connect`, node:http2 itself answers every CONNECT with 405.
  const onConnect = (request: { headers: Record<string, unknown> }, response: Response): void => {
    if (request.headers[":protocol"] !== undefined || server.listenerCount("connect") > 1) return;
    if (!("statusCode" in response)) {
      response.destroy();
      return;
    }
    response.statusCode = methodNotAllowed;
    response.end();
  };
  server.updateSettings({ enableConnectProtocol: true });
  server.on("stream", onStream);
  server.on("connect", onConnect);
  const upgrades = takeUpgrades(server, accept, options);
  return newServerListener(server, () => {
    server.off("stream", onStream);
    server.off("connect", onConnect);
    void upgrades.close();
  });
}

/** "the server SHOULD respond to the request with a 501 (Not Implemented) status code" (RFC 9220, 3). */
function refuse(stream: OpenedStream): void {
  stream.on("error", ignore);
  stream.respond({ ":status": notImplemented, "content-type": "text/plain; charset=utf-8" });
  stream.write(teaching, ignore);
  stream.end();
  // "requesting that the client abort transmission of a request without error" (RFC 9113, 8.1)
  stream.close(NoError);
}
