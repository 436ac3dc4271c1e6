import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import {
  accepted,
  binary,
  type Row,
  continuation,
  fails,
  hex,
  open,
  part,
  ping,
  type Plays,
  row,
  session,
  text,
} from "../support.ts";

/** Section I of the battery: UTF-8. */

const invalid = fails(1007, "INVALID_UTF8");

/** Sequences that no continuation makes valid, by what is wrong with them. */
const bad: Readonly<Record<"I-145" | "I-146", Readonly<Record<string, string>>>> = {
  "I-145": {
    ff: "FF",
    fe: "FE",
    "fe ff": "a byte order mark of UTF-16",
    "80": "a lone continuation byte",
    bf: "the last continuation byte alone",
    "c0 af": "an overlong slash of two bytes",
    "c1 bf": "the largest overlong form of two bytes",
    "e0 80 af": "an overlong slash of three bytes",
    "e0 9f bf": "the largest overlong form of three bytes",
    "f0 80 80 af": "an overlong slash of four bytes",
    "f0 8f bf bf": "the largest overlong form of four bytes",
    "c0 80": "an overlong NUL",
    "c3 28": "a lead byte without its continuation",
    "e2 28 a1": "a bad second byte of three",
    "e2 82 28": "a bad third byte of three",
    "f0 28 8c bc": "a bad second byte of four",
    "f0 90 28 bc": "a bad third byte of four",
    "f0 90 8c 28": "a bad fourth byte of four",
  },
  "I-146": {
    "ed a0 80": "the first surrogate",
    "ed ad bf": "the last high surrogate but one block",
    "ed b0 80": "the first low surrogate",
    "ed bf bf": "the last surrogate",
    "ed a0 bd ed b8 80": "a pair of surrogates",
    "f4 90 80 80": "U+110000",
    "f5 80 80 80": "a lead byte F5",
    "f7 bf bf bf": "a lead byte F7",
    "f8 88 80 80 80": "five bytes",
    "fc 84 80 80 80 80": "six bytes",
  },
};

/** Long enough that a text does not go the way of short ones. */
const long = "61 ".repeat(60);

const sequences: Row[] = Object.entries(bad).flatMap(([id, list]) =>
  Object.entries(list).flatMap(([bytes, name]) => [
    row(`${id} ${bytes}`, name, session(text(hex(bytes))), invalid),
    row(
      `${id} ${bytes} long`,
      `${name} inside a long text`,
      session(text(hex(`${long} ${bytes} ${long}`))),
      invalid,
    ),
    row(
      `${id} ${bytes} fragment`,
      `${name} in a last fragment`,
      session(text("a", open), continuation(hex(bytes))),
      invalid,
    ),
    row(
      `I-149 ${bytes}`,
      `${name} in a message that does not end`,
      session(text(hex(bytes), open)),
      invalid,
    ),
  ]),
);

/** Beginnings of characters. */
const starts = ["c3", "e2", "e2 82", "f0", "f0 9f", "f0 9f 98", "f4 8f bf", "ed 9f"];

const truncated: Row[] = starts.flatMap((bytes) => [
  row(
    `I-147 ${bytes}`,
    "a character cut off at the message's end",
    session(text(hex(`61 ${bytes}`))),
    invalid,
  ),
  row(
    `I-147 ${bytes} long`,
    "one behind a long text",
    session(text(hex(`${long} ${bytes}`))),
    invalid,
  ),
  row(
    `I-147 ${bytes} fragments`,
    "one at the end of the last fragment",
    session(text("a", open), continuation(hex(bytes))),
    invalid,
  ),
  row(
    `I-147 ${bytes} empty`,
    "one with an empty fragment behind it",
    session(text(hex(bytes), open), continuation("")),
    invalid,
  ),
  row(
    `I-149 ${bytes}`,
    "the beginning of a character in a message that does not end",
    session(text(hex(bytes), open)),
    accepted(),
  ),
]);

const sample = "\u03ba\u1f79\u03c3 \u20ac \u{1f600}\u{10ffff}\ud7ff\ue000\0\u0080\u0800\u{10000}";
const sampleBytes = encodeUtf8(sample);
const inner = Array.from({ length: sampleBytes.length - 1 }, (_, i) => i + 1);

const splits: Row[] = [
  ...inner.map((at) =>
    row(
      `I-148 ${at}`,
      "a text in two fragments",
      session(text(sampleBytes.slice(0, at), open), continuation(sampleBytes.slice(at))),
      accepted({ messages: [sample] }),
    ),
  ),
  row(
    "I-148",
    "a text in fragments of one byte",
    session(
      text("", open),
      ...Array.from(sampleBytes, (byte) => continuation(Uint8Array.of(byte), open)),
      continuation(""),
    ),
    accepted({ messages: [sample] }),
  ),
  ...inner
    .slice(0, 12)
    .map((at) =>
      row(
        `I-151 ${at}`,
        "a text in two fragments with a ping between them",
        session(
          text(sampleBytes.slice(0, at), open),
          ping("\u20ac"),
          continuation(sampleBytes.slice(at)),
        ),
        accepted({ messages: [sample], replies: ['pong "\u20ac"'] }),
      ),
    ),
];

/** The beginning of a text frame whose declared length is longer than what comes of it. */
function partOfFrame(bytes: string): Plays {
  const payload = hex(bytes);
  const whole = concat([payload, new Uint8Array(1000 - payload.length)]);
  return session(part(text(whole), payload.length - whole.length));
}

const rest: Row[] = [
  row("I-149a", "a bad byte in a frame that does not end", partOfFrame("61 ff"), invalid),
  row(
    "I-149b",
    "a bad byte behind much good text in a frame that does not end",
    partOfFrame("61 62 63 c3 a4 ed a0"),
    invalid,
  ),
  row(
    "I-149c",
    "a bad byte in a second fragment that does not end",
    session(text("a", open), continuation(hex("80"), open)),
    invalid,
  ),
  row(
    "I-149d",
    "a character that the next fragment makes bad",
    session(text(hex("e2 82"), open), continuation("a", open)),
    invalid,
  ),
  row(
    "I-149e",
    "half a surrogate pair in a message that does not end",
    session(text(hex("ed a0"), open)),
    invalid,
  ),
  row("I-149f", "a text behind one that failed", session(text(hex("ff")), text("late")), invalid),
  row(
    "I-150a",
    "a byte order mark in front",
    session(text("\ufeffabc")),
    accepted({ messages: ["\ufeffabc"] }),
  ),
  row(
    "I-150b",
    "a byte order mark in front of a long text",
    session(text(`\ufeff${"\u20ac".repeat(40)}`)),
    accepted({ messages: [`\ufeff${"\u20ac".repeat(40)}`] }),
  ),
  row(
    "I-150c",
    "nothing but byte order marks",
    session(text("\ufeff\ufeff")),
    accepted({ messages: ["\ufeff\ufeff"] }),
  ),
  row(
    "I-150d",
    "a byte order mark over three fragments",
    session(text(hex("ef"), open), continuation(hex("bb"), open), continuation(hex("bf 61"))),
    accepted({ messages: ["\ufeffa"] }),
  ),
  row(
    "I-151",
    "noncharacters and NUL",
    session(text("\ufffe\uffff\ufdd0\u{1fffe}\0\x7f")),
    accepted({ messages: ["\ufffe\uffff\ufdd0\u{1fffe}\0\x7f"] }),
  ),
  row(
    "I-145a",
    "bad UTF-8 in a binary message",
    session(binary(hex("ff c0 af ed a0 80"))),
    accepted({ messages: [hex("ff c0 af ed a0 80")] }),
  ),
  row(
    "I-145b",
    "bad UTF-8 in a fragmented binary message",
    session(ping("ok"), binary(hex("80"), open), continuation(hex("ff"))),
    accepted({ messages: [hex("80 ff")], replies: ['pong "ok"'] }),
  ),
];

export const utf8Cases: readonly Row[] = [...sequences, ...truncated, ...splits, ...rest];
