/**
 * What a connection or a server has done, in numbers.
 *
 * @module
 */

import type { Traffic } from "../endpoint/traffic.ts";

/** What went one way. */
export interface TrafficCounters {
  /** Messages that were complete. */
  readonly messages: number;
  /** Bytes of those messages, as the application has them. */
  readonly payload: number;
  /** Frames, control frames included. */
  readonly frames: number;
  /** Bytes on the wire, below TLS. */
  readonly bytes: number;
  /** Bytes of messages for each byte on the wire: above 1 where compression pays; 0 before the first. */
  readonly ratio: number;
}

/** Counters of a connection, as they were when they were asked for. */
export interface Counters {
  /** What the peer has sent. */
  readonly received: TrafficCounters;
  /** What this side has sent. */
  readonly sent: TrafficCounters;
  /** Bytes that wait for the network. */
  readonly queued: number;
  /** Messages that were dropped, by the policy "drop" or as a slow receiver's. */
  readonly dropped: number;
  /** Milliseconds from the last keepalive ping to its pong; undefined before the first. */
  readonly roundTripTime: number | undefined;
}

/** Counters of a server. */
export interface ServerCounters {
  /** Connections that are open, or closing. */
  readonly open: number;
  /** Handshakes under way. */
  readonly opening: number;
  /** Connections that were opened since the server began. */
  readonly opened: number;
  /** Handshakes that were refused. */
  readonly refused: number;
  /** What was received on all connections, those that are over included. */
  readonly received: TrafficCounters;
  /** What was sent on all of them, likewise. */
  readonly sent: TrafficCounters;
  /** Bytes that wait for the network, over all connections. */
  readonly queued: number;
  /** Messages that were dropped, over all connections. */
  readonly dropped: number;
}

/** Copies what has been counted. */
export function countersOf({ messages, payload, frames, bytes }: Traffic): TrafficCounters {
  return { messages, payload, frames, bytes, ratio: bytes === 0 ? 0 : payload / bytes };
}

/** Adds what a connection has counted. */
export function addTraffic(sum: Traffic, { messages, payload, frames, bytes }: Traffic): void {
  sum.messages += messages;
  sum.payload += payload;
  sum.frames += frames;
  sum.bytes += bytes;
}
