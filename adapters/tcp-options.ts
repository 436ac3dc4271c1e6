/**
 * Sets the options of TCP connections, on all runtimes: `noDelay` and `keepAlive`.
 *
 * @module
 */

import type { TcpOptions } from "../src/transport.ts";

/** A socket with the methods for these options; a socket that is not TCP has no such methods. */
export interface TcpSocket {
  /** Switches Nagle's algorithm off, or on again. */
  setNoDelay?(noDelay: boolean): unknown;
  /** Switches the system's own probes on or off. */
  setKeepAlive?(keepAlive: boolean, milliseconds: number): unknown;
}

/** The longest silence that Linux accepts, in milliseconds. */
const longestSilence = 32_767_000;

/** @throws {RangeError} `keepAlive` is a number that the runtimes would change or refuse. */
export function checkTcp({ keepAlive }: TcpOptions): void {
  if (typeof keepAlive !== "number" || (keepAlive >= 1000 && keepAlive <= longestSilence)) return;
  throw new RangeError(
    `keepAlive must be true, false, or from 1000 to ${longestSilence} milliseconds: ${keepAlive}`,
  );
}

/** Sets the options of a socket. */
export function setTcp(
  socket: TcpSocket,
  { noDelay = true, keepAlive = false }: TcpOptions = {},
): void {
  socket.setNoDelay?.(noDelay);
  // 0 means the system's own time on all runtimes.
  if (keepAlive !== false) socket.setKeepAlive?.(true, keepAlive === true ? 0 : keepAlive);
}
