import { deflateRawSync, constants } from "node:zlib";
import { zlibEngine } from "../../../adapters/zlib/engine.ts";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import {
  accepted,
  binary as plainBinary,
  continuation,
  fails,
  type FrameParts,
  hex,
  ping,
  type Row,
  row,
  sessionWith,
  type Setup,
  type SidedPiece,
  text as plainText,
} from "../support.ts";

/** Section J of the battery: permessage-deflate; rows 102 to 104 with it. */

/** One row, as other receivers than a connection can have it, too: see deflate.test.ts. */
export interface DeflateCase {
  readonly id: string;
  readonly name: string;
  /** What the peer is allowed, as an answer of a server: parameters of permessage-deflate. */
  readonly agreed: "" | "no-takeover" | "9 bits";
  readonly frames: readonly SidedPiece[];
  /** Bytes that a message may have. */
  readonly maxMessageSize?: number;
  /** The messages that come, and what the connection is failed with where it is. */
  readonly messages: readonly (string | Uint8Array)[];
  readonly failure?: readonly [status: number, code: string];
}

const compressed: FrameParts = { rsv: 4 };

/** Compresses as a peer does that does not flush but at the end. */
function z(data: string | Uint8Array, windowBits = 15): Uint8Array {
  const bytes = typeof data === "string" ? encodeUtf8(data) : data;
  const made = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, windowBits });
  return new Uint8Array(made.subarray(0, -4));
}

function text(payload: Uint8Array, parts: FrameParts = compressed): SidedPiece {
  return plainText(payload, parts);
}

function binary(payload: Uint8Array, parts: FrameParts = compressed): SidedPiece {
  return plainBinary(payload, parts);
}

function inFragments(payload: Uint8Array, count: number): SidedPiece[] {
  const size = Math.ceil(payload.length / count);
  return Array.from({ length: count }, (_, i) => {
    const piece = payload.subarray(i * size, (i + 1) * size);
    const fin = i === count - 1;
    return i === 0 ? binary(piece, { rsv: 4, fin }) : continuation(piece, { fin });
  });
}

const hello = hex("f248cdc9c90700");
/** Refers to a "Hello" before it. */
const again = hex("f200110000");
const garbage: readonly [number, string] = [1007, "INVALID_DEFLATE"];
const tooBig: readonly [number, string] = [1009, "MESSAGE_TOO_BIG"];
const MiB = 1024 ** 2;
const zeros = new Uint8Array(64 * 1024);

/** Bytes that do not repeat. */
function noise(length: number): Uint8Array {
  let state = 1;
  return new Uint8Array(length).map(() => {
    state = Math.imul(state, 1103515245) + 12345;
    return state >>> 16;
  });
}

/** A message of five bytes that lie `distance` back, 513 to 768, in a block of fixed codes (RFC 1951, 3.2.6). */
function reference(distance: number): Uint8Array {
  const extra = Array.from({ length: 8 }, (_, i) => ((distance - 513) >> i) & 1).join("");
  // Not the last block, fixed codes; length 5; distance 513 and what is added; end of block; an empty stored block.
  const bits = `0 10 0000011 10010 ${extra} 0000000 0 00`.replaceAll(" ", "");
  return Uint8Array.from(bits.match(/.{1,8}/g)!, (byte) =>
    [...byte].reduce((sum, bit, i) => sum | (Number(bit) << i), 0),
  );
}

/** A hundred bytes that come again after `distance` bytes. */
function twice(distance: number): Uint8Array {
  return concat([noise(distance), noise(100)]);
}

type Rest = Partial<Omit<DeflateCase, "id" | "name" | "frames">>;

function deflateCase(
  id: string,
  name: string,
  frames: readonly SidedPiece[],
  rest: Rest,
): DeflateCase {
  return { id, name, frames, agreed: "", messages: [], ...rest };
}

export const deflateRows: readonly DeflateCase[] = [
  deflateCase("J-152", "8 MiB of zeros, 1 MiB allowed", [binary(z(new Uint8Array(8 * MiB)))], {
    maxMessageSize: MiB,
    failure: tooBig,
  }),
  deflateCase("J-152b", "one byte too many", [binary(z(new Uint8Array(1001)))], {
    maxMessageSize: 1000,
    failure: tooBig,
  }),
  deflateCase("J-152c", "as many bytes as are allowed", [binary(z(new Uint8Array(1000)))], {
    maxMessageSize: 1000,
    messages: [new Uint8Array(1000)],
  }),
  deflateCase("J-153", "a bomb in fragments", inFragments(z(new Uint8Array(8 * MiB)), 20), {
    maxMessageSize: MiB,
    failure: tooBig,
  }),
  deflateCase(
    "J-153b",
    "many messages, each within its limit",
    Array.from({ length: 10 }, () => binary(z(zeros))),
    { maxMessageSize: zeros.length, messages: Array.from({ length: 10 }, () => zeros) },
  ),
  deflateCase("J-154", "more bytes on the wire than a message may have", [binary(z(noise(900)))], {
    maxMessageSize: 900,
    failure: tooBig,
  }),
  ...["ff ff ff ff", "07", "de ad be ef", "f2 48 cd c9 c9 07 00 ff", "02 00 00 00 ff"].map(
    (bytes) => deflateCase(`J-155 ${bytes}`, "garbage", [text(hex(bytes))], { failure: garbage }),
  ),
  ...[1, 2, 3, 4, 5].map((size) =>
    deflateCase(`J-156 ${size}`, "a block that is cut off", [text(hello.slice(0, size))], {
      failure: garbage,
    }),
  ),
  deflateCase("J-156b", "a dynamic block that is cut off", [binary(z(noise(400)).slice(0, 200))], {
    failure: garbage,
  }),
  deflateCase("J-156c", "a distance before the first byte", [text(again)], { failure: garbage }),
  deflateCase(
    "J-156d",
    "a distance beyond the window agreed upon, between messages",
    [binary(z(noise(2000), 9)), binary(reference(600))],
    { agreed: "9 bits", messages: [noise(2000)], failure: garbage },
  ),
  deflateCase(
    "J-156f",
    "the same distance within the window agreed upon",
    [binary(z(noise(2000), 9)), binary(reference(600))],
    { messages: [noise(2000), noise(2000).slice(1400, 1405)] },
  ),
  deflateCase(
    "J-156e",
    "a distance beyond the window agreed upon, inside a message",
    [binary(z(twice(2000)))],
    { agreed: "9 bits", failure: garbage },
  ),
  deflateCase("J-157", "an empty payload", [text(hex("")), text(hello)], {
    messages: ["", "Hello"],
  }),
  deflateCase("J-157b", "one byte 00", [text(hex("00")), text(hello)], { messages: ["", "Hello"] }),
  deflateCase(
    "J-158",
    "a last block, and a message behind it",
    [text(hex("f348cdc9c9070000")), text(again)],
    { messages: ["Hello", "Hello"] },
  ),
  deflateCase(
    "J-159",
    "blocks behind a last block",
    [text(hex("f348cdc9c90700 f348cdc9c90700 00")), text(again)],
    { messages: ["HelloHello", "Hello"] },
  ),
  deflateCase(
    "J-159b",
    "a tail that was left on",
    [text(hex("f248cdc9c907000000ffff")), text(again)],
    { messages: ["Hello", "Hello"] },
  ),
  deflateCase("J-160", "text that is not UTF-8", [text(z(hex("41 ff 41")))], {
    failure: [1007, "INVALID_UTF8"],
  }),
  deflateCase(
    "J-160b",
    "text that is not UTF-8, in a message that does not end",
    [text(concat([z(hex("41 ff 41")), hex("00 00 ff ff")]), { rsv: 4, fin: false })],
    { failure: [1007, "INVALID_UTF8"] },
  ),
  deflateCase(
    "J-161",
    "a reference to a message before, where no window is kept",
    [text(hello), text(again)],
    { agreed: "no-takeover", messages: ["Hello"], failure: garbage },
  ),
  deflateCase(
    "J-162",
    "messages without RSV1 between",
    [text(hello), text(encodeUtf8("plain"), {}), text(again)],
    { messages: ["Hello", "plain", "Hello"] },
  ),
  deflateCase("F-103z", "RSV1 on a control frame", [ping("p", compressed)], {
    failure: [1002, "RSV1_UNEXPECTED"],
  }),
  deflateCase(
    "F-104z",
    "RSV1 on a continuation",
    [text(hello.slice(0, 3), { rsv: 4, fin: false }), continuation(hello.slice(3), { rsv: 4 })],
    { failure: [1002, "RSV1_UNEXPECTED"] },
  ),
  ...[2, 1].map((rsv) =>
    deflateCase(`F-102z ${rsv}`, "RSV2 or RSV3", [text(hello, { rsv })], {
      failure: [1002, "RSV_NOT_ZERO"],
    }),
  ),
];

/** What each agreement is in the words of the handshake: in a client's offer, and in a server's answer. */
const parameters: Readonly<
  Record<DeflateCase["agreed"], readonly [offer: string, answer: string]>
> = {
  "": ["", ""],
  "no-takeover": [
    "; client_no_context_takeover; server_no_context_takeover",
    "; server_no_context_takeover",
  ],
  "9 bits": ["; client_max_window_bits=9", "; server_max_window_bits=9"],
};

/** What a server answers to be agreed upon. */
export function answerFor({ agreed }: DeflateCase): string {
  return `permessage-deflate${parameters[agreed][1]}`;
}

/** Setups are shared by cases that are alike. */
const setups = new Map<number | undefined, Setup>();

function setupOf(maxMessageSize: number | undefined): Setup {
  let setup = setups.get(maxMessageSize);
  if (setup === undefined) {
    const compression = { engine: zlibEngine() };
    setup = { options: { compression, ...(maxMessageSize && { maxMessageSize }) } };
    setups.set(maxMessageSize, setup);
  }
  return setup;
}

export const deflateCases: readonly Row[] = deflateRows.map((one) => {
  const { id, name, agreed, frames, maxMessageSize, messages, failure } = one;
  const line = "Sec-WebSocket-Extensions: ";
  return row(
    id,
    name,
    sessionWith(
      { more: [`${line}permessage-deflate${parameters[agreed][0]}`] },
      { more: [`${line}${answerFor(one)}`] },
      ...frames,
    ),
    failure === undefined ? accepted({ messages }) : fails(...failure, { messages }),
    setupOf(maxMessageSize),
  );
});
