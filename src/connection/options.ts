/**
 * What a connection may be told, with its defaults.
 *
 * @module
 */

import type { Deadlines } from "../clock.ts";
import {
  defaultMessageLimits,
  type MessageLimits,
  type PartialLimits,
  resolveLimits,
} from "../endpoint/limits.ts";
import type { Extension } from "../extension/extension.ts";
import type { Engine } from "../flate/engine.ts";
import { type CompressionOptions, PermessageDeflate } from "../flate/permessage-deflate.ts";

/** Options of a connection. For the numbers, 0 or Infinity means no limit. */
export interface ConnectionOptions extends PartialLimits<MessageLimits> {
  /** Unsent bytes up to which `send` resolves at once. Default: 256 KiB. */
  readonly highWaterMark?: number | undefined;
  /**
   * Unsent bytes that a connection may hold. A message that would pass it, where others are still unsent, is rejected
   * with `TOO_MUCH_BUFFERED`, and the connection is dropped. Default: 16 MiB.
   */
  readonly maxBufferedAmount?: number | undefined;
  /** Milliseconds for the closing handshake; then the connection is dropped. Default: 10 000. */
  readonly closeTimeout?: number | undefined;
  /** Refuses data frames whose length is not minimally encoded. Default: false. */
  readonly strictLength?: boolean | undefined;
  /**
   * Hands bytes of messages to `message` as they lie, valid until it returns, rather than copies. Default: false.
   */
  readonly borrow?: boolean | undefined;
  /**
   * Compresses messages where the peer can do so too (permessage-deflate, RFC 7692); `true` stands for the defaults of
   * {@link CompressionOptions}. Default: false.
   */
  readonly compression?: boolean | CompressionOptions | undefined;
  /** Other extensions that are agreed to. Default: none. */
  readonly extensions?: readonly Extension[] | undefined;
}

/** Limits of a connection beside those of its messages. */
export interface FlowLimits {
  readonly highWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly closeTimeout: number;
}

/** {@link ConnectionOptions} with nothing left open. */
export interface ConnectionSettings extends FlowLimits {
  readonly messages: MessageLimits;
  readonly strictLength: boolean;
  readonly borrow: boolean;
}

/** The limits in force where none are given. */
export const defaultFlowLimits: FlowLimits = {
  highWaterMark: 256 * 1024,
  maxBufferedAmount: 16 * 1024 ** 2,
  closeTimeout: 10_000,
};

/**
 * Fills in defaults.
 *
 * @throws {RangeError} A number is not a whole number from 0 on, or Infinity.
 */
export function resolveConnectionOptions(options: ConnectionOptions): ConnectionSettings {
  return {
    ...resolveLimits<FlowLimits>(options, defaultFlowLimits),
    messages: resolveLimits<MessageLimits>(options, defaultMessageLimits),
    strictLength: options.strictLength ?? false,
    borrow: options.borrow ?? false,
  };
}

/**
 * Gives the extensions that connections may use.
 *
 * @param engine What compresses where the options name nothing else.
 * @throws {TypeError} Compression is wanted, and there is no engine.
 * @throws {RangeError} An option of compression is out of its range.
 */
export function resolveExtensions(
  { compression = false, extensions = [] }: ConnectionOptions,
  engine: Engine | undefined,
  deadlines: Deadlines,
): readonly Extension[] {
  if (compression === false) return extensions;
  const options = compression === true ? {} : compression;
  return [
    new PermessageDeflate({ deadlines, ...options, engine: options.engine ?? engine }),
    ...extensions,
  ];
}
