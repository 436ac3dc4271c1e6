/**
 * Messages that are encoded once for many connections.
 *
 * @module
 */

import { PreparedMessage } from "../../endpoint/prepared.ts";
import { type Binary, toBytes } from "../data.ts";

/** How a message is sent. */
export interface SendOptions {
  /** Whether it may be compressed, where the connection compresses. Default: true. */
  readonly compress?: boolean | undefined;
}

/**
 * Prepares a message for many connections: it is encoded once, and compressed once for all connections that compress
 * alike.
 *
 * Where a connection keeps its window, a prepared message makes it begin a new one.
 *
 * @param data A string is sent as text, bytes as binary; they are copied.
 * @throws {TypeError} `data` is neither.
 */
export function prepareMessage(data: string | Binary, options: SendOptions = {}): PreparedMessage {
  const { compress = true } = options;
  return new PreparedMessage(typeof data === "string" ? data : toBytes(data), compress);
}

/** Prepares data that is not prepared yet. @throws {TypeError} It is neither text nor bytes. */
export function prepared(data: string | Binary | PreparedMessage): PreparedMessage {
  return data instanceof PreparedMessage ? data : prepareMessage(data);
}
