/**
 * The options of a client's opening handshake, and their checks.
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

/** Where `netDial` must connect. */
export interface NetDialOptions {
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /** Aborts when the dialing is given up. */
  readonly signal: Signal;
}

/** Options of a `Dialer`. */
export interface DialerOptions {
  /** Subprotocols to offer, the preferred one first. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /**
   * Extensions to offer, the preferred one first. An `Extension` is used if the server accepts it; the stream has the parts that
   * a Reader and a Writer need. An `Option` is only offered: if the server accepts it, the caller must apply it. Default: none.
   */
  readonly extensions?: readonly (Extension | Option)[] | undefined;
  /** Headers of the request, in addition to those of the handshake. Default: none. */
  readonly header?: GivenHeaders | undefined;
  /** Value of the Host header. Default: the URL's host. */
  readonly host?: string | undefined;
  /** Milliseconds for TCP, TLS and handshake together; 0 or Infinity: no limit. Default: 30 000. */
  readonly timeout?: number | undefined;
  /** Size of the read buffer in bytes. The stream uses it after the handshake, too. Default: 4096. */
  readonly readBufferSize?: number | undefined;
  /** Limits of the response's head. Default: 16 KiB and 128 headers. */
  readonly headLimits?: Partial<HeadLimits> | undefined;
  /**
   * Called with a response whose status is not 101. Then dialing fails with that status.
   *
   * @param response The head and at most 1 MiB of the body, decoded. Valid until the callback returns or its promise settles.
   */
  readonly onStatusError?:
    | ((status: number, reason: string, response: Uint8Array) => Awaitable<void>)
    | undefined;
  /**
   * Gets each header of the response that does not belong to the handshake, as views (see Upgrader). If it throws, dialing fails.
   */
  readonly onHeader?: ((name: Uint8Array, value: Uint8Array) => Awaitable<void>) | undefined;
  /** Connects instead of the runtime's TCP, for example through a proxy or in memory. For wss you also need `tlsClient`. */
  readonly netDial?: ((options: NetDialOptions) => Awaitable<ByteStream>) | undefined;
  /** Does TLS on a connected stream, instead of the runtime's TLS. */
  readonly tlsClient?:
    | ((stream: ByteStream, hostname: string) => Awaitable<ByteStream>)
    | undefined;
  /** Options for the runtime's TLS. */
  readonly tlsOptions?: TlsOptions | undefined;
  /** Wraps the connected stream, after TLS and before the first byte, for example to count or to trace bytes. */
  readonly wrapConn?: ((stream: ByteStream) => Awaitable<ByteStream>) | undefined;
  /** The runtime's TCP and TLS. An adapter's `dial` sets this option. */
  readonly connect?: ((options: ConnectOptions) => Promise<ByteStream>) | undefined;
  /** The source of time. Default: one timer for all dialers. */
  readonly deadlines?: Deadlines | undefined;
}

/** Options of one call of `dial`. */
export interface DialOptions {
  /** Gives up when this signal aborts. Has no effect after the call has returned the stream. */
  readonly signal?: Signal | undefined;
}

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

/** The kinds of the options of `dial`: those of a Dialer, and those of one call. */
export const dialTable: OptionTable<DialerOptions & DialOptions> = /* @__PURE__ */ ((): OptionTable<
  DialerOptions & DialOptions
> => ({
  ...dialerTable,
  signal: signalKind,
}))();
