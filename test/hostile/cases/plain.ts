/**
 * What follows plain requests, and is not as it should be: bodies that are framed twice or badly, one request in another one, floods,
 * and odd targets. Each is sent to a server that answers GET, and echoes the body of POST; behind what is no fault comes `last`, so
 * that each connection comes to its end.
 */

/** One stream of bytes, and all that is answered. */
export interface PlainRow {
  readonly id: string;
  readonly name: string;
  /** Latin-1. */
  readonly sent: string;
  /** Latin-1, without the lines of Date. */
  readonly said: string;
}

/** A request with its lines and its body. */
function asks(line: string, lines: readonly string[] = [], body = ""): string {
  return `${[`${line} HTTP/1.1`, "Host: localhost", ...lines, "", ""].join("\r\n")}${body}`;
}

/** One that nobody asks for: answered, it would show that one request was taken for two. */
const smuggled = asks("GET /smuggled");
const last = asks("GET /last", ["Connection: close"]);
const chunked = ["Transfer-Encoding: chunked"];

function answers(connection: string, body: string, shown = true): string {
  const head = [
    "HTTP/1.1 200 OK",
    connection,
    `Content-Length: ${body.length}`,
    "Content-Type: text/plain; charset=utf-8",
  ];
  return `${[...head, "", ""].join("\r\n")}${shown ? body : ""}`;
}

/** An answer behind which the connection goes on. */
function ok(body: string, shown = true): string {
  return answers("Connection: keep-alive\r\nKeep-Alive: timeout=5", body, shown);
}

const done = answers("Connection: close", "GET /last");

function allows(...methods: readonly string[]): string {
  const head = [
    "HTTP/1.1 204 No Content",
    "Connection: keep-alive",
    "Keep-Alive: timeout=5",
    `Allow: ${methods.join(", ")}`,
  ];
  return [...head, "", ""].join("\r\n");
}

/** A refusal, which ends the connection. */
function refused(status: string, message: string, ...lines: readonly string[]): string {
  const body = `${message}\n`;
  const head = [
    `HTTP/1.1 ${status}`,
    "Connection: close",
    `Content-Length: ${body.length}`,
    "Content-Type: text/plain; charset=utf-8",
    ...lines,
  ];
  return `${[...head, "", ""].join("\r\n")}${body}`;
}

const bad = "400 Bad Request";

function badBody(what: string): string {
  return refused(bad, `Malformed request body: ${what}`);
}

function badHead(what: string): string {
  return refused(bad, `Malformed HTTP request: ${what}`);
}

const notPath = refused(bad, "Request target must be a path or a URL");
const badExtension = badBody("extension of a chunk");
const tooLarge = "413 Content Too Large";
const tooManyFields = "431 Request Header Fields Too Large";
const noCrLf = badBody("a chunk, or a line of it, does not end with CRLF");
const badSize = badBody("size of a chunk");
const both = badBody("Transfer-Encoding and Content-Length");
const tooMuchBeside = badBody("extensions and trailers of more than 16 KiB");

function row(id: string, name: string, sent: string, said: string): PlainRow {
  return { id, name, sent, said };
}

/** A body that is malformed, with a request behind it that must not be answered. */
function badChunks(id: string, name: string, body: string, said: string): PlainRow {
  return row(id, name, `${asks("POST /", chunked, body)}${smuggled}`, said);
}

function badFraming(id: string, lines: readonly string[], said: string): PlainRow {
  return row(
    id,
    lines.map((line) => JSON.stringify(line)).join(", "),
    `${asks("POST /", lines, "0\r\n\r\n")}${smuggled}`,
    said,
  );
}

export const plainRows: readonly PlainRow[] = [
  // How long a body is, is said once.
  badFraming("L-176a", ["Content-Length: 5", "Transfer-Encoding: chunked"], both),
  badFraming("L-176b", ["Transfer-Encoding: chunked", "Content-Length: 5"], both),
  badFraming(
    "L-176c",
    ["Content-Length: 5", "Content-Length: 5"],
    badBody("several Content-Length"),
  ),
  badFraming(
    "L-176d",
    ["Content-Length: 5", "Content-Length: 0"],
    badBody("several Content-Length"),
  ),
  ...["5, 5", "+5", "-5", "0x5", "5 5", "", "5e0", "٥"].map((length) =>
    badFraming(
      `L-176e ${JSON.stringify(length)}`,
      [`Content-Length: ${String.fromCharCode(...new TextEncoder().encode(length))}`],
      badBody("Content-Length is no number"),
    ),
  ),
  badFraming(
    "L-176f",
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    badBody("several Transfer-Encoding"),
  ),
  ...["identity", "chunked, identity", "xchunked", "chunked;q=1", ""].map((coding) =>
    badFraming(
      `L-176g ${JSON.stringify(coding)}`,
      [`Transfer-Encoding: ${coding}`],
      badBody("Transfer-Encoding is not chunked"),
    ),
  ),
  ...["gzip, chunked", "chunked, chunked", "\u000b, chunked".slice(1)].map((coding) =>
    badFraming(
      `L-176h ${JSON.stringify(coding)}`,
      [`Transfer-Encoding: ${coding}`],
      refused("501 Not Implemented", "Malformed request body: unknown Transfer-Encoding"),
    ),
  ),
  row(
    "L-176i",
    "a Transfer-Encoding in HTTP/1.0",
    `${asks("POST /", chunked, "0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0")}${smuggled}`,
    badBody("Transfer-Encoding in HTTP/1.0"),
  ),
  // Names that another server might read as the header.
  ...(
    [
      ["Transfer-Encoding : chunked", 57],
      [" Transfer-Encoding: chunked", 40],
      ["Transfer\u00a0Encoding: chunked", 48],
    ] as const
  ).map(([line, at]) =>
    row(
      `L-177a ${at}`,
      JSON.stringify(line),
      `${asks("POST /", ["X: a", line], "0\r\n\r\n")}${smuggled}`,
      badHead(`bad header name at byte ${at}`),
    ),
  ),
  row(
    "L-177b",
    "a folded line",
    `${asks("POST /", ["Content-Length: 1", " 0"], "a")}${smuggled}`,
    badHead("bad header name at byte 53"),
  ),
  row(
    "L-177c",
    "a line that ends with LF",
    `${asks("GET /", ["X: a\nContent-Length: 30"])}${smuggled}`,
    badHead("bad header value at byte 37"),
  ),
  row(
    "L-177d",
    "a CR within a line",
    `${asks("GET /", ["X: a\rContent-Length: 30"])}${smuggled}`,
    badHead("CR without LF at byte 38"),
  ),
  row(
    "L-177e",
    "a NUL within a line",
    `${asks("GET /", ["X: a\0b"])}${smuggled}`,
    badHead("bad header value at byte 37"),
  ),
  row("L-177f", "an empty line in front of the request", `\r\n${last}`, done),
  row(
    "L-177g",
    "an underscore is another header",
    `${asks("POST /", ["Content_Length: 30"])}${last}`,
    ok("") + done,
  ),
  // The chunked coding.
  badChunks("L-178a", "LF behind the size", "3\nabc\r\n0\r\n\r\n", badSize),
  badChunks("L-178b", "LF behind the data", "3\r\nabc\n0\r\n\r\n", noCrLf),
  badChunks("L-178c", "CR behind the size alone", "3\rabc\r\n0\r\n\r\n", noCrLf),
  badChunks("L-178d", "data that is longer than its size", "3\r\nabcd\r\n0\r\n\r\n", noCrLf),
  badChunks("L-178e", "data that is shorter than its size", "5\r\nabc\r\n0\r\n\r\n", noCrLf),
  badChunks("L-178f", "no size", "\r\nabc\r\n0\r\n\r\n", badSize),
  badChunks("L-178g", "a size with a sign", "+3\r\nabc\r\n0\r\n\r\n", badSize),
  badChunks("L-178h", "a size with 0x", "0x3\r\nabc\r\n0\r\n\r\n", badSize),
  badChunks("L-178i", "a size in front of a space", "3 \r\nabc\r\n0\r\n\r\n", badSize),
  badChunks("L-178j", "a size of 13 digits", "0000000000003\r\nabc\r\n0\r\n\r\n", badSize),
  badChunks(
    "L-178k",
    "a size beyond the limit",
    "fffffff\r\nabc\r\n0\r\n\r\n",
    refused(tooLarge, "More than maxBodySize: 268435455 > 1048576"),
  ),
  badChunks(
    "L-178l",
    "a control character in an extension",
    "3;a\u0001\r\nabc\r\n0\r\n\r\n",
    badExtension,
  ),
  badChunks("L-178m", "LF in an extension", "3;a\nabc\r\n0\r\n\r\n", badExtension),
  badChunks(
    "L-178n",
    "an extension of 17 KiB",
    `3;${"a".repeat(17 * 1024)}\r\nabc\r\n0\r\n\r\n`,
    tooMuchBeside,
  ),
  badChunks(
    "L-178o",
    "many extensions",
    `${`1;${"a".repeat(100)}\r\na\r\n`.repeat(200)}0\r\n\r\n`,
    tooMuchBeside,
  ),
  badChunks(
    "L-178p",
    "a trailer of 17 KiB",
    `0\r\nA: ${"a".repeat(17 * 1024)}\r\n\r\n`,
    tooMuchBeside,
  ),
  badChunks("L-178q", "a trailer that is none", "0\r\nA B\r\n\r\n", badBody("trailer")),
  badChunks("L-178r", "a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", badBody("trailer")),
  badChunks("L-178s", "a trailer that ends with LF", "0\r\nA: b\n\r\n", badBody("trailer")),
  row(
    "L-178t",
    "extensions and trailers that are well-formed, and dropped",
    `${asks("POST /", chunked, '3;a="b;c"\r\nabc\r\n00\r\nContent-Length: 9\r\n\r\n')}${last}`,
    ok("abc") + done,
  ),
  // Bodies where none is expected.
  row(
    "L-179a",
    "GET with a body",
    `${asks("GET /a", ["Content-Length: 5"], "GET /")}${last}`,
    ok("GET /a") + done,
  ),
  row(
    "L-179b",
    "HEAD with a body",
    `${asks("HEAD /a", ["Content-Length: 5"], "GET /")}${last}`,
    ok("GET /a", false) + done,
  ),
  row(
    "L-179c",
    "OPTIONS with a body",
    `${asks("OPTIONS /a", chunked, "1\r\na\r\n0\r\n\r\n")}${last}`,
    allows("GET", "POST", "HEAD", "OPTIONS") + done,
  ),
  row(
    "L-179d",
    "OPTIONS *",
    `${asks("OPTIONS *")}${last}`,
    allows("GET", "HEAD", "OPTIONS") + done,
  ),
  row("L-179e", "GET *", `${asks("GET *")}${smuggled}`, notPath),
  row("L-179f", "CONNECT", `${asks("CONNECT localhost:80")}${smuggled}`, notPath),
  row(
    "L-179g",
    "TRACE",
    `${asks("TRACE /")}${smuggled}`,
    refused(
      "405 Method Not Allowed",
      "Method must be one of GET, POST, HEAD, OPTIONS",
      "Allow: GET, POST, HEAD, OPTIONS",
    ),
  ),
  row(
    "L-179h",
    "a body beyond the limit",
    `${asks("POST /", ["Content-Length: 2000000"])}${smuggled}`,
    refused(tooLarge, "More than maxBodySize: 2000000 > 1048576"),
  ),
  row(
    "L-179i",
    "an Expect that nobody knows",
    `${asks("POST /", ["Expect: 200-ok", "Content-Length: 0"])}${smuggled}`,
    refused("417 Expectation Failed", "Expect knows 100-continue alone"),
  ),
  // Much of it.
  row(
    "L-180a",
    "a target of 9 KiB",
    `${asks(`GET /${"a".repeat(9 * 1024)}`)}${smuggled}`,
    refused("414 URI Too Long", "More than maxTargetSize: 8193 > 8192"),
  ),
  row(
    "L-180b",
    "a head of 17 KiB",
    `${asks("GET /", [`X: ${"a".repeat(17 * 1024)}`])}${smuggled}`,
    refused(tooManyFields, "More than maxHeadSize: 16385 > 16384"),
  ),
  row(
    "L-180c",
    "129 headers",
    `${asks("GET /", Array<string>(129).fill("X: a"))}${smuggled}`,
    refused(tooManyFields, "More than maxHeaders: 129 > 128"),
  ),
  row(
    "L-180d",
    "five hundred requests at once",
    `${asks("GET /a").repeat(500)}${last}`,
    ok("GET /a").repeat(500) + done,
  ),
  row(
    "L-180e",
    "two hundred uploads at once",
    `${asks("POST /", ["Content-Length: 3"], "abc").repeat(200)}${last}`,
    ok("abc").repeat(200) + done,
  ),
  // More, or less, than was told.
  row(
    "L-182a",
    "a body that is longer than told: the rest is no request",
    `${asks("POST /", ["Content-Length: 3"], "abcdef\r\n\r\n")}${smuggled}`,
    ok("abc") + badHead("no method at byte 3"),
  ),
  row(
    "L-182b",
    "a body that is longer than its last chunk",
    `${asks("POST /", chunked, "3\r\nabc\r\n0\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")}${smuggled}`,
    ok("abc") + badHead("no method at byte 1"),
  ),
  row(
    "L-182c",
    "a body that is told longer than it is takes the request behind it",
    `${asks("POST /", [`Content-Length: ${smuggled.length}`], smuggled)}${last}`,
    ok(smuggled) + done,
  ),
];
