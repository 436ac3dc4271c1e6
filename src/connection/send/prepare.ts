/**
 * Messages that are encoded once for many connections.
 *
 * @module
 */

import { boolean, checkOptions, type OptionTable } from "../../check-options.ts";
import { PreparedMessage } from "../../endpoint/prepared.ts";
import { type Binary, toBytes } from "../data.ts";

/** How a message is sent. */
export interface SendOptions {
  /** Whether it may be compressed, where the connection compresses. Default: true. */
  readonly compress?: boolean | undefined;
}

const sendTable: OptionTable<SendOptions> = { compress: boolean };

/**
 * Gives whether a message may be compressed. Called for each message that is sent with options.
 *
 * @throws {TypeError} An option is not known, or of a wrong type.
 */
export function mayCompress(options: SendOptions): boolean {
  checkOptions(options, sendTable);
  return options.compress !== false;
}

/**
 * Prepares a message for many connections: it is encoded once, and compressed once for all connections that compress
 * alike.
 *
 * Where a connection keeps its window, a prepared message makes it begin a new one.
 *
 * @param data A string is sent as text, bytes as binary; they are copied.
 * @throws {TypeError} `data` is neither; an option is not known, or of a wrong type.
 */
export function prepareMessage(data: string | Binary, options: SendOptions = {}): PreparedMessage {
  const compress = mayCompress(options);
  return new PreparedMessage(typeof data === "string" ? data : toBytes(data), compress);
}

/** Prepares data that is not prepared yet. @throws {TypeError} It is neither text nor bytes. */
export function prepared(data: string | Binary | PreparedMessage): PreparedMessage {
  return data instanceof PreparedMessage ? data : prepareMessage(data);
}
