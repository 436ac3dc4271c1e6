/**
 * What goes between a process and the relay in its parent. The application's own messages go over the same channel: a letter is told
 * from them by its first field.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/**
 * A channel between two processes: a child of `fork` or of `spawn` with "ipc", a worker of `node:cluster`, or, in the child, its
 * own `process`.
 */
export interface ClusterChannel {
  /** Whether it is open. */
  readonly connected?: boolean | undefined;
  /** Sends a message, and tells when it has been written. Absent where a process has no channel to its parent. */
  send?(message: object, done: (error: Error | null) => void): boolean;
  /** Adds a listener: of "message" and "disconnect", of a child "exit", too. */
  on(event: string, listener: (message: unknown) => void): unknown;
  /** Takes it away. */
  off(event: string, listener: (message: unknown) => void): unknown;
}

/** An envelope on its way: bytes, or base64 where the channel carries JSON. */
export type CarriedEnvelope = Uint8Array | string;

/** What a server says to the relay. Its letters are numbered, from 1 on. */
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

/** What the relay says to a server: `node` is its id. */
export type RelayLetter =
  /** It is one of those that the relay knows. `bytes`: the channel carries bytes as they are. */
  | { readonly framewire: "joined"; readonly node: string; readonly bytes: boolean }
  /** All letters up to this number have been dealt with. */
  | { readonly framewire: "done"; readonly node: string; readonly call: number }
  | {
      readonly framewire: "message";
      readonly node: string;
      readonly topic: string;
      readonly envelope: CarriedEnvelope;
    }
  /** The server was too slow for messages of these topics. */
  | { readonly framewire: "gap"; readonly node: string; readonly topics: readonly string[] };

/** Tells a letter from whatever else comes over a channel. */
export function isLetter(message: unknown): message is ServerLetter | RelayLetter {
  const { framewire, node } = (message ?? {}) as Partial<ServerLetter>;
  return typeof framewire === "string" && typeof node === "string";
}

/** Gives an envelope in the form that a channel carries. */
export function toCarry(envelope: CarriedEnvelope, asBytes: boolean): CarriedEnvelope {
  if (asBytes) return toBytes(envelope);
  if (typeof envelope === "string") return envelope;
  const { buffer, byteOffset, byteLength } = envelope;
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

/** Gives an envelope's bytes. */
export function toBytes(envelope: CarriedEnvelope): Uint8Array {
  return typeof envelope === "string" ? Buffer.from(envelope, "base64") : envelope;
}
