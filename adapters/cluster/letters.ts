/**
 * The letters between a process and the relay in its parent. The application's own messages use the same channel. Only letters
 * have the fields `framewire` and `node`.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/**
 * A channel between two processes. In the parent: a child of `fork`, or of `spawn` with "ipc", or a worker of `node:cluster`. In
 * the child: its own `process`.
 */
export interface ClusterChannel {
  /** Whether the channel is open. */
  readonly connected?: boolean | undefined;
  /** Sends a message, and calls `done` when it is written or has failed. Absent if a process has no channel to its parent. */
  send?(message: object, done: (error: Error | null) => void): boolean;
  /** Adds a listener for "message" or "disconnect"; for a child, also for "exit". */
  on(event: string, listener: (message: unknown) => void): unknown;
  /** Removes a listener. */
  off(event: string, listener: (message: unknown) => void): unknown;
}

/** An envelope in a letter: bytes, or base64 if the channel carries JSON. */
export type CarriedEnvelope = Uint8Array | string;

/** A letter from a server to the relay. `node` is the server's id. `call` counts the server's requests, from 1 on. */
export type ServerLetter =
  | { readonly framewire: "join"; readonly node: string; readonly probe: Uint8Array }
  | {
      readonly framewire: "publish";
      readonly node: string;
      readonly call: number;
      readonly topic: string;
      readonly envelope: CarriedEnvelope;
    }
  | {
      readonly framewire: "subscribe" | "unsubscribe";
      readonly node: string;
      readonly call: number;
      readonly topic: string;
    }
  | { readonly framewire: "leave"; readonly node: string; readonly call: number };

/** A letter from the relay to a server, whose id is `node`. */
export type RelayLetter =
  /** The relay knows the server now. `bytes`: the channel carries bytes unchanged. */
  | { readonly framewire: "joined"; readonly node: string; readonly bytes: boolean }
  /** The relay has handled all letters up to this number. */
  | { readonly framewire: "done"; readonly node: string; readonly call: number }
  | {
      readonly framewire: "message";
      readonly node: string;
      readonly topic: string;
      readonly envelope: CarriedEnvelope;
    }
  /** The server was too slow, and has lost messages of these topics. */
  | { readonly framewire: "gap"; readonly node: string; readonly topics: readonly string[] };

/** Tells whether a message of a channel is a letter. */
export function isLetter(message: unknown): message is ServerLetter | RelayLetter {
  const { framewire, node } = (message ?? {}) as Partial<ServerLetter>;
  return typeof framewire === "string" && typeof node === "string";
}

/** Gives an envelope in the form that a channel carries: bytes or base64. */
export function toCarry(envelope: CarriedEnvelope, asBytes: boolean): CarriedEnvelope {
  if (asBytes) return toBytes(envelope);
  if (typeof envelope === "string") return envelope;
  const { buffer, byteOffset, byteLength } = envelope;
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

/** Gives the bytes of an envelope. */
export function toBytes(envelope: CarriedEnvelope): Uint8Array {
  return typeof envelope === "string" ? Buffer.from(envelope, "base64") : envelope;
}
