import {
  accepted,
  binary,
  type Case,
  close,
  continuation,
  fails,
  frame,
  type FrameParts,
  header,
  open,
  type Outcome,
  ping,
  row,
  session,
  text,
} from "../support.ts";

/** Section F of the battery: the headers of frames. */

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** Rows that send each kind of frame with the same fault. */
function each(id: string, name: string, parts: FrameParts, outcome: Outcome): Case[] {
  return Object.entries(opcodes).map(([kind, opcode]) =>
    row(`${id} ${kind}`, name, session(frame(opcode, "", parts)), outcome),
  );
}

const unmasked: FrameParts = { masked: false };
const maskRequired = fails(1002, "MASK_REQUIRED");
const reservedBit = fails(1002, "RSV_NOT_ZERO");

const masks: Case[] = [
  ...each("F-99", "an unmasked frame", unmasked, maskRequired),
  row("F-99a", "an unmasked text with a payload", session(text("Hi", unmasked)), maskRequired),
  row(
    "F-99b",
    "an unmasked header whose payload does not come",
    session(header(1, 5, unmasked)),
    maskRequired,
  ),
  row(
    "F-99c",
    "an unmasked text behind a masked one",
    session(text("1"), text("2", unmasked)),
    fails(1002, "MASK_REQUIRED", { messages: ["1"] }),
  ),
  row(
    "F-99d",
    "an unmasked ping inside a message",
    session(text("1", open), ping("a", unmasked)),
    maskRequired,
  ),
  row(
    "F-99e",
    "an unmasked frame with a good one behind it",
    session(text("1", unmasked), text("2")),
    maskRequired,
  ),
];

const bits: Case[] = [
  ...each("F-101", "RSV1", { rsv: 4 }, reservedBit),
  ...each("F-102", "RSV2", { rsv: 2 }, reservedBit),
  ...each("F-102", "RSV3", { rsv: 1 }, reservedBit).map((c) => ({ ...c, id: `${c.id} 3` })),
  ...each("F-102", "all reserved bits", { rsv: 7 }, reservedBit).map((c) => ({
    ...c,
    id: `${c.id} all`,
  })),
  row(
    "F-101a",
    "RSV1, before the payload comes",
    session(header(1, 1000, { rsv: 4 })),
    reservedBit,
  ),
  row(
    "F-103",
    "RSV1 on a ping behind a message",
    session(text("1"), ping("a", { rsv: 4 })),
    fails(1002, "RSV_NOT_ZERO", { messages: ["1"] }),
  ),
  row(
    "F-104",
    "RSV1 on a continuation",
    session(text("1", open), continuation("2", { rsv: 4 })),
    reservedBit,
  ),
  row("F-104a", "RSV1 on the first fragment", session(text("1", { ...open, rsv: 4 })), reservedBit),
];

const reservedOpcode = fails(1002, "OPCODE_RESERVED");

const reserved: Case[] = [
  ...[3, 4, 5, 6, 7].map((opcode) =>
    row(
      `F-105 0x${opcode}`,
      "a reserved data opcode, before its payload comes",
      session(header(opcode, 1000)),
      reservedOpcode,
    ),
  ),
  ...[0xb, 0xc, 0xd, 0xe, 0xf].map((opcode) =>
    row(
      `F-106 0x${opcode.toString(16)}`,
      "a reserved control opcode",
      session(header(opcode, 5)),
      reservedOpcode,
    ),
  ),
  row("F-105a", "a reserved opcode that is not final", session(frame(3, "", open)), reservedOpcode),
  row(
    "F-105b",
    "a reserved opcode inside a message",
    session(text("1", open), frame(3)),
    reservedOpcode,
  ),
  row(
    "F-105c",
    "a reserved opcode with a length past the limit",
    session(header(3, 2n ** 40n)),
    reservedOpcode,
  ),
];

const controlOpcodes = [8, 9, 10];

const control: Case[] = [
  ...controlOpcodes.flatMap((opcode) => [
    row(
      `F-107 0x${opcode.toString(16)}`,
      "a control frame that is not final",
      session(frame(opcode, "", open)),
      fails(1002, "CONTROL_NOT_FINAL"),
    ),
    row(
      `F-108 0x${opcode.toString(16)} 126`,
      "a control frame of 126 bytes, before they come",
      session(header(opcode, 126)),
      fails(1002, "CONTROL_TOO_LONG"),
    ),
    row(
      `F-108 0x${opcode.toString(16)} 65536`,
      "a control frame of 65536 bytes, before they come",
      session(header(opcode, 65_536)),
      fails(1002, "CONTROL_TOO_LONG"),
    ),
    row(
      `F-109 0x${opcode.toString(16)} 16`,
      "a control frame with a 16-bit length of 2",
      session(frame(opcode, "ab", { form: 16 })),
      fails(1002, "LENGTH_NOT_MINIMAL"),
    ),
    row(
      `F-109 0x${opcode.toString(16)} 64`,
      "a control frame with a 64-bit length of 2",
      session(frame(opcode, "ab", { form: 64 })),
      fails(1002, "LENGTH_NOT_MINIMAL"),
    ),
    row(
      `F-109 0x${opcode.toString(16)} 0`,
      "a control frame with a 16-bit length of 0",
      session(frame(opcode, "", { form: 16 })),
      fails(1002, "LENGTH_NOT_MINIMAL"),
    ),
  ]),
  row(
    "F-107a",
    "a ping with a payload that is not final",
    session(ping("a", open)),
    fails(1002, "CONTROL_NOT_FINAL"),
  ),
  row(
    "F-108a",
    "a ping of 125 bytes",
    session(ping("a".repeat(125))),
    accepted({ replies: [`pong ${JSON.stringify("a".repeat(125))}`] }),
  ),
  row("F-108b", "an empty ping", session(ping()), accepted({ replies: ['pong ""'] })),
];

const longest = binary("ab", { form: 64 });

const cut: Case[] = [
  row(
    "F-116",
    "a header of 14 bytes",
    session(longest, longest),
    accepted({ messages: [new Uint8Array([97, 98]), new Uint8Array([97, 98])] }),
  ),
  ...Array.from({ length: 13 }, (_, i) =>
    row(
      `F-117 ${i + 1}`,
      `the end of the stream behind ${i + 1} of 14 header bytes`,
      session(text("Hi"), longest.slice(0, i + 1)),
      accepted({ messages: ["Hi"] }),
    ),
  ),
  row("F-117a", "the end of the stream behind a header", session(longest.slice(0, 14)), accepted()),
  row(
    "F-117b",
    "the end of the stream inside a payload",
    session(longest.slice(0, 15)),
    accepted(),
  ),
  row(
    "F-117c",
    "the end of the stream inside a ping",
    session(ping("abc").slice(0, 8)),
    accepted(),
  ),
  row("F-117d", "the end of the stream between fragments", session(text("a", open)), accepted()),
  row(
    "F-117e",
    "the end of the stream inside a close",
    session(close(1000, "bye").slice(0, 9)),
    accepted(),
  ),
];

export const frameCases: readonly Case[] = [...masks, ...bits, ...reserved, ...control, ...cut];
