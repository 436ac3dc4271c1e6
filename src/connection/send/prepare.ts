/**
 * Messages that are encoded once for many connections.
 *
 * @module
 */

import { boolean, callback, checkOptions, type OptionTable } from "../../check-options.ts";
import { PreparedMessage } from "../../endpoint/prepared.ts";
import { type TextCodec, webText } from "../../frame/text-codec.ts";
import { isUtf8 } from "../../frame/utf8.ts";
import { type Binary, toBytes } from "../data.ts";

/** How a message is prepared. */
export interface PrepareOptions {
  /** Whether it may be compressed, where the connection compresses. Default: true. */
  readonly compress?: boolean | undefined;
  /**
   * Whether bytes are a text's UTF-8, and are sent as text: `true` checks them, "trusted" takes your word. A peer ends the connection
   * (1007) for what is no UTF-8. Default: false, they are binary.
   */
  readonly text?: boolean | "trusted" | undefined;
}

/**
 * Is called once, when a message was handed to the system, or with the error for which it never will be. What it throws is told as the
 * option `unhandledErrors` says.
 */
export type SentCallback = (error?: Error) => void;

/** How a message is sent. */
export interface SendOptions extends PrepareOptions {
  /**
   * Is called once the system has taken the message, in the order of such sends; with a `ClosedError` where the connection ends before, or with
   * the `LimitError` for which the message was dropped. Never inside of `send`. It holds nothing up: messages leave together as ever. What
   * the system has taken the peer need not have got.
   */
  readonly sent?: SentCallback | undefined;
}

const prepareTable: OptionTable<PrepareOptions> = {
  compress: boolean,
  text: {
    expected: 'true, false or "trusted"',
    is: (value) => boolean.is(value) || value === "trusted",
  },
};

const sendTable: OptionTable<SendOptions> = /* @__PURE__ */ ((): OptionTable<SendOptions> => ({
  ...prepareTable,
  sent: callback,
}))();

/** Checks options of a message. Called for each one that is sent with options. @throws {TypeError} */
export function checkSendOptions(options: SendOptions): void {
  checkOptions(options, sendTable);
}

/**
 * Tells whether bytes are to be sent as text.
 *
 * @throws {TypeError} They are no UTF-8, and are not trusted.
 */
export function isTextOf(
  bytes: Uint8Array,
  { text = false }: PrepareOptions,
  codec: TextCodec,
): boolean {
  if (text === true && !isUtf8(bytes, 0, bytes.length, codec)) {
    throw new TypeError("data is not valid UTF-8: it cannot be sent as text");
  }
  return text !== false;
}

/**
 * Refuses `text` beside what is text, or is not, by itself.
 *
 * @throws {TypeError} A string is to be sent as binary, or a prepared message as something else than it is.
 */
export function checkTextOption(data: string | PreparedMessage, { text }: PrepareOptions): void {
  if (text === undefined || (typeof data === "string" && text !== false)) return;
  throw new TypeError(
    typeof data === "string"
      ? "A string is sent as text: give bytes to send binary"
      : "A prepared message is text or binary by itself: give text to prepareMessage()",
  );
}

/**
 * Prepares a message for many connections: it is encoded once, and compressed once for all connections that compress
 * alike.
 *
 * Where a connection keeps its window, a prepared message makes it begin a new one.
 *
 * @param data A string is sent as text, bytes as binary, unless `text` says that they are text; they are copied.
 * @throws {TypeError} `data` is neither, or not the UTF-8 that `text` says it is; an option is not known, or of a wrong type.
 */
export function prepareMessage(
  data: string | Binary,
  options: PrepareOptions = {},
): PreparedMessage {
  checkOptions(options, prepareTable);
  const compress = options.compress !== false;
  if (typeof data === "string") {
    checkTextOption(data, options);
    return new PreparedMessage(data, compress);
  }
  const bytes = toBytes(data);
  return new PreparedMessage(bytes, compress, isTextOf(bytes, options, webText));
}

/** Prepares data that is not prepared yet. @throws {TypeError} It is neither text nor bytes. */
export function prepared(data: string | Binary | PreparedMessage): PreparedMessage {
  return data instanceof PreparedMessage ? data : prepareMessage(data);
}
