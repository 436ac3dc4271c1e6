/**
 * Options of `ws` 8 with its defaults, and what the core is told of them.
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
  /** Whether several messages may be told in one turn of the event loop. Default: true. */
  allowSynchronousEvents?: boolean | undefined;
  /** Whether pings are answered. Default: true. */
  autoPong?: boolean | undefined;
  /** Milliseconds for the closing handshake. Default: 30 000; with `safe` 10 000. */
  closeTimeout?: number | undefined;
  /** Ignored: chunks are not kept, so that their number needs no limit. */
  maxBufferedChunks?: number | undefined;
  /** Frames of one message, 0 for no limit; 1008 beyond. Default: 16 384. */
  maxFragments?: number | undefined;
  /** Bytes of one message, 0 for no limit; 1009 beyond. Default: 100 MiB; with `safe` 16 MiB. */
  maxPayload?: number | undefined;
  /** Ignored: of the pings that come while more than 4 KiB are unsent only the last one is answered. */
  maxPendingAutoPongs?: number | undefined;
  /** Ignored: UTF-8 is always checked, while text is read. */
  skipUTF8Validation?: boolean | undefined;
  /** Compression. Default: true on a client, false on a server. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /**
   * Framewire's own defaults in place of those of `ws`: messages of 16 MiB, 16 MiB of unsent bytes before a slow peer is dropped, 10 s
   * for the closing handshake; a server refuses pages of other origins that come with a user's cookies or Authorization, unless
   * there is a `verifyClient`; a client takes no header along to another host. Default: false.
   */
  safe?: boolean | undefined;
}

/** Options of a client; what is not named here goes to `http.request` as it is. */
export interface ClientOptions extends CommonOptions, SecureContextOptions {
  /** Makes the connection's socket, as for `http.request`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- several signatures are in use
  createConnection?: ((...values: any[]) => any) | undefined;
  /** Is called with each request before it is sent, and has to end it. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a WebSocket, which is declared behind this
  finishRequest?: ((request: ClientRequest, websocket: any) => void) | undefined;
  /** Whether redirects are followed. Default: false. */
  followRedirects?: boolean | undefined;
  /** Ignored: masks are random (RFC 6455, 5.3). */
  generateMask?: ((mask: Buffer) => void) | undefined;
  /** Milliseconds for the opening handshake, anew for each redirect. Default: no limit. */
  handshakeTimeout?: number | undefined;
  /** Redirects that are followed. Default: 10. */
  maxRedirects?: number | undefined;
  /** Value of the Origin header. Default: none is sent. */
  origin?: string | undefined;
  /** Value of Sec-WebSocket-Version, 8 or 13. Default: 13. */
  protocolVersion?: number | undefined;
  /** Subprotocols, where they are not the second argument. */
  protocols?: string | string[] | undefined;
  /** Headers of the request. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as loosely as http.request takes them
  headers?: Record<string, any> | undefined;
  /** As for `http.request`: keeps connections, or leads through a proxy. */
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
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as for tls.connect
  checkServerIdentity?: ((servername: string, certificate: any) => any) | undefined;
  /** Credentials, such as "user:password". */
  auth?: string | null | undefined;
  /** Lookup, as for `net.connect`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as for net.connect
  lookup?: ((...values: any[]) => void) | undefined;
}

/** Decides about a request at once. */
export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (info: {
  origin: string;
  secure: boolean;
  req: Request;
}) => boolean;

/** Decides about a request later. */
export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
  info: { origin: string; secure: boolean; req: Request },
  callback: (
    verified: boolean,
    code?: number,
    message?: string,
    headers?: OutgoingHttpHeaders,
  ) => void,
) => void;

/** A class of connections, as a server makes them. */
export interface WebSocketClass<Socket> {
  /** Makes one that is not open yet. */
  new (address: null, protocols: undefined, options: object): Socket;
}

/** Options of a server: exactly one of `port`, `server` and `noServer`. */
export interface ServerOptions<Socket = unknown> extends CommonOptions {
  /** Connections that the system may hold before they are accepted. Default: 511. */
  backlog?: number | undefined;
  /** Whether `clients` has all connections. Default: true. */
  clientTracking?: boolean | undefined;
  /** Chooses one of the subprotocols offered. Default: the first one. */
  handleProtocols?: (protocols: Set<string>, request: IncomingMessage) => string | false;
  /** Address to listen on, with `port`. Default: all. */
  host?: string | undefined;
  /** Whether `handleUpgrade` is called by somebody else. Default: false. */
  noServer?: boolean | undefined;
  /** The only path that is served. Default: all. */
  path?: string | undefined;
  /** Port to listen on, by an HTTP server of its own. */
  port?: number | undefined;
  /** An HTTP server whose `upgrade` events are taken. */
  server?: Server | HttpsServer | undefined;
  /** Decides about each request: at once, or with a second parameter by calling that. */
  verifyClient?: VerifyClientCallbackSync | VerifyClientCallbackAsync | undefined;
  /** Class of the connections. Default: WebSocket. */
  WebSocket?: WebSocketClass<Socket> | undefined;
}

/** Bytes of one message, where nothing else is said. */
const largestMessage = 100 * 1024 * 1024;

/** Gives what the core is told, for connections that use an extension, or none. */
export function connectionOptions(
  options: CommonOptions,
  extensions: readonly Extension[],
): ConnectionOptions {
  const { safe = false } = options;
  const defaults = safe ? {} : { maxPayload: largestMessage, closeTimeout: 30_000 };
  const { maxPayload, maxFragments, closeTimeout } = { ...defaults, ...withoutUndefined(options) };
  return {
    maxMessageSize: maxPayload,
    // The frame of a message counts as the message does.
    maxFrameSize: maxPayload,
    maxFragments,
    closeTimeout,
    maxBufferedAmount: safe ? undefined : Infinity,
    // `send` and `close` behind it: the answer is still told.
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
