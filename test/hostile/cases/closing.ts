import {
  type Row,
  close,
  closeBody,
  echoesClose,
  fails,
  frame,
  hex,
  open,
  ping,
  row,
  session,
  text,
} from "../support.ts";

/** Section H of the battery: close frames. */

const badCodes: [code: string, statuses: readonly number[]][] = [
  ["STATUS_NOT_IN_USE", [0, 1, 999, 5000, 5001, 32_768, 65_535]],
  ["STATUS_APPLICATION_LEVEL", [1005, 1006, 1015]],
  ["STATUS_NO_MEANING", [1004]],
  ["STATUS_UNKNOWN", [1016, 1017, 1100, 2000, 2999]],
];

const goodCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];

const statuses: Row[] = [
  row("H-131", "an empty close", session(close()), echoesClose()),
  row(
    "H-132",
    "a close of one byte",
    session(frame(8, Uint8Array.of(3))),
    fails(1002, "CLOSE_BODY_TOO_SHORT"),
  ),
  ...badCodes.flatMap(([code, list]) =>
    list.flatMap((status) => [
      row(
        `H-133 ${status}`,
        "a status that may not be sent",
        session(close(status)),
        fails(1002, code),
      ),
      row(
        `H-133 ${status} reason`,
        "one with a reason",
        session(close(status, "bye")),
        fails(1002, code),
      ),
    ]),
  ),
  ...goodCodes.map((status) =>
    row(`H-134 ${status}`, "a status of RFC 6455", session(close(status)), echoesClose(status)),
  ),
  row(
    "H-134a",
    "a status with a reason",
    session(close(1001, "Bye, \u20ac")),
    echoesClose(1001, "Bye, \u20ac"),
  ),
  ...[1012, 1013, 1014].map((status) =>
    row(
      `H-135 ${status}`,
      "a status of IANA's registry",
      session(close(status, "a")),
      echoesClose(status, "a"),
    ),
  ),
];

const badReasons = {
  FF: "ff",
  "a lone continuation byte": "61 80",
  "an overlong form": "c0 af",
  "a surrogate": "ed a0 80",
  "a code point above U+10FFFF": "f4 90 80 80",
  "half a character at its end": "61 e2 82",
};

const longest = "a".repeat(123);

const reasons: Row[] = [
  ...Object.entries(badReasons).map(([name, bytes]) =>
    row(
      `H-136 ${bytes}`,
      `a reason with ${name}`,
      session(close(1000, hex(bytes))),
      fails(1007, "INVALID_UTF8"),
    ),
  ),
  row(
    "H-136a",
    "a long reason that is not UTF-8",
    session(close(1000, hex(`${"61 ".repeat(100)} ff`))),
    fails(1007, "INVALID_UTF8"),
  ),
  row("H-137a", "a close of 125 bytes", session(close(1000, longest)), echoesClose(1000, longest)),
  row(
    "H-137b",
    "a close of 126 bytes",
    session(frame(8, closeBody(1000, `${longest}a`))),
    fails(1002, "CONTROL_TOO_LONG"),
  ),
  row(
    "H-137c",
    "a reason of 41 characters with three bytes each",
    session(close(1000, "\u20ac".repeat(41))),
    echoesClose(1000, "\u20ac".repeat(41)),
  ),
  row(
    "H-137d",
    "a reason with NUL and a byte order mark",
    session(close(1000, "\ufeff\0a")),
    echoesClose(1000, "\ufeff\0a"),
  ),
];

/** Ever more frames, as many as fit in a few KiB. */
const flood = Array.from({ length: 200 }, () => text("late"));

const after: Row[] = [
  row("H-139a", "a text behind a close", session(close(1000), text("late")), echoesClose(1000)),
  row("H-139b", "a ping behind a close", session(close(1000), ping("late")), echoesClose(1000)),
  row(
    "H-139c",
    "garbage behind a close",
    session(close(1000), hex("ff ff ff ff 00 16 03 01")),
    echoesClose(1000),
  ),
  row(
    "H-139d",
    "a frame with a wrong mask behind a close",
    session(close(1000), text("late", { wrongMask: true })),
    echoesClose(1000),
  ),
  row(
    "H-139e",
    "a message and a close, and another message",
    session(text("a"), close(1000), text("late")),
    echoesClose(1000, "", { messages: ["a"] }),
  ),
  row(
    "H-139f",
    "the rest of a message behind a close",
    session(text("a", open), close(), frame(0, "late")),
    echoesClose(),
  ),
  row(
    "H-139g",
    "a part of a header behind a close",
    session(close(1000), hex("81")),
    echoesClose(1000),
  ),
  row(
    "H-139h",
    "frames behind a violation",
    session(frame(3), text("late"), ping("late"), close(1000)),
    fails(1002, "OPCODE_RESERVED"),
  ),
  row(
    "H-140a",
    "two closes",
    session(close(1000, "first"), close(1001, "second")),
    echoesClose(1000, "first"),
  ),
  row("H-140b", "a bad close behind a good one", session(close(1000), close(0)), echoesClose(1000)),
  row(
    "H-140c",
    "a stream of frames behind a close",
    session(close(4000), ...flood),
    echoesClose(4000),
  ),
  row(
    "H-140d",
    "a stream of frames behind a violation",
    session(close(0), ...flood),
    fails(1002, "STATUS_NOT_IN_USE"),
  ),
];

export const closingCases: readonly Row[] = [...statuses, ...reasons, ...after];
