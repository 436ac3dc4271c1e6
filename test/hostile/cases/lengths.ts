import {
  accepted,
  type Row,
  close,
  continuation,
  echoesClose,
  fails,
  header,
  hex,
  open,
  ping,
  pong,
  row,
  session,
  type Setup,
  text,
} from "../support.ts";

/** Section F of the battery: the lengths that frames declare. */

const strict: Setup = { options: { strictLength: true } };
const notMinimal = fails(1002, "LENGTH_NOT_MINIMAL");

/** Lengths, and forms that are longer than they need. */
const tooLongForms: [size: number, form: 16 | 64][] = [
  [0, 16],
  [2, 16],
  [125, 16],
  [0, 64],
  [2, 64],
  [126, 64],
  [65_535, 64],
];

/** The largest payload of each form, and the smallest of the next. */
const edges = [125, 126, 65_535, 65_536];

const forms: Row[] = [
  ...tooLongForms.flatMap(([size, form]) => {
    const payload = "a".repeat(size);
    const input = session(text(payload, { form }));
    const name = `a text of ${size} bytes with a ${form}-bit length`;
    return [
      row(`F-110 ${size} ${form}`, name, input, accepted({ messages: [payload] })),
      row(`F-110 ${size} ${form} strict`, `${name}, with strictLength`, input, notMinimal, strict),
    ];
  }),
  row(
    "F-110a",
    "a continuation with a 16-bit length of 1, with strictLength",
    session(text("a", open), continuation("b", { form: 16 })),
    notMinimal,
    strict,
  ),
  ...edges.map((size) =>
    row(
      `F-110 ${size} minimal`,
      `a text of ${size} bytes, with strictLength`,
      session(text("a".repeat(size))),
      accepted({ messages: ["a".repeat(size)] }),
      strict,
    ),
  ),
];

const frameTooBig = fails(1009, "FRAME_TOO_BIG");
const messageTooBig = fails(1009, "MESSAGE_TOO_BIG");
const defaultLimit = 16 * 1024 ** 2;
const thousandBytes: Setup = { options: { maxMessageSize: 1000 } };
const thousandByteFrames: Setup = { options: { maxFrameSize: 1000 } };
const oneByteFrames: Setup = { options: { maxFrameSize: 1, maxMessageSize: 1 } };
const unlimited: Setup = { options: { maxFrameSize: 0, maxMessageSize: Infinity } };
const thousand = "a".repeat(1000);

const lengths: Row[] = [
  ...[1n << 63n, (1n << 63n) + 5n, (1n << 64n) - 1n].flatMap((length) =>
    [1, 2, 9].map((opcode) =>
      row(
        `F-111 ${length} ${opcode}`,
        "a length with its first bit set",
        session(header(opcode, length)),
        fails(1002, "LENGTH_SIGN_BIT"),
      ),
    ),
  ),
  row(
    "F-111a",
    "a length with its first bit set, without limits",
    session(header(2, 1n << 63n)),
    fails(1002, "LENGTH_SIGN_BIT"),
    unlimited,
  ),
  ...[(1n << 63n) - 1n, 1n << 53n, (1n << 53n) + 2n, 1n << 54n].map((length) =>
    row(
      `F-112 ${length}`,
      "a length above 2^53 - 1",
      session(header(2, length)),
      fails(1009, "LENGTH_TOO_LARGE"),
    ),
  ),
  ...[
    (1n << 53n) - 1n,
    1n << 40n,
    (1n << 32n) + 2n,
    1n << 32n,
    (1n << 32n) - 1n,
    (1n << 31n) + 5n,
    1n << 31n,
    (1n << 31n) - 1n,
  ].map((length) =>
    row(
      `F-112 ${length}`,
      "a length above the limit, from the header alone",
      session(header(2, length)),
      frameTooBig,
    ),
  ),
  row(
    "F-112a",
    "2^53 without limits",
    session(header(2, 1n << 53n)),
    fails(1009, "LENGTH_TOO_LARGE"),
    unlimited,
  ),
  row(
    "F-112b",
    "2^53 - 1 without limits, and five bytes of it",
    session(header(2, (1n << 53n) - 1n), hex("01 02 03 04 05")),
    accepted(),
    unlimited,
  ),
  row(
    "F-113a",
    "a message at the limit",
    session(text(thousand)),
    accepted({ messages: [thousand] }),
    thousandBytes,
  ),
  row(
    "F-113b",
    "a message one byte past the limit",
    session(header(1, 1001)),
    messageTooBig,
    thousandBytes,
  ),
  row(
    "F-113c",
    "a frame at the limit",
    session(text(thousand)),
    accepted({ messages: [thousand] }),
    thousandByteFrames,
  ),
  row(
    "F-113d",
    "a frame one byte past the limit",
    session(header(1, 1001)),
    frameTooBig,
    thousandByteFrames,
  ),
  row(
    "F-113e",
    "frames at the limit that make a larger message",
    session(text(thousand, open), continuation(thousand)),
    accepted({ messages: [thousand + thousand] }),
    thousandByteFrames,
  ),
  row("F-113f", "16 MiB and a byte by default", session(header(2, defaultLimit + 1)), frameTooBig),
  row("F-113g", "16 MiB by default, and silence", session(header(2, defaultLimit)), accepted()),
  row(
    "F-113h",
    "a ping past the limit of data frames",
    session(ping("abc"), text("a"), pong("abc")),
    accepted({ messages: ["a"], replies: ['pong "abc"'] }),
    oneByteFrames,
  ),
  row(
    "F-113i",
    "a close past the limit of data frames",
    session(close(1000, "bye")),
    echoesClose(1000, "bye"),
    oneByteFrames,
  ),
  row(
    "F-113j",
    "an empty message at a limit of one byte",
    session(text("")),
    accepted({ messages: [""] }),
    oneByteFrames,
  ),
];

export const lengthCases: readonly Row[] = [...forms, ...lengths];
