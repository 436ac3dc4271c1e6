import {
  accepted,
  type HeadParts,
  heads,
  only,
  type Outcome,
  type Plays,
  refused,
  request,
  type Role,
  row,
  type Row,
  type Setup,
  unfinished,
  unopened,
} from "../support.ts";

/** Section B of the battery: the syntax of headers, and their limits. */

type Outcomes = Readonly<Record<Role, Outcome>>;

const malformed: Outcomes = {
  server: refused(400, "MALFORMED_REQUEST"),
  client: unopened(0, "MALFORMED_RESPONSE MALFORMED_RESPONSE"),
};
const tooLarge: Outcomes = {
  server: refused(431, "REJECTED HEAD_TOO_LARGE"),
  client: unopened(0, "MALFORMED_RESPONSE HEAD_TOO_LARGE"),
};
const tooMany: Outcomes = {
  server: refused(431, "REJECTED TOO_MANY_HEADERS"),
  client: unopened(0, "MALFORMED_RESPONSE TOO_MANY_HEADERS"),
};

/** A head with lines behind the usual ones. */
function withLines(...more: readonly string[]): Plays {
  return heads({ more });
}

/** A head in whose text some part is replaced. */
function replaced(what: string | RegExp, by: string): Plays {
  return heads({ change: (text) => text.replace(what, by) });
}

/** Names in the words of the headers that show them. */
type Seen = Readonly<Record<string, string | null>>;

/**
 * A head with some lines, whose headers are shown as they are read: a server's hook tells them in its response, a client's
 * error tells those of a response that it does not take.
 */
function reads(id: string, name: string, lines: readonly string[], seen: Seen): Row {
  const setup: Setup = {
    serveOptions: {},
    handlers: () => ({
      upgrade: (head) => ({
        headers: Object.keys(seen).map((one) => [`X-Seen-${one}`, head.get(one) ?? "absent"]),
      }),
    }),
  };
  const shown = Object.entries(seen).map(([one, value]) => [
    `x-seen-${one.toLowerCase()}`,
    value ?? "absent",
  ]);
  return row(
    id,
    name,
    {
      ...only("server", withLines(...lines)),
      ...only("client", heads({ line: "HTTP/1.1 404 Not Found", more: lines })),
    },
    {
      server: accepted({ headers: Object.fromEntries(shown) as Seen }),
      client: {
        ...unopened(404, "BAD_STATUS", seen),
        // Without a length it has a body until the end of the stream.
        end: "peer",
      },
    },
    setup,
  );
}

const lineEnds: Row[] = [
  row("B-17a", "bare LF everywhere", heads({ lineEnd: "\n" }), malformed),
  row("B-17b", "a bare LF behind the first line", replaced("\r\n", "\n"), malformed),
  row("B-17c", "a bare LF behind a header", replaced("websocket\r\n", "websocket\n"), malformed),
  row("B-17d", "a bare LF as the empty line", replaced("=\r\n\r\n", "=\r\n\n"), malformed),
  row("B-17e", "a bare LF behind the last header", replaced("=\r\n\r\n", "=\n\r\n"), malformed),
  row("B-18a", "bare CR everywhere", heads({ lineEnd: "\r" }), malformed),
  row("B-18b", "a CR inside a value", withLines("X-Text: a\rb"), malformed),
  row("B-18c", "a CR in front of the line's end", withLines("X-Text: a\r"), malformed),
  row("B-18d", "a header hidden behind a CR", withLines("X-Text: a\rHost: evil"), malformed),
  row("B-18e", "a CR inside a name", withLines("X-\rText: a"), malformed),
  row("B-18f", "a CR behind the first line's", replaced("\r\n", "\r\r\n"), malformed),
  row("B-19a", "a line folded with a blank", withLines("X-Text: a", " b"), malformed),
  row("B-19b", "a line folded with a tab", withLines("X-Text: a", "\tb"), malformed),
  row(
    "B-19c",
    "a first header that begins with a blank",
    heads({ before: [" X-Text: a"] }),
    malformed,
  ),
  row("B-19d", "a line of one blank", withLines(" "), malformed),
];

const names: Row[] = [
  row("B-20a", "a blank before the colon", withLines("X-Text : a"), malformed),
  row("B-20b", "a tab before the colon", withLines("X-Text\t: a"), malformed),
  row("B-20c", "a blank before the colon of Upgrade", replaced("Upgrade:", "Upgrade :"), malformed),
  row("B-21a", "a line without a colon", withLines("X-Text"), malformed),
  row("B-21b", "a second first line", withLines("GET /b HTTP/1.1"), malformed),
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

/** A decent head with its names in other letters. */
function lettersAs(change: (name: string) => string): Plays {
  return heads({
    more: ["x-Text: a"],
    change: (text) => text.replaceAll(/^[\w-]+(?=:)/gm, change),
  });
}

const controls = [0x00, 0x01, 0x07, 0x08, 0x0b, 0x0c, 0x1b, 0x1f, 0x7f];

const values: Row[] = [
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
    "a NUL in the value of Upgrade",
    heads({ headers: { Upgrade: "websocket\0" } }),
    malformed,
  ),
  reads("B-25a", "bytes above 0x7F as Latin-1", ["X-Text: \x80\xff"], { "x-text": "\x80\xff" }),
  reads("B-25b", "UTF-8, too, as Latin-1", ["X-Text: \xc3\xa4"], { "x-text": "\xc3\xa4" }),
  reads("B-25c", "half a UTF-8 character", ["X-Text: \xe2\x82"], { "x-text": "\xe2\x82" }),
  row(
    "B-27a",
    "no blanks around values",
    heads({ change: (text) => text.replaceAll(": ", ":") }),
    accepted(),
  ),
  row(
    "B-27b",
    "many blanks and tabs around values",
    heads({
      change: (text) =>
        text.replaceAll(/: (.*)\r\n/g, (_, value: string) => `: \t  \t${value} \t \r\n`),
    }),
    accepted(),
  ),
  reads("B-27c", "an empty value", ["X-Text:"], { "x-text": "" }),
  reads("B-27d", "a value of nothing but blanks", ["X-Text: \t "], { "x-text": "" }),
  reads("B-27e", "blanks inside a value", ["X-Text:  a \t b "], { "x-text": "a \t b" }),
  reads("B-27f", "a colon inside a value", ["X-Text: :a:"], { "x-text": ":a:" }),
  reads("B-27g", "several values with one name, joined in order", ["X-Text: a", "x-text: b"], {
    "x-text": "a, b",
  }),
];

/** A head of so many bytes, by one long header. */
function ofSize(size: number): Plays {
  const line = "X-Text: ";
  return heads({
    more: [line],
    change: (text) => text.replace(line, line + "a".repeat(size - text.length)),
  });
}

/** A head with so many headers in all; where `last`, those of the handshake come behind the others. */
function ofHeaders(count: number, last = false): Plays {
  return heads((usual): HeadParts => {
    const others = Array.from({ length: count - usual }, (_, i) => `X-${i}: ${i}`);
    return last ? { before: others } : { more: others };
  });
}

/** A head that does not end. */
function endless(text: string): Plays {
  return heads({ change: (all) => all.slice(0, all.indexOf("\r\n") + 2) + text });
}

const limits: Row[] = [
  row("B-28", "a header of 9 KiB", withLines(`Cookie: ${"a".repeat(9 * 1024)}`), accepted()),
  row("B-29a", "a header of 64 KiB", withLines(`Cookie: ${"a".repeat(64 * 1024)}`), tooLarge),
  row(
    "B-29b",
    "a header past the limit that does not end",
    endless(`X-Text: ${"a".repeat(16_384)}`),
    tooLarge,
  ),
  row("B-29c", "a head of 16384 bytes", ofSize(16_384), accepted()),
  row("B-29d", "a head of 16385 bytes", ofSize(16_385), tooLarge),
  row("B-29e", "a name that does not end", endless(`${"a".repeat(17_000)}`), tooLarge),
  row("B-29f", "blanks that do not end", endless(`X-Text:${" ".repeat(17_000)}`), tooLarge),
  row("B-31a", "120 headers", ofHeaders(120), accepted()),
  row("B-31b", "128 headers", ofHeaders(128), accepted()),
  row("B-31c", "129 headers", ofHeaders(129), tooMany),
  row("B-32a", "300 headers", ofHeaders(300, true), tooMany),
  row("B-32b", "2100 headers, those of the handshake last", ofHeaders(2100, true), tooMany),
  row("B-32c", "120 headers, those of the handshake last", ofHeaders(120, true), accepted()),
  reads(
    "B-33",
    "names of an object's own members",
    ["__proto__: a", "constructor: b", "hasOwnProperty: c"],
    { ["__proto__"]: "a", constructor: "b", hasownproperty: "c", "x-absent": null, tostring: null },
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

const cutOff: Row[] = endings.map((size) =>
  row(`B-37 ${size}`, "the end of the stream inside the request", whole.slice(0, size), unfinished),
);

export const headerCases: readonly Row[] = [...lineEnds, ...names, ...values, ...limits, ...cutOff];
