import {
  accepted,
  type Case,
  latin1Bytes,
  refused,
  request,
  type RequestParts,
  row,
  type Setup,
  unfinished,
} from "../support.ts";

/** Section B of the battery: the syntax of headers, and their limits. */

/** Tells in the response what a hook reads of some headers. */
function showing(...names: readonly string[]): Setup {
  return {
    handlers: () => ({
      upgrade: (seen) => ({
        headers: names.map((name) => [`X-Seen-${name}`, seen.get(name) ?? "absent"] as const),
      }),
    }),
  };
}

const showsText = showing("x-text");
const showsNames = showing("__proto__", "constructor", "hasOwnProperty", "x-absent", "toString");

const malformed = refused(400, "MALFORMED_REQUEST");
const tooLarge = refused(431, "REJECTED HEAD_TOO_LARGE");
const tooMany = refused(431, "REJECTED TOO_MANY_HEADERS");

/** A request with lines behind the usual ones. */
function withLines(...more: readonly string[]): Uint8Array {
  return request({ more });
}

/** A request in whose text some part is replaced. */
function replaced(what: string, by: string, parts: RequestParts = {}): Uint8Array {
  const all = String.fromCharCode(...request(parts));
  if (!all.includes(what)) throw new Error(`Not in the request: ${what}`);
  return latin1Bytes(all.replace(what, by));
}

const lineEnds: Case[] = [
  row("B-17a", "bare LF everywhere", request({ lineEnd: "\n" }), malformed),
  row(
    "B-17b",
    "a bare LF behind the request line",
    replaced("HTTP/1.1\r\n", "HTTP/1.1\n"),
    malformed,
  ),
  row("B-17c", "a bare LF behind a header", replaced("websocket\r\n", "websocket\n"), malformed),
  row("B-17d", "a bare LF as the empty line", replaced("==\r\n\r\n", "==\r\n\n"), malformed),
  row("B-17e", "a bare LF behind the last header", replaced("==\r\n\r\n", "==\n\r\n"), malformed),
  row("B-18a", "bare CR everywhere", request({ lineEnd: "\r" }), malformed),
  row("B-18b", "a CR inside a value", withLines("X-Text: a\rb"), malformed),
  row("B-18c", "a CR in front of the line's end", withLines("X-Text: a\r"), malformed),
  row("B-18d", "a header hidden behind a CR", withLines("X-Text: a\rHost: evil"), malformed),
  row("B-18e", "a CR inside a name", withLines("X-\rText: a"), malformed),
  row(
    "B-18f",
    "a CR behind the request line's",
    replaced("HTTP/1.1\r\n", "HTTP/1.1\r\r\n"),
    malformed,
  ),
  row("B-19a", "a line folded with a blank", withLines("X-Text: a", " b"), malformed),
  row("B-19b", "a line folded with a tab", withLines("X-Text: a", "\tb"), malformed),
  row(
    "B-19c",
    "a first header that begins with a blank",
    request({ before: [" X-Text: a"] }),
    malformed,
  ),
  row("B-19d", "a line of one blank", withLines(" "), malformed),
];

const names: Case[] = [
  row("B-20a", "a blank before the colon", withLines("X-Text : a"), malformed),
  row("B-20b", "a tab before the colon", withLines("X-Text\t: a"), malformed),
  row("B-20c", "a blank before the colon of Host", replaced("Host:", "Host :"), malformed),
  row("B-21a", "a line without a colon", withLines("X-Text"), malformed),
  row("B-21b", "a second request line", withLines("GET /b HTTP/1.1"), malformed),
  row("B-22a", "an empty name", withLines(": a"), malformed),
  row("B-22b", "nothing but a colon", withLines(":"), malformed),
  ...[
    "X(A)",
    "X A",
    'X"A',
    "X/A",
    "X@A",
    "X[A]",
    "X{A}",
    "X,A",
    "X;A",
    "X=A",
    "X?A",
    "X\\A",
    "X<A>",
  ].map((name) =>
    row(`B-23 ${name}`, "a name that is no token", withLines(`${name}: a`), malformed),
  ),
  ...[0x00, 0x01, 0x1f, 0x7f, 0x80, 0xc3, 0xff].map((byte) =>
    row(
      `B-23 0x${byte.toString(16).padStart(2, "0")}`,
      "a byte that no name has",
      withLines(`X${String.fromCharCode(byte)}A: a`),
      malformed,
    ),
  ),
  row(
    "B-26a",
    "names in lower case",
    lettersAs((name) => name.toLowerCase()),
    accepted(),
  ),
  row(
    "B-26b",
    "names in upper case",
    lettersAs((name) => name.toUpperCase()),
    accepted(),
  ),
  row(
    "B-26c",
    "names in mixed case",
    lettersAs((name) =>
      name.replaceAll(/\w\w/g, (pair) => pair[0]!.toLowerCase() + pair[1]!.toUpperCase()),
    ),
    accepted(),
  ),
  row(
    "B-26d",
    "all the signs that a token may have",
    withLines("!#$%&'*+-.^_`|~09azAZ: a"),
    accepted(),
  ),
];

/** A decent request with its names in other letters. */
function lettersAs(change: (name: string) => string): Uint8Array {
  const all = String.fromCharCode(...request());
  return latin1Bytes(all.replaceAll(/^[\w-]+(?=:)/gm, change));
}

const controls = [0x00, 0x01, 0x07, 0x08, 0x0b, 0x0c, 0x1b, 0x1f, 0x7f];

const values: Case[] = [
  ...controls.map((byte) =>
    row(
      `B-24 0x${byte.toString(16).padStart(2, "0")}`,
      "a control character in a value",
      withLines(`X-Text: a${String.fromCharCode(byte)}b`),
      malformed,
    ),
  ),
  row("B-24a", "a NUL at the beginning of a value", withLines("X-Text: \0"), malformed),
  row(
    "B-24b",
    "a NUL in the value of Host",
    request({ headers: { Host: "localhost\0" } }),
    malformed,
  ),
  row(
    "B-25a",
    "bytes above 0x7F as Latin-1",
    withLines("X-Text: \x80\xff"),
    accepted({ headers: { "x-seen-x-text": "\x80\xff" } }),
    showsText,
  ),
  row(
    "B-25b",
    "UTF-8, too, as Latin-1",
    withLines("X-Text: \xc3\xa4"),
    accepted({ headers: { "x-seen-x-text": "\xc3\xa4" } }),
    showsText,
  ),
  row(
    "B-25c",
    "half a UTF-8 character",
    withLines("X-Text: \xe2\x82"),
    accepted({ headers: { "x-seen-x-text": "\xe2\x82" } }),
    showsText,
  ),
  row(
    "B-27a",
    "no blanks around values",
    latin1Bytes(String.fromCharCode(...request()).replaceAll(": ", ":")),
    accepted(),
  ),
  row(
    "B-27b",
    "many blanks and tabs around values",
    latin1Bytes(
      String.fromCharCode(...request())
        .replaceAll(": ", ": \t  \t")
        .replaceAll("\r\n", " \t \r\n")
        .replace("HTTP/1.1 \t ", "HTTP/1.1")
        .replace(/ \t \r\n$/, "\r\n"),
    ),
    accepted(),
  ),
  row(
    "B-27c",
    "an empty value",
    withLines("X-Text:"),
    accepted({ headers: { "x-seen-x-text": "" } }),
    showsText,
  ),
  row(
    "B-27d",
    "a value of nothing but blanks",
    withLines("X-Text: \t "),
    accepted({ headers: { "x-seen-x-text": "" } }),
    showsText,
  ),
  row(
    "B-27e",
    "blanks inside a value",
    withLines("X-Text:  a \t b "),
    accepted({ headers: { "x-seen-x-text": "a \t b" } }),
    showsText,
  ),
  row(
    "B-27f",
    "a colon inside a value",
    withLines("X-Text: :a:"),
    accepted({ headers: { "x-seen-x-text": ":a:" } }),
    showsText,
  ),
  row(
    "B-27g",
    "several values with one name, joined in order",
    withLines("X-Text: a", "x-text: b"),
    accepted({ headers: { "x-seen-x-text": "a, b" } }),
    showsText,
  ),
];

/** A request of so many bytes, by one long header. */
function ofSize(size: number): Uint8Array {
  const rest = withLines("X-Text: ").length;
  return withLines(`X-Text: ${"a".repeat(size - rest)}`);
}

/** A request with so many headers in all; where `last`, those of the handshake come behind the others. */
function ofHeaders(count: number, last = false): Uint8Array {
  const usual = 5;
  const others = Array.from({ length: count - usual }, (_, i) => `X-${i}: ${i}`);
  return request(last ? { before: others } : { more: others });
}

const limits: Case[] = [
  row("B-28", "a header of 9 KiB", withLines(`Cookie: ${"a".repeat(9 * 1024)}`), accepted()),
  row("B-29a", "a header of 64 KiB", withLines(`Cookie: ${"a".repeat(64 * 1024)}`), tooLarge),
  row(
    "B-29b",
    "a header past the limit that does not end",
    latin1Bytes(`GET / HTTP/1.1\r\nX-Text: ${"a".repeat(16_384)}`),
    tooLarge,
  ),
  row("B-29c", "a head of 16384 bytes", ofSize(16_384), accepted()),
  row("B-29d", "a head of 16385 bytes", ofSize(16_385), tooLarge),
  row(
    "B-29e",
    "a name that does not end",
    latin1Bytes(`GET / HTTP/1.1\r\n${"a".repeat(17_000)}`),
    tooLarge,
  ),
  row(
    "B-29f",
    "blanks that do not end",
    latin1Bytes(`GET / HTTP/1.1\r\nX-Text:${" ".repeat(17_000)}`),
    tooLarge,
  ),
  row("B-31a", "120 headers", ofHeaders(120), accepted()),
  row("B-31b", "128 headers", ofHeaders(128), accepted()),
  row("B-31c", "129 headers", ofHeaders(129), tooMany),
  row("B-32a", "300 headers", ofHeaders(300, true), tooMany),
  row("B-32b", "2100 headers, those of the handshake last", ofHeaders(2100, true), tooMany),
  row("B-32c", "120 headers, those of the handshake last", ofHeaders(120, true), accepted()),
  row(
    "B-33",
    "names of an object's own members",
    withLines("__proto__: a", "constructor: b", "hasOwnProperty: c"),
    accepted({
      headers: {
        "x-seen-__proto__": "a",
        "x-seen-constructor": "b",
        "x-seen-hasownproperty": "c",
        "x-seen-x-absent": "absent",
        "x-seen-tostring": "absent",
      },
    }),
    showsNames,
  ),
];

const whole = request();

/** Where a request may be cut off: in each of its parts, and around each of its lines' ends. */
const endings = [
  1,
  3,
  4,
  5,
  6,
  14,
  15,
  16,
  18,
  21,
  40,
  whole.length - 3,
  whole.length - 2,
  whole.length - 1,
];

const cutOff: Case[] = endings.map((size) =>
  row(`B-37 ${size}`, "the end of the stream inside the request", whole.slice(0, size), unfinished),
);

export const headerCases: readonly Case[] = [
  ...lineEnds,
  ...names,
  ...values,
  ...limits,
  ...cutOff,
];
