/**
 * permessage-deflate as `ws` is told of it, by the core's (RFC 7692).
 *
 * @module
 */

import type { Extension } from "../../src/extension/extension.ts";
import { PermessageDeflate } from "../zlib/index.ts";

/** Of zlib's options those that are used. */
export interface DeflateLevels {
  /** 0 (stored) to 9 (smallest), or -1 for zlib's own. Default: 6. */
  level?: number | undefined;
  /** Memory for a block, 1 to 9. Default: 8. */
  memLevel?: number | undefined;
}

/** How messages are compressed. What is not named here is ignored. */
export interface PerMessageDeflateOptions {
  /** Whether the server begins each message with an empty window. Default: false. */
  serverNoContextTakeover?: boolean | undefined;
  /** Whether the client does. Default: false. */
  clientNoContextTakeover?: boolean | undefined;
  /** Base-2 logarithm of the server's window, 8 to 15. Default: 15. */
  serverMaxWindowBits?: number | undefined;
  /** Base-2 logarithm of the client's window, 8 to 15. Default: 15. */
  clientMaxWindowBits?: number | undefined;
  /** Of zlib's options `level` and `memLevel`. Default: 6 and 8, zlib's own. */
  zlibDeflateOptions?: DeflateLevels | undefined;
  /** Ignored. */
  zlibInflateOptions?: object | undefined;
  /** Bytes from which a message is compressed. Default: 1024. */
  threshold?: number | undefined;
  /** Ignored: large messages are compressed in slices, and the memory of all has one limit. */
  concurrencyLimit?: number | undefined;
}

/** One for all that say no more than `true`. */
let usual: Extension | undefined;

/** By the object of options, so that all connections of one share a budget of memory. */
const known = new WeakMap<object, Extension>();

function bits(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function newExtension(options: PerMessageDeflateOptions): Extension {
  const { serverNoContextTakeover, clientNoContextTakeover, threshold = 1024 } = options;
  const { level = 6, memLevel = 8 } = options.zlibDeflateOptions ?? {};
  return new PermessageDeflate({
    serverNoContextTakeover,
    clientNoContextTakeover,
    serverMaxWindowBits: bits(options.serverMaxWindowBits),
    clientMaxWindowBits: bits(options.clientMaxWindowBits) ?? 15,
    // zlib's own default is -1.
    level: level < 0 ? 6 : level,
    memLevel,
    threshold,
  });
}

/**
 * Gives the extension for the option `perMessageDeflate`; undefined where it is off.
 *
 * @throws {RangeError} A number is out of its range.
 */
export function deflateOf(
  option: boolean | PerMessageDeflateOptions | undefined | null,
): Extension | undefined {
  if (!option) return undefined;
  if (option === true) return (usual ??= newExtension({}));
  let extension = known.get(option);
  if (extension === undefined) known.set(option, (extension = newExtension(option)));
  return extension;
}
