/**
 * Counters of what a connection or a server has done.
 *
 * @module
 */

import type { Traffic } from "../endpoint/traffic.ts";

/** Counters of one direction. */
export interface TrafficCounters {
  /** Number of complete messages. */
  readonly messages: number;
  /** Bytes of these messages, as the application has them (not compressed). */
  readonly payload: number;
  /** Number of frames, including control frames. */
  readonly frames: number;
  /** Bytes on the wire, without the overhead of TLS. */
  readonly bytes: number;
  /** `payload` divided by `bytes`: above 1 if compression helps; 0 before the first byte. */
  readonly ratio: number;
}

/** Counters of a connection, at the time of asking. */
export interface Counters {
  /** What the peer has sent. */
  readonly received: TrafficCounters;
  /** What this side has sent. */
  readonly sent: TrafficCounters;
  /** Number of unsent bytes. */
  readonly queued: number;
  /** Messages that were dropped, by the overflow policy "drop" or because the receiver was slow. */
  readonly dropped: number;
  /** Milliseconds between the last keepalive ping and its pong; undefined before the first pong. */
  readonly roundTripTime: number | undefined;
}

/** Counters of a server. */
export interface ServerCounters {
  /** Connections that are open or closing. */
  readonly open: number;
  /** Handshakes under way. */
  readonly opening: number;
  /** Connections that were opened since the server began. */
  readonly opened: number;
  /** Handshakes that were refused. */
  readonly refused: number;
  /** What all connections have received, including those that are over. */
  readonly received: TrafficCounters;
  /** What all connections have sent, including those that are over. */
  readonly sent: TrafficCounters;
  /** Number of unsent bytes of all connections. */
  readonly queued: number;
  /** Messages that were dropped, of all connections. */
  readonly dropped: number;
}

/** Copies the counters of one direction, and adds the ratio. */
export function countersOf({ messages, payload, frames, bytes }: Traffic): TrafficCounters {
  return { messages, payload, frames, bytes, ratio: bytes === 0 ? 0 : payload / bytes };
}

/** Adds one connection's counters to a sum. */
export function addTraffic(sum: Traffic, { messages, payload, frames, bytes }: Traffic): void {
  sum.messages += messages;
  sum.payload += payload;
  sum.frames += frames;
  sum.bytes += bytes;
}
