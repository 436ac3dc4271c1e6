/**
 * permessage-deflate (RFC 7692): parameters, negotiation, and the compression of messages on a connection. It needs an engine,
 * such as that of `framewire/zlib`.
 *
 * @module framewire/flate
 */

export { type Clock, type Deadline, Deadlines } from "../clock.ts";
export type {
  Context,
  Deflater,
  DeflaterSettings,
  Engine,
  Inflater,
  InflaterSettings,
} from "./engine.ts";
export { Helper, type HelperOptions } from "./helpers.ts";
export { isCompressed, MessageState, setBit, unsetBit } from "./message.ts";
export { acceptOffer, checkAnswer, type FlateSide, flateSides, Negotiator } from "./negotiate.ts";
export {
  AnyWindowBits,
  defaultParameters,
  ExtensionName,
  isWindowBitsDefined,
  MaxLZ77WindowSize,
  type Parameters,
  parametersOption,
  parseAnswer,
  parseOffer,
  type WindowBits,
  windowSize,
} from "./parameters.ts";
export { type CompressionOptions, PermessageDeflate } from "./permessage-deflate.ts";
export { FlateReader, type FlateReaderOptions } from "./reader.ts";
export { type FlateDest, FlateWriter, type FlateWriterOptions } from "./writer.ts";
