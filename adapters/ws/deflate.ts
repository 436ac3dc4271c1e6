/**
 * Makes the core's permessage-deflate from the options of `ws` (RFC 7692).
 *
 * @module
 */

import type { Extension } from "../../src/extension/extension.ts";
import { PermessageDeflate } from "../zlib/index.ts";

/** The options of zlib that are used. */
export interface DeflateLevels {
  /** 0 (stored) to 9 (smallest), or -1 for zlib's default. Default: 6. */
  level?: number | undefined;
  /** Memory for a block, 1 to 9. Default: 8. */
  memLevel?: number | undefined;
}

/** Options of compression. Options that are not named here are ignored. */
export interface PerMessageDeflateOptions {
  /** Whether the server begins each message with an empty window. Default: false. */
  serverNoContextTakeover?: boolean | undefined;
  /** Whether the client begins each message with an empty window. Default: false. */
  clientNoContextTakeover?: boolean | undefined;
  /** Base-2 logarithm of the server's window, 8 to 15. Default: 15. */
  serverMaxWindowBits?: number | undefined;
  /** Base-2 logarithm of the client's window, 8 to 15. Default: 15. */
  clientMaxWindowBits?: number | undefined;
  /** zlib's `level` and `memLevel`. Default: 6 and 8, as in zlib. */
  zlibDeflateOptions?: DeflateLevels | undefined;
  /** Ignored. */
  zlibInflateOptions?: object | undefined;
  /** Bytes from which a message is compressed. Default: 1024. */
  threshold?: number | undefined;
  /** Ignored: large messages are compressed in slices, and one limit holds for the memory of all. */
  concurrencyLimit?: number | undefined;
}

/** The extension for all servers and clients whose option is only `true`. */
let usual: Extension | undefined;

/** Extensions by the object of options, so that all connections with the same object share a budget of memory. */
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
    // -1 stands for zlib's default.
    level: level < 0 ? 6 : level,
    memLevel,
    threshold,
  });
}

/**
 * Gives the extension for the option `perMessageDeflate`; undefined if it is off.
 *
 * @throws {RangeError} A number is out of range.
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
