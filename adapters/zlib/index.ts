/**
 * permessage-deflate's engine, made of the zlib of Node, Deno and Bun, and the classes that compress, with that engine as the
 * default.
 *
 * The classes have the same names and members as those of `framewire/flate`, but `engine` may be left out.
 *
 * @example
 * import { Upgrader } from "framewire/handshake";
 * import { PermessageDeflate } from "framewire/zlib";
 *
 * const upgrader = new Upgrader({ extensions: [new PermessageDeflate()] });
 *
 * @module framewire/zlib
 */

import type { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { Engine } from "../../src/flate/engine.ts";
import { Helper as BaseHelper, type HelperOptions } from "../../src/flate/helpers.ts";
import {
  type CompressionOptions,
  PermessageDeflate as BasePermessageDeflate,
} from "../../src/flate/permessage-deflate.ts";
import { FlateReader as BaseFlateReader, type FlateReaderOptions } from "../../src/flate/reader.ts";
import { FlateWriter as BaseFlateWriter, type FlateWriterOptions } from "../../src/flate/writer.ts";
import type { Frame } from "../../src/frame/frame.ts";
import type { Awaitable, ByteReader, ByteWriter } from "../../src/io/byte-stream.ts";
import { zlibEngine } from "./engine.ts";

export {
  bestWay,
  dictionariesWork,
  oneShotWorks,
  type OneShotZlib,
  openStreamsWork,
  type Zlib,
  zlibEngine,
  type ZlibOptions,
  type ZlibWay,
} from "./engine.ts";

/** Options in which `engine` may be left out. Default: `zlibEngine()`. */
export type EngineOptional<Options extends Pick<FlateReaderOptions, "engine">> = Omit<
  Options,
  "engine"
> & {
  /** The DEFLATE engine. Default: `zlibEngine()`. */
  readonly engine?: Engine | undefined;
};

function withEngine<Options extends { readonly engine?: Engine | undefined }>(
  options: Options,
): Options & { readonly engine: Engine } {
  return { ...options, engine: options.engine ?? zlibEngine() };
}

/**
 * permessage-deflate with the runtime's zlib, for the connections of a server or client; one object serves all connections.
 *
 * @example
 * const stream = await dial("wss://example.org/feed", { extensions: [new PermessageDeflate()] });
 * const reader = new Reader(stream, stream.state, { extensions: stream.recvExtensions });
 *
 * @see RFC 7692
 */
export class PermessageDeflate extends BasePermessageDeflate {
  /** @throws {RangeError} An option is out of range. */
  constructor(options: CompressionOptions = {}) {
    super(withEngine(options));
  }
}

/**
 * Compresses and decompresses whole messages and frames with the runtime's zlib, each independently.
 *
 * @see gobwas wsflate.Helper, DefaultHelper
 */
export class Helper extends BaseHelper {
  /** @throws {RangeError} An option is out of range. */
  constructor(options: EngineOptional<HelperOptions> = {}) {
    super(withEngine(options));
  }
}

/**
 * Decompresses what it reads, with the runtime's zlib.
 *
 * @see gobwas wsflate.NewReader
 */
export class FlateReader extends BaseFlateReader {
  /**
   * @param source Gives the compressed message: as a rule a Reader.
   * @throws {RangeError} An option is out of range.
   */
  constructor(source: ByteReader, options: EngineOptional<FlateReaderOptions> = {}) {
    super(source, withEngine(options));
  }
}

/**
 * Compresses what is written to it, with the runtime's zlib.
 *
 * @see gobwas wsflate.NewWriter
 */
export class FlateWriter extends BaseFlateWriter {
  /**
   * @param dest Takes the compressed message: as a rule a Writer.
   * @throws {RangeError} An option is out of range.
   */
  constructor(dest: ByteWriter, options: EngineOptional<FlateWriterOptions> = {}) {
    super(dest, withEngine(options));
  }
}

/** Made at the first use. Nothing of a message stays in it, so that calls do not influence each other. */
let helper: Helper | undefined;

/**
 * Compresses a frame that is a whole message, with a window of 15 bits. For peers that agreed to a smaller window, make a
 * {@link Helper} with `windowBits`.
 *
 * @param into Takes the payload, which is valid until `into` is filled again. Default: a new buffer, which the caller owns.
 * @returns A new frame, with RSV1 and the new length.
 * @throws As `Helper.compressFrame`.
 * @see gobwas wsflate.CompressFrame, CompressFrameBuffer
 */
export function compressFrame(frame: Frame, into?: BoundedBuffer): Awaitable<Frame> {
  return (helper ??= new Helper()).compressFrame(frame, into);
}

/**
 * Decompresses a frame that is a whole message, of up to 16 MiB. It returns a frame that is not compressed unchanged.
 *
 * @param into Takes the payload, which is valid until `into` is filled again. Default: a new buffer, which the caller owns.
 * @returns A new frame, without RSV1 and with the new length.
 * @throws As `Helper.decompressFrame`.
 * @see gobwas wsflate.DecompressFrame, DecompressFrameBuffer
 */
export function decompressFrame(frame: Frame, into?: BoundedBuffer): Awaitable<Frame> {
  return (helper ??= new Helper()).decompressFrame(frame, into);
}
