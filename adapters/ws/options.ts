/**
 * The options of `ws` 8 with its defaults, and their conversion to the core's options.
 *
 * @module
 */

import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders, Server } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { SecureContextOptions } from "node:tls";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import type { Extension } from "../../src/extension/extension.ts";
import { newBuffer } from "./data.ts";
import type { PerMessageDeflateOptions } from "./deflate.ts";

/** Options of both sides. */
export interface CommonOptions {
  /** Whether several events may be emitted in one turn of the event loop. Default: true. */
  allowSynchronousEvents?: boolean | undefined;
  /** Whether pings are answered. Default: true. */
  autoPong?: boolean | undefined;
  /** Milliseconds for the closing handshake. Default: 30 000; with `safe` 10 000. */
  closeTimeout?: number | undefined;
  /** Ignored: chunks are not kept, so that their number needs no limit. */
  maxBufferedChunks?: number | undefined;
  /** Frames of one message; more lead to 1008. 0 for no limit. Default: 16 384. */
  maxFragments?: number | undefined;
  /** Bytes of one message; more lead to 1009. 0 for no limit. Default: 100 MiB; with `safe` 16 MiB. */
  maxPayload?: number | undefined;
  /** Ignored: while more than 4 KiB are unsent, only the last ping is answered. */
  maxPendingAutoPongs?: number | undefined;
  /** Ignored: UTF-8 is always checked, while text is read. */
  skipUTF8Validation?: boolean | undefined;
  /** Compression. Default: true on a client, false on a server. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /**
   * Uses framewire's own defaults instead of those of `ws`: messages of 16 MiB, 16 MiB of unsent bytes before a slow peer is
   * dropped, 10 s for the closing handshake. A server refuses pages of other origins that send a user's cookies or Authorization,
   * unless there is a `verifyClient`; a client sends no header along to another host. Default: false.
   */
  safe?: boolean | undefined;
}

/** Options of a client. Options that are not named here go to `http.request` unchanged. */
export interface ClientOptions extends CommonOptions, SecureContextOptions {
  /** Makes the connection's socket, as for `http.request`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- several signatures are in use
  createConnection?: ((...values: any[]) => any) | undefined;
  /** Called with each request before it is sent; it must end the request. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a WebSocket, whose class is declared elsewhere
  finishRequest?: ((request: ClientRequest, websocket: any) => void) | undefined;
  /** Whether redirects are followed. Default: false. */
  followRedirects?: boolean | undefined;
  /** Ignored: masks are random (RFC 6455, 5.3). */
  generateMask?: ((mask: Buffer) => void) | undefined;
  /** Milliseconds for the opening handshake; they begin again with each redirect. Default: no limit. */
  handshakeTimeout?: number | undefined;
  /** Redirects that are followed, at most. Default: 10. */
  maxRedirects?: number | undefined;
  /** Value of the Origin header. Default: none is sent. */
  origin?: string | undefined;
  /** Value of Sec-WebSocket-Version, 8 or 13. Default: 13. */
  protocolVersion?: number | undefined;
  /** Subprotocols, if they are not the second argument. */
  protocols?: string | string[] | undefined;
  /** Headers of the request. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as loosely as http.request takes them
  headers?: Record<string, any> | undefined;
  /** As for `http.request`: it keeps connections, or connects through a proxy. */
  agent?: Agent | false | undefined;
  /** As for `net.connect`. */
  localAddress?: string | undefined;
  /** As for `net.connect`. */
  family?: number | undefined;
  /** As for `tls.connect`. */
  rejectUnauthorized?: boolean | undefined;
  /** As for `tls.connect`. */
  servername?: string | undefined;
  /** As for `tls.connect`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as for tls.connect
  checkServerIdentity?: ((servername: string, certificate: any) => any) | undefined;
  /** Credentials, such as "user:password". */
  auth?: string | null | undefined;
  /** Looks up names, as for `net.connect`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as for net.connect
  lookup?: ((...values: any[]) => void) | undefined;
}

/** Decides about a request, synchronously. */
export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (info: {
  origin: string;
  secure: boolean;
  req: Request;
}) => boolean;

/** Decides about a request, by calling a function. */
export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
  info: { origin: string; secure: boolean; req: Request },
  callback: (
    verified: boolean,
    code?: number,
    message?: string,
    headers?: OutgoingHttpHeaders,
  ) => void,
) => void;

/** The class of a server's connections. */
export interface WebSocketClass<Socket> {
  /** Makes a connection that is not open yet. */
  new (address: null, protocols: undefined, options: object): Socket;
}

/** Options of a server: exactly one of `port`, `server` and `noServer`. */
export interface ServerOptions<Socket = unknown> extends CommonOptions {
  /** Connections that the system may hold before the server accepts them. Default: 511. */
  backlog?: number | undefined;
  /** Whether `clients` has all connections. Default: true. */
  clientTracking?: boolean | undefined;
  /** Chooses one of the offered subprotocols. Default: the first one. */
  handleProtocols?: (protocols: Set<string>, request: IncomingMessage) => string | false;
  /** Address to listen on, with `port`. Default: all. */
  host?: string | undefined;
  /** Whether the application calls `handleUpgrade` itself. Default: false. */
  noServer?: boolean | undefined;
  /** The only path that is served. Default: all. */
  path?: string | undefined;
  /** Port to listen on, with a new HTTP server. */
  port?: number | undefined;
  /** An HTTP server; the WebSocketServer handles its `upgrade` events. */
  server?: Server | HttpsServer | undefined;
  /** Decides about each request: by its result, or, if it has a second parameter, by calling that. */
  verifyClient?: VerifyClientCallbackSync | VerifyClientCallbackAsync | undefined;
  /** Class of the connections. Default: WebSocket. */
  WebSocket?: WebSocketClass<Socket> | undefined;
}

/** Bytes of one message, at most, by default. */
const largestMessage = 100 * 1024 * 1024;

/** Gives the core's options. @param extensions The extension in use, or none. */
export function connectionOptions(
  options: CommonOptions,
  extensions: readonly Extension[],
): ConnectionOptions {
  const { safe = false } = options;
  const defaults = safe ? {} : { maxPayload: largestMessage, closeTimeout: 30_000 };
  const { maxPayload, maxFragments, closeTimeout } = { ...defaults, ...withoutUndefined(options) };
  return {
    maxMessageSize: maxPayload,
    // A frame may be as large as a message.
    maxFrameSize: maxPayload,
    maxFragments,
    closeTimeout,
    maxBufferedAmount: safe ? undefined : Infinity,
    // After `close`, messages are still delivered, as in `ws`: an answer to the last message may still come.
    deliverAfterClose: true,
    autoPong: options.autoPong ?? true,
    textAs: "bytes",
    newBytes: newBuffer,
    unhandledErrors: "ignore",
    extensions,
  };
}

function withoutUndefined({
  maxPayload,
  maxFragments,
  closeTimeout,
}: CommonOptions): CommonOptions {
  return {
    ...(maxPayload === undefined ? {} : { maxPayload }),
    ...(maxFragments === undefined ? {} : { maxFragments }),
    ...(closeTimeout === undefined ? {} : { closeTimeout }),
  };
}
