/**
 * The messages between nodes, as bytes. They go over the same broker as publications, on reserved topics. The first two bytes
 * tell them from the envelopes of publications.
 *
 * | bytes    | what                                                                                                  |
 * | -------- | ----------------------------------------------------------------------------------------------------- |
 * | 0 and 1  | 0x46 0x4e, "FN": this is a message between nodes                                                        |
 * | 2        | the version, 1                                                                                        |
 * | 3        | the kind, see `MessageKind`                                                                           |
 * | 4 to 19  | the node that sent it                                                                                 |
 * | 20 to 23 | bytes of the head, big-endian                                                                         |
 * | 24 on    | the head, a JSON object; after it the payload, which holds the application's data as it is            |
 *
 * | kind         | head                                                                                              |
 * | ------------ | ------------------------------------------------------------------------------------------------- |
 * | 1 here       | `age` of the sender in milliseconds, and its `info`                                               |
 * | 2 hello      | the same as "here"; each node that hears it answers with a "here"                                 |
 * | 3 bye        | `age` as above                                                                                    |
 * | 4 message    | `n`, a number that grows; `text`, whether the payload is a text                                   |
 * | 5 ask        | `n` and `text` likewise; `for`, the kind of question; `within`, milliseconds; perhaps `topic`     |
 * | 6 answer     | `n` of the question, and one of: `error`; `text` and the payload; `count`; `keys` and `more`      |
 * | 7 keys       | `topic`; `at`, the number of the change; `keys`. All keys: `full`, `part`, `last`. A change: `gone` |
 * | 8 mark       | `topic`; `at`, the number of the sender's last change in it                                       |
 * | 9 compare    | `topics`, each with the last known change; it asks for the keys of the topics that differ         |
 *
 * @module
 */

import { copy, encodeUtf8, noBytes, readUint32, viewOf, writeUint32 } from "../bytes.ts";

/** The kind of a message, see the table above. */
export type MessageKind =
  | "here"
  | "hello"
  | "bye"
  | "message"
  | "ask"
  | "answer"
  | "keys"
  | "mark"
  | "compare";

/** The kinds in the order of their numbers, from 1 on. */
const kinds: readonly MessageKind[] = [
  "here",
  "hello",
  "bye",
  "message",
  "ask",
  "answer",
  "keys",
  "mark",
  "compare",
];

/** The fields of a message. In a message that has come, any field may be wrong: check each where it is used. */
export type Head = Readonly<Record<string, unknown>>;

/** A message between nodes. */
export interface NodeMessage {
  readonly kind: MessageKind;
  /** The id of the node that sent it, 32 hexadecimal digits. */
  readonly sender: string;
  readonly head: Head;
  /** A view on the bytes that have come. */
  readonly payload: Uint8Array;
}

const magic = 0x46_4e;
/** The version that this code writes, and the only one that it reads. */
const version = 1;
const senderAt = 4;
const senderSize = 16;
const sizeAt = 20;
const headAt = 24;

/** Encodes a message into new memory. */
export function encodeMessage(
  kind: MessageKind,
  sender: string,
  head: Head,
  payload: Uint8Array = noBytes,
): Uint8Array {
  const json = encodeUtf8(JSON.stringify(head));
  const bytes = new Uint8Array(headAt + json.length + payload.length);
  bytes[0] = magic >>> 8;
  bytes[1] = magic & 0xff;
  bytes[2] = version;
  bytes[3] = kinds.indexOf(kind) + 1;
  for (let at = 0; at < senderSize; at++) {
    bytes[senderAt + at] = parseInt(sender.slice(2 * at, 2 * at + 2), 16);
  }
  writeUint32(bytes, sizeAt, json.length);
  copy(bytes, headAt, json, 0, json.length);
  copy(bytes, headAt + json.length, payload, 0, payload.length);
  return bytes;
}

/** Decodes a message. @returns Undefined if the bytes cannot be read as a message. Never throws, whatever the bytes are. */
export function decodeMessage(bytes: Uint8Array): NodeMessage | undefined {
  if (bytes.length < headAt || bytes[0] !== magic >>> 8 || bytes[1] !== (magic & 0xff)) {
    return undefined;
  }
  const kind = kinds[bytes[3] - 1];
  const end = headAt + readUint32(bytes, sizeAt);
  if (bytes[2] !== version || kind === undefined || end > bytes.length) return undefined;
  const head = parseHead(viewOf(bytes, headAt, end));
  if (head === undefined) return undefined;
  let sender = "";
  for (let at = senderAt; at < senderAt + senderSize; at++) {
    sender += bytes[at].toString(16).padStart(2, "0");
  }
  return { kind, sender, head, payload: viewOf(bytes, end, bytes.length) };
}

const decoder: TextDecoder = /* @__PURE__ */ new TextDecoder("utf-8", {
  fatal: true,
  ignoreBOM: true,
});

function parseHead(bytes: Uint8Array): Head | undefined {
  try {
    const head: unknown = JSON.parse(decoder.decode(bytes));
    return typeof head === "object" && head !== null && !Array.isArray(head)
      ? (head as Head)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Gives a payload as the head says: a text, or a copy of the bytes. @returns Undefined if the text is not valid UTF-8. */
export function contentOf({ head, payload }: NodeMessage): string | Uint8Array | undefined {
  if (head.text !== true) return new Uint8Array(payload);
  try {
    return decoder.decode(payload);
  } catch {
    return undefined;
  }
}

/** Gives a field that should be a text; an empty text if it is not one. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Tells whether a field is a whole number, 0 or more. */
export function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
