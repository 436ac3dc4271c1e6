/**
 * Messages that are encoded once for many connections, and the options of a send.
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
  /** Whether the message may be compressed, if the connection uses compression. Default: true. */
  readonly compress?: boolean | undefined;
  /**
   * Whether bytes are UTF-8 that is sent as text: `true` checks them, "trusted" does not. If they are not valid UTF-8, the peer
   * ends the connection (1007). Default: false, bytes are sent as binary.
   */
  readonly text?: boolean | "trusted" | undefined;
}

/**
 * Called once: when the system has taken the message, or with the error for which it will not be sent. The option
 * `unhandledErrors` says what happens to an error that it throws.
 */
export type SentCallback = (error?: Error) => void;

/** How a message is sent. */
export interface SendOptions extends PrepareOptions {
  /**
   * Called when the system has taken the message, in the order of the sends. Called with a `ClosedError` if the connection ends
   * before that, or with a `LimitError` if the message was dropped. Never called inside `send`. It does not delay the message.
   * The peer need not have the message yet. Default: none.
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

/**
 * Checks the options of a message. Called for each send with options. @throws {TypeError} An option is unknown, or of a wrong
 * type.
 */
export function checkSendOptions(options: SendOptions): void {
  checkOptions(options, sendTable);
}

/**
 * Tells whether bytes are sent as text.
 *
 * @throws {TypeError} They are not UTF-8, and `text` is not "trusted".
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
 * Checks the option `text` for a string or a prepared message, whose type is already known.
 *
 * @throws {TypeError} `text` contradicts that type.
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
 * Prepares a message for many connections. It is encoded once, and compressed once for all connections with the same compression.
 *
 * If a connection keeps its compression window, a prepared message makes it begin a new one.
 *
 * @param data A string is sent as text. Bytes are sent as binary, or as text with the option `text`; they are copied.
 * @throws {TypeError} `data` is neither a string nor bytes, or `text` is set and it is not UTF-8; an option is unknown, or of a
 * wrong type.
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

/** Prepares data, unless it is already prepared. @throws {TypeError} It is neither a string nor bytes. */
export function prepared(data: string | Binary | PreparedMessage): PreparedMessage {
  return data instanceof PreparedMessage ? data : prepareMessage(data);
}
