/**
 * Options of a client's opening handshake, and how they are checked.
 *
 * @module
 */

import {
  callback,
  deadlines,
  milliseconds,
  number,
  object,
  objects,
  type OptionTable,
  signal as signalKind,
  text,
  texts,
} from "../../check-options.ts";
import type { Deadlines } from "../../clock.ts";
import type { Extension } from "../../extension/extension.ts";
import { type GivenHeaders, headersKind } from "../../http/headers.ts";
import type { Option } from "../../http/option.ts";
import { headLimitsKind, type HeadLimits } from "../../http/parser.ts";
import type { Awaitable, ByteStream } from "../../io/byte-stream.ts";
import type { ConnectOptions, Signal, TlsOptions } from "../../transport.ts";

/** Where `netDial` is to connect to. */
export interface NetDialOptions {
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /** Aborted when the dialing is given up. */
  readonly signal: Signal;
}

/** Options of a `Dialer`. */
export interface DialerOptions {
  /** Subprotocols to offer, the one liked best first. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /**
   * Extensions to offer, the one liked best first. Of an Extension the stream has what a Reader and a Writer need; an
   * Option is only offered, and what the server has chosen of it is for the caller. Default: none.
   */
  readonly extensions?: readonly (Extension | Option)[] | undefined;
  /** Headers of the request beside the handshake's own. Default: none. */
  readonly header?: GivenHeaders | undefined;
  /** Value of the Host header. Default: the URL's host. */
  readonly host?: string | undefined;
  /** Milliseconds for the whole way, TCP, TLS and handshake; 0 or Infinity for no limit. Default: 30 000. */
  readonly timeout?: number | undefined;
  /** Bytes of the read buffer, which the stream goes on to use. Default: 4096. */
  readonly readBufferSize?: number | undefined;
  /** What the response's head may cost. Default: 16 KiB and 128 headers. */
  readonly headLimits?: Partial<HeadLimits> | undefined;
  /**
   * Told of a response with another status than 101 before dialing fails with it.
   *
   * @param response The head and up to 1 MiB of the body, decoded, valid until the callback is done.
   */
  readonly onStatusError?:
    ((status: number, reason: string, response: Uint8Array) => Awaitable<void>) | undefined;
  /** Gets each header of the response that is not the handshake's own; throwing ends the dialing. Views, as in Upgrader. */
  readonly onHeader?: ((name: Uint8Array, value: Uint8Array) => Awaitable<void>) | undefined;
  /** Connects, in place of the runtime's TCP: through a proxy, in memory. For wss `tlsClient` is needed beside it. */
  readonly netDial?: ((options: NetDialOptions) => Awaitable<ByteStream>) | undefined;
  /** Does TLS on a connected stream, in place of the runtime's. */
  readonly tlsClient?:
    ((stream: ByteStream, hostname: string) => Awaitable<ByteStream>) | undefined;
  /** Options of the runtime's TLS. */
  readonly tlsOptions?: TlsOptions | undefined;
  /** Wraps the connected stream, TLS included, before the first byte: to meter, to trace. */
  readonly wrapConn?: ((stream: ByteStream) => Awaitable<ByteStream>) | undefined;
  /** The runtime's TCP and TLS. The adapters' `dial` sets it. */
  readonly connect?: ((options: ConnectOptions) => Promise<ByteStream>) | undefined;
  /** Where time is kept. Default: one timer for all. */
  readonly deadlines?: Deadlines | undefined;
}

/** Options of one dialing. */
export interface DialOptions {
  /** Gives up when it is aborted; has no say once the stream is there. */
  readonly signal?: Signal | undefined;
}

/** What a Dialer takes. */
export const dialerTable: OptionTable<DialerOptions> = {
  protocols: texts,
  extensions: objects,
  header: headersKind,
  host: text,
  timeout: milliseconds,
  readBufferSize: number,
  headLimits: headLimitsKind,
  onStatusError: callback,
  onHeader: callback,
  netDial: callback,
  tlsClient: callback,
  tlsOptions: /* @__PURE__ */ object("an object such as { ca }"),
  wrapConn: callback,
  connect: callback,
  deadlines,
};

/** What `dial` takes: the options of a Dialer, and of one dialing. */
export const dialTable: OptionTable<DialerOptions & DialOptions> = /* @__PURE__ */ ((): OptionTable<
  DialerOptions & DialOptions
> => ({
  ...dialerTable,
  signal: signalKind,
}))();
