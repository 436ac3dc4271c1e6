import {
  accepted,
  binary,
  type Row,
  close,
  continuation,
  fails,
  frame,
  type FrameParts,
  header,
  only,
  open,
  type Outcome,
  part,
  type Piece,
  ping,
  type Role,
  roles,
  row,
  session,
  text,
} from "../support.ts";

/** Section F of the battery: the headers of frames. */

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** Rows that send each kind of frame with the same fault. */
function each(id: string, name: string, parts: FrameParts, outcome: Outcome, more = ""): Row[] {
  return Object.entries(opcodes).map(([kind, opcode]) =>
    row(`${id} ${kind}${more}`, name, session(frame(opcode, "", parts)), outcome),
  );
}

const wrongMask: FrameParts = { wrongMask: true };

/** Frames that are not masked where they must be, or are where they must not. */
function maskRows(role: Role, id: string, how: string, code: string): Row[] {
  const fault = fails(1002, code);
  const wrong = (letter: string, name: string, ...pieces: readonly Piece[]): Row =>
    row(`${id}${letter}`, name, only(role, session(...pieces)), fault);
  return [
    ...Object.entries(opcodes).map(([kind, opcode]) =>
      wrong(` ${kind}`, `${how} frame`, frame(opcode, "", wrongMask)),
    ),
    wrong("a", `${how} text with a payload`, text("Hi", wrongMask)),
    wrong("b", `${how} header whose payload does not come`, header(1, 5, wrongMask)),
    row(
      `${id}c`,
      `${how} text behind one as it should be`,
      only(role, session(text("1"), text("2", wrongMask))),
      fails(1002, code, { messages: ["1"] }),
    ),
    wrong("d", `${how} ping inside a message`, text("1", open), ping("a", wrongMask)),
    wrong("e", `${how} frame with a good one behind it`, text("1", wrongMask), text("2")),
  ];
}

const reservedBit = fails(1002, "RSV_NOT_ZERO");

const masks: Row[] = [
  ...maskRows("server", "F-99", "an unmasked", "MASK_REQUIRED"),
  ...maskRows("client", "F-100", "a masked", "MASK_UNEXPECTED"),
];

const bits: Row[] = [
  ...each("F-101", "RSV1", { rsv: 4 }, reservedBit),
  ...each("F-102", "RSV2", { rsv: 2 }, reservedBit),
  ...each("F-102", "RSV3", { rsv: 1 }, reservedBit, " 3"),
  ...each("F-102", "all reserved bits", { rsv: 7 }, reservedBit, " all"),
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

const reserved: Row[] = [
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

const control: Row[] = [
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
/** Bytes of its header. */
const longestHeader: Readonly<Record<Role, number>> = { server: 14, client: 10 };

/** The end of the stream inside of something. */
function endBehind(id: string, name: string, ...pieces: readonly Piece[]): Row {
  return row(id, `the end of the stream ${name}`, session(...pieces), accepted());
}

const cut: Row[] = [
  row(
    "F-116",
    "headers of the longest form",
    session(longest, longest),
    accepted({ messages: [new Uint8Array([97, 98]), new Uint8Array([97, 98])] }),
  ),
  ...roles.flatMap((role) =>
    Array.from({ length: longestHeader[role] - 1 }, (_, i) =>
      row(
        `F-117 ${i + 1}`,
        `the end of the stream behind ${i + 1} of ${longestHeader[role]} header bytes`,
        only(role, session(text("Hi"), part(longest, i + 1))),
        accepted({ messages: ["Hi"] }),
      ),
    ),
  ),
  endBehind("F-117a", "behind a header", part(longest, -2)),
  endBehind("F-117b", "inside a payload", part(longest, -1)),
  endBehind("F-117c", "inside a ping", part(ping("abc"), -1)),
  endBehind("F-117d", "between fragments", text("a", open)),
  endBehind("F-117e", "inside a close", part(close(1000, "bye"), -2)),
];

export const frameCases: readonly Row[] = [...masks, ...bits, ...reserved, ...control, ...cut];
