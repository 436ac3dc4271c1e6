import {
  accepted,
  binary,
  type Row,
  close,
  continuation,
  echoesClose,
  fails,
  fragments,
  header,
  joined,
  open,
  ping,
  pong,
  row,
  session,
  type Setup,
  type SidedPiece,
  text,
} from "../support.ts";

/** Section G of the battery: fragmented messages. */

const unexpected = fails(1002, "CONTINUATION_UNEXPECTED");
const expected = fails(1002, "CONTINUATION_EXPECTED");

const order: Row[] = [
  row("G-118a", "a continuation first", session(continuation("a")), unexpected),
  row(
    "G-118b",
    "a continuation first that is not final",
    session(continuation("a", open)),
    unexpected,
  ),
  row("G-118c", "an empty continuation first", session(continuation("")), unexpected),
  row(
    "G-118d",
    "a continuation behind a whole message",
    session(text("a"), continuation("b")),
    fails(1002, "CONTINUATION_UNEXPECTED", { messages: ["a"] }),
  ),
  row(
    "G-118e",
    "a continuation behind a fragmented message",
    session(text("a", open), continuation("b"), continuation("c")),
    fails(1002, "CONTINUATION_UNEXPECTED", { messages: ["ab"] }),
  ),
  row("G-118f", "a continuation, before its payload comes", session(header(0, 1000)), unexpected),
  row(
    "G-118g",
    "a continuation behind a ping",
    session(ping(), continuation("a")),
    fails(1002, "CONTINUATION_UNEXPECTED", { replies: ['pong ""'] }),
  ),
  row("G-119a", "a text inside a message", session(text("a", open), text("b")), expected),
  row("G-119b", "a binary inside a message", session(text("a", open), binary("b")), expected),
  row(
    "G-119c",
    "a text that is not final inside a message",
    session(binary("a", open), text("b", open)),
    expected,
  ),
  row(
    "G-119d",
    "a text behind two fragments",
    session(text("a", open), continuation("b", open), text("c")),
    expected,
  ),
  row(
    "G-119e",
    "a text inside a message, before its payload comes",
    session(text("a", open), header(1, 1000)),
    expected,
  ),
  row(
    "G-119f",
    "a text behind an empty first fragment",
    session(text("", open), text("b")),
    expected,
  ),
];

const between: Row[] = [
  row(
    "G-120a",
    "a ping between fragments",
    session(text("a", open), ping("p"), continuation("b")),
    accepted({ messages: ["ab"], replies: ['pong "p"'] }),
  ),
  row(
    "G-120b",
    "a pong between fragments",
    session(text("a", open), pong("p"), continuation("b")),
    accepted({ messages: ["ab"] }),
  ),
  row(
    "G-120c",
    "pings between all fragments",
    session(
      ping("1"),
      binary("a", open),
      ping("2"),
      continuation("b", open),
      ping("3"),
      continuation("c"),
      ping("4"),
    ),
    accepted({
      messages: [Uint8Array.of(97, 98, 99)],
      replies: ['pong "1"', 'pong "2"', 'pong "3"', 'pong "4"'],
    }),
  ),
  row(
    "G-120d",
    "a close between fragments",
    session(text("a", open), close(1000, "bye"), continuation("b")),
    echoesClose(1000, "bye"),
  ),
  row(
    "G-120e",
    "a ping answered before the message goes on",
    session(text("a", open), ping("p")),
    accepted({ replies: ['pong "p"'] }),
  ),
  row(
    "G-120f",
    "a ping with a long payload between large fragments",
    session(binary("a".repeat(500), open), ping("p".repeat(125)), continuation("b".repeat(500))),
    accepted({
      messages: [new Uint8Array(1000).fill(97, 0, 500).fill(98, 500)],
      replies: [`pong ${JSON.stringify("p".repeat(125))}`],
    }),
  ),
];

const empty = new Uint8Array(0);

const empties: Row[] = [
  row(
    "G-121a",
    "an empty first fragment",
    session(text("", open), continuation("a")),
    accepted({ messages: ["a"] }),
  ),
  row(
    "G-121b",
    "an empty fragment in the middle",
    session(text("a", open), continuation("", open), continuation("b")),
    accepted({ messages: ["ab"] }),
  ),
  row(
    "G-121c",
    "an empty last fragment",
    session(text("a", open), continuation("")),
    accepted({ messages: ["a"] }),
  ),
  row(
    "G-121d",
    "all fragments of a text empty",
    session(text("", open), continuation("", open), continuation("")),
    accepted({ messages: [""] }),
  ),
  row(
    "G-121e",
    "all fragments of a binary empty",
    session(binary("", open), continuation("", open), continuation("")),
    accepted({ messages: [empty] }),
  ),
  row(
    "G-121f",
    "an empty text and an empty binary",
    session(text(""), binary("")),
    accepted({ messages: ["", empty] }),
  ),
  row(
    "G-121g",
    "a message behind an empty fragmented one",
    session(binary("", open), continuation(""), text("a")),
    accepted({ messages: [empty, "a"] }),
  ),
  row(
    "G-121h",
    "a text behind a fragmented binary with bad UTF-8",
    session(
      binary(Uint8Array.of(0xff), open),
      continuation(Uint8Array.of(0xfe)),
      text("a", open),
      continuation("b"),
    ),
    accepted({ messages: [Uint8Array.of(0xff, 0xfe), "ab"] }),
  ),
];

const fewFragments: Setup = { options: { maxFragments: 16 } };
const tooMany = fails(1008, "TOO_MANY_FRAGMENTS");
const defaultMost = 16_384;

/** The beginning of a message in so many fragments. */
function unfinishedFragments(count: number, payload: string): SidedPiece {
  const rest = continuation(payload, open);
  return joined([text(payload, open), ...Array.from({ length: count - 1 }, () => rest)]);
}

const counts: Row[] = [
  row(
    "G-122a",
    "as many fragments as the limit",
    session(fragments(16, 1, "a")),
    accepted({ messages: ["a".repeat(16)] }),
    fewFragments,
  ),
  row(
    "G-122b",
    "one fragment past the limit",
    session(fragments(17, 1, "a")),
    tooMany,
    fewFragments,
  ),
  row(
    "G-122c",
    "two messages at the limit",
    session(fragments(16, 1, "a"), fragments(16, 1, "b")),
    accepted({ messages: ["a".repeat(16), "b".repeat(16)] }),
    fewFragments,
  ),
  row(
    "G-122d",
    "one fragment past the limit, before its payload comes",
    session(unfinishedFragments(16, "a"), header(0, 100)),
    tooMany,
    fewFragments,
  ),
  row(
    "G-122e",
    "many whole messages past the limit of fragments",
    session(...Array.from({ length: 20 }, () => text("a"))),
    accepted({ messages: Array.from({ length: 20 }, () => "a") }),
    fewFragments,
  ),
  row(
    "G-122f",
    "16384 fragments of one byte by default",
    session(fragments(defaultMost, 1, "a")),
    accepted({ messages: ["a".repeat(defaultMost)] }),
  ),
  row(
    "G-122g",
    "16385 fragments of one byte by default",
    session(fragments(defaultMost + 1, 1, "a")),
    tooMany,
  ),
  row(
    "G-122h",
    "131000 fragments of one byte that do not end",
    session(unfinishedFragments(131_000, "a")),
    tooMany,
  ),
  row(
    "G-123a",
    "as many empty fragments as the limit",
    session(fragments(16, 2, "")),
    accepted({ messages: [empty] }),
    fewFragments,
  ),
  row(
    "G-123b",
    "one empty fragment past the limit",
    session(fragments(17, 2, "")),
    tooMany,
    fewFragments,
  ),
  row(
    "G-123c",
    "100000 empty fragments that do not end",
    session(unfinishedFragments(100_000, "")),
    tooMany,
  ),
  row(
    "G-123d",
    "pings do not count as fragments",
    session(text("a", open), ...Array.from({ length: 20 }, () => ping()), continuation("b")),
    accepted({ messages: ["ab"], replies: Array.from({ length: 20 }, () => 'pong ""') }),
    fewFragments,
  ),
];

const thousandBytes: Setup = { options: { maxMessageSize: 1000 } };
const half = "a".repeat(500);
const tooBig = fails(1009, "MESSAGE_TOO_BIG");

const sums: Row[] = [
  row(
    "G-124a",
    "fragments that make a message at the limit",
    session(text(half, open), continuation(half)),
    accepted({ messages: [half + half] }),
    thousandBytes,
  ),
  row(
    "G-124b",
    "fragments that pass the limit, from the last header",
    session(text(half, open), continuation(half, open), header(0, 1)),
    tooBig,
    thousandBytes,
  ),
  row(
    "G-124c",
    "a second fragment that passes the limit by much",
    session(text(half, open), header(0, 10_000_000)),
    tooBig,
    thousandBytes,
  ),
  row(
    "G-124d",
    "an empty fragment at the limit",
    session(text(half, open), continuation(half, open), continuation("")),
    accepted({ messages: [half + half] }),
    thousandBytes,
  ),
  row(
    "G-124e",
    "two messages that pass the limit together",
    session(text(half, open), continuation(half), text(half)),
    accepted({ messages: [half + half, half] }),
    thousandBytes,
  ),
  row(
    "G-124f",
    "a length that would wrap around with what has come",
    session(binary("ab", open), header(0, (1n << 53n) - 1n)),
    fails(1009, "FRAME_TOO_BIG"),
    thousandBytes,
  ),
];

const pongs: Row[] = [
  row(
    "G-129a",
    "a pong that nobody asked for",
    session(pong("a"), text("b")),
    accepted({ messages: ["b"] }),
  ),
  row(
    "G-129b",
    "a thousand pongs",
    session(...Array.from({ length: 1000 }, () => pong("a")), ping("b")),
    accepted({ replies: ['pong "b"'] }),
  ),
  row(
    "G-129c",
    "a pong that is not UTF-8",
    session(pong(Uint8Array.of(0xff)), text("b")),
    accepted({ messages: ["b"] }),
  ),
];

export const fragmentCases: readonly Row[] = [
  ...order,
  ...between,
  ...empties,
  ...counts,
  ...sums,
  ...pongs,
];
