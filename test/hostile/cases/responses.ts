import { zlibEngine } from "../../../adapters/zlib/engine.ts";
import {
  accepted,
  answer,
  answers,
  close,
  echoesClose,
  exampleAccept,
  type HeadParts,
  latin1Bytes,
  type Outcome,
  ping,
  type Piece,
  plain,
  type Plays,
  row,
  type Row,
  session,
  only,
  type Setup,
  text,
  unanswered,
  unopened,
} from "../support.ts";

/** Section E of the battery: what servers answer to a client that offers subprotocols and permessage-deflate. */

const offering: Setup = {
  clientOptions: { protocols: ["a", "b"] },
  options: { compression: { engine: zlibEngine() } },
};

const malformed = unopened(0, "MALFORMED_RESPONSE MALFORMED_RESPONSE");
const tooLarge = unopened(0, "MALFORMED_RESPONSE HEAD_TOO_LARGE");

function respond(
  id: string,
  name: string,
  parts: HeadParts,
  outcome: Outcome,
  setup: Setup = offering,
): Row {
  return row(id, name, answers(parts), outcome, setup);
}

/** A response without anything of the handshake's. */
function page(
  id: string,
  name: string,
  status: number,
  lines: readonly string[],
  body: string,
  outcome: Partial<Outcome> = {},
): Row {
  const parts: HeadParts = {
    line: `HTTP/1.1 ${status} X`,
    headers: { Upgrade: undefined, Connection: undefined, "Sec-WebSocket-Accept": undefined },
    more: lines,
  };
  return row(
    id,
    name,
    answers(parts, latin1Bytes(body)),
    { ...unopened(status, "BAD_STATUS"), body, ...outcome },
    offering,
  );
}

const MiB = 1024 ** 2;
const location = { location: "http://evil.example/" };

const statuses: Row[] = [
  page("E-82a", "a page", 200, ["Content-Length: 5"], "Hello"),
  page("E-82b", "a redirect", 301, ["Location: http://evil.example/", "Content-Length: 0"], "", {
    headers: location,
  }),
  page(
    "E-82c",
    "a demand for credentials",
    401,
    ["WWW-Authenticate: Basic", "Content-Length: 0"],
    "",
    {
      headers: { "www-authenticate": "Basic" },
    },
  ),
  page("E-82d", "an error with a length", 404, ["Content-Length: 2", "X-Text: a"], "No", {
    headers: { "x-text": "a" },
  }),
  page("E-82e", "an error without a length", 500, [], "Oh", { end: "peer" }),
  page("E-82f", "an error in chunks", 500, ["Transfer-Encoding: chunked"], "2\r\nOh\r\n0\r\n\r\n", {
    body: "Oh",
  }),
  page("E-82g", "a body that is shorter than its length", 500, ["Content-Length: 9"], "Oh", {
    end: "peer",
  }),
  page("E-82h", "a body of 2 MiB", 200, [`Content-Length: ${2 * MiB}`], "a".repeat(2 * MiB), {
    body: "a".repeat(MiB),
  }),
  page("E-82i", "a status that is none of HTTP's", 999, ["Content-Length: 0"], ""),
  page("E-82j", "no content", 204, [], ""),
  page("E-82k", "a body of frames", 200, ["Content-Length: 4"], "\x81\x02Hi"),
];

const badAccept = unopened(101, "BAD_SEC_ACCEPT");

/** A response whose proof is changed. */
function proof(id: string, name: string, change: (accept: string) => string | undefined): Row {
  const plays: Plays = {
    client: {
      input: (accept) => answer(accept, { headers: { "Sec-WebSocket-Accept": change(accept) } }),
      headSize: 0,
    },
  };
  return row(id, name, plays, badAccept, offering);
}

const proofs: Row[] = [
  proof("E-83a", "another proof", () => exampleAccept),
  proof("E-83b", "no proof", () => undefined),
  proof("E-83c", "the proof twice", (accept) => `${accept}\r\nSec-WebSocket-Accept: ${accept}`),
  proof("E-83d", "an empty proof", () => ""),
  proof("E-83e", "the proof in a list", (accept) => `${accept}, ${accept}`),
  proof("E-83f", "the proof with something behind it", (accept) => `${accept}; a`),
  proof("E-84a", "the proof with more padding", (accept) => `${accept}=`),
  proof("E-84b", "the proof without padding", (accept) => accept.slice(0, -1)),
  proof("E-84c", "the proof in other letters", (accept) => otherLetters(accept)),
  proof("E-84d", "the proof in quotes", (accept) => `"${accept}"`),
];

function otherLetters(accept: string): string {
  return accept === accept.toLowerCase() ? accept.toUpperCase() : accept.toLowerCase();
}

const badUpgrade = unopened(101, "BAD_UPGRADE");
const badConnection = unopened(101, "BAD_CONNECTION");

const fields: Row[] = [
  respond("E-85a", "no Upgrade", { headers: { Upgrade: undefined } }, badUpgrade),
  ...["h2c", "websockets", "", "web socket"].map((value) =>
    respond(
      `E-85 ${JSON.stringify(value)}`,
      "another Upgrade",
      { headers: { Upgrade: value } },
      badUpgrade,
    ),
  ),
  respond("E-85b", "no Connection", { headers: { Connection: undefined } }, badConnection),
  ...["close", "keep-alive", "xUpgradex", ""].map((value) =>
    respond(
      `E-85 connection ${JSON.stringify(value)}`,
      "another Connection",
      { headers: { Connection: value } },
      badConnection,
    ),
  ),
  respond("E-85c", "Upgrade in other letters", { headers: { Upgrade: "WebSocket" } }, accepted()),
  respond(
    "E-86",
    "a list of connection options",
    { headers: { Connection: "keep-alive, Upgrade" } },
    accepted(),
  ),
  respond(
    "E-86b",
    "two Connection headers",
    { headers: { Connection: "keep-alive" }, more: ["connection: upgrade"] },
    accepted(),
  ),
];

const badProtocol = unopened(101, "BAD_SUBPROTOCOL");

/** Lines of a response with one name. */
function lines(name: string, ...values: readonly string[]): HeadParts {
  return { more: values.map((value) => `${name}: ${value}`) };
}

const subprotocols: Row[] = [
  ["E-87a", "a subprotocol that was not offered", ["c"], badProtocol] as const,
  ["E-87b", "two subprotocols", ["a", "b"], badProtocol] as const,
  ["E-87c", "a list of subprotocols", ["a, b"], badProtocol] as const,
  ["E-87d", "a subprotocol in other letters", ["A"], badProtocol] as const,
  ["E-87e", "an empty subprotocol", [""], badProtocol] as const,
  ["E-87f", "the same subprotocol twice", ["a", "a"], badProtocol] as const,
  ["E-87g", "a subprotocol that was offered", ["b"], accepted()] as const,
  ["E-87h", "no subprotocol", [], accepted()] as const,
].map(([id, name, values, outcome]) =>
  respond(id, name, lines("Sec-WebSocket-Protocol", ...values), outcome),
);

const badExtensions = unopened(101, "BAD_EXTENSIONS");
const pmd = "permessage-deflate";

/** A client that asks for a window of 10 bits, or else for any. */
const narrow: Setup = {
  options: { compression: { engine: zlibEngine(), serverMaxWindowBits: 10 } },
};
/** A client that wants no window to be kept. */
const forgetful: Setup = {
  options: { compression: { engine: zlibEngine(), serverNoContextTakeover: true } },
};

const extensions: Row[] = [
  ["E-88a", "an extension that was not offered", "x-other"],
  ["E-88b", "permessage-deflate twice", `${pmd}, ${pmd}`],
  ["E-88c", "permessage-deflate and one that was not offered", `${pmd}, x-other`],
  ["E-88d", "a window of 16 bits", `${pmd}; server_max_window_bits=16`],
  ["E-88e", "a window of 7 bits", `${pmd}; client_max_window_bits=7`],
  ["E-88f", "a window with a zero in front", `${pmd}; server_max_window_bits=010`],
  ["E-88g", "a window of a huge number", `${pmd}; server_max_window_bits=${"9".repeat(99)}`],
  ["E-88h", "a window without a value", `${pmd}; server_max_window_bits`],
  ["E-88i", "the client's window without a value", `${pmd}; client_max_window_bits`],
  ["E-88j", "a parameter that there is not", `${pmd}; junk`],
  ["E-88k", "a value that there is not", `${pmd}; server_no_context_takeover=1`],
  ["E-88l", "a parameter twice", `${pmd}; server_no_context_takeover; server_no_context_takeover`],
  ["E-88n", "names of an object's own members", "constructor"],
  ["E-88o", "an object's own member as a parameter", `${pmd}; __proto__`],
  ["E-88p", "a list that is none", `${pmd}; =;`],
  ["E-88q", "a quoted value without an end", `${pmd}; server_max_window_bits="9`],
].map(([id, name, value]) =>
  respond(id!, name!, lines("Sec-WebSocket-Extensions", value!), badExtensions),
);

function agree(id: string, name: string, value: string, setup = offering): Row {
  return respond(id, name, lines("Sec-WebSocket-Extensions", value), accepted(), setup);
}

const moreExtensions: Row[] = [
  respond(
    "E-88r",
    "two header lines with an extension each",
    lines("Sec-WebSocket-Extensions", pmd, pmd),
    badExtensions,
  ),
  respond(
    "E-88s",
    "an extension where none was offered",
    lines("Sec-WebSocket-Extensions", pmd),
    badExtensions,
    plain,
  ),
  respond(
    "E-88t",
    "a window that is kept where that was not wanted",
    lines("Sec-WebSocket-Extensions", pmd),
    badExtensions,
    forgetful,
  ),
  agree(
    "E-88u",
    "a window that is not kept, as it was wanted",
    `${pmd}; server_no_context_takeover`,
    forgetful,
  ),
  agree(
    "E-88v",
    "the largest window for the client, which may use less",
    `${pmd}; client_max_window_bits=15`,
  ),
  agree(
    "E-88w",
    "the window that was asked for first",
    `${pmd}; server_max_window_bits=10`,
    narrow,
  ),
  agree("E-88x", "no window, by the second offer", pmd, narrow),
  agree(
    "E-88y",
    "a larger window than was asked for first, by the second offer",
    `${pmd}; server_max_window_bits=11`,
    narrow,
  ),
];

/** Responses in front of the right one. */
function behind(id: string, name: string, before: string, outcome: Outcome): Row {
  const plays: Plays = {
    client: {
      input: (accept) =>
        new Uint8Array([...latin1Bytes(before), ...answer(accept), ...text("Hi").from("server")]),
      headSize: 0,
    },
  };
  return row(id, name, plays, outcome, offering);
}

const informational = [
  behind(
    "E-89a",
    "100 and 103 in front",
    "HTTP/1.1 100\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    accepted({ messages: ["Hi"] }),
  ),
  behind(
    "E-89b",
    "eight of them",
    "HTTP/1.1 102 X\r\n\r\n".repeat(8),
    accepted({ messages: ["Hi"] }),
  ),
  behind(
    "E-89c",
    "more than eight",
    "HTTP/1.1 100\r\n\r\n".repeat(9),
    unopened(0, "MALFORMED_RESPONSE"),
  ),
  behind("E-89d", "a malformed one", "HTTP/1.1 100\r\nA\r\n\r\n", malformed),
];

const huge = "a".repeat(100_000);

const lineRows: Row[] = [
  ["E-90a", "HTTP/1.0", "HTTP/1.0 101 X", unopened(101, "BAD_PROTOCOL")] as const,
  ["E-90b", "HTTP/2.0", "HTTP/2.0 101 X", unopened(101, "BAD_PROTOCOL")] as const,
  ["E-90c", "HTTP/0.9", "HTTP/0.9 101 X", unopened(101, "BAD_PROTOCOL")] as const,
  ["E-90d", "HTTP/1.2", "HTTP/1.2 101 X", accepted()] as const,
  ["E-90e", "no reason", "HTTP/1.1 101", accepted()] as const,
  ["E-90f", "an empty reason", "HTTP/1.1 101 ", accepted()] as const,
  ["E-90g", "a reason in Latin-1", "HTTP/1.1 101 \xe4", accepted()] as const,
  ["E-90h", "a status line past the limit", `HTTP/1.1 101 ${huge}`, tooLarge] as const,
  ...[
    "HTTP/1.1 1o1 X",
    "HTTP/1.1 0101 X",
    "HTTP/1.1 10 X",
    "HTTP/1.1  101 X",
    "HTTP/1.1\t101 X",
    "HTTP/1.1",
    "HTTP/1 101 X",
    "HTTP/1.10 101 X",
    "http/1.1 101 X",
    " HTTP/1.1 101 X",
    "HTTP/1.1 101 X\0",
    "ICY 101 X",
    "101 X",
    "",
    "GET / HTTP/1.1",
  ].map(
    (line) => [`E-90 ${JSON.stringify(line)}`, "a malformed status line", line, malformed] as const,
  ),
].map(([id, name, line, outcome]) => respond(id, name, { line }, outcome));

const noHttp: Row[] = [
  ["E-90i", "a status line of 3 MB that does not end", `HTTP/1.1 101 ${"a".repeat(3e6)}`, tooLarge],
  ["E-90j", "the banner of SSH", "SSH-2.0-OpenSSH_9.0\r\n", malformed],
  ["E-90k", "a TLS alert", "\x15\x03\x01\0\x02\x02\x28", malformed],
  ["E-90l", "a NUL", "\0", malformed],
  ["E-90m", "a frame in place of a response", "\x81\x02Hi", malformed],
  ["E-90n", "HTTP/0.9's way", "<html>", malformed],
].map(([id, name, characters, outcome]) => {
  const bytes = latin1Bytes(characters as string);
  const plays: Plays = { client: { input: () => bytes, headSize: 0 } };
  return row(id as string, name as string, plays, outcome as Outcome, offering);
});

/** Frames behind the response, in one packet with it. */
function early(id: string, name: string, outcome: Outcome, ...pieces: readonly Piece[]): Row {
  return row(id, name, only("client", session(...pieces)), outcome);
}

const ends = [1, 8, 9, 12, 13, 20, 33, 34, 60, 90, -3, -2, -1];

const behindAnswer: Row[] = [
  early(
    "E-92a",
    "a frame in the packet of the response",
    accepted({ messages: ["Hi"] }),
    text("Hi"),
  ),
  early(
    "E-92b",
    "many frames in the packet of the response",
    accepted({ messages: ["1", "2"], replies: ['pong "a"'] }),
    text("1"),
    ping("a"),
    text("2"),
  ),
  early("E-92c", "a close in the packet of the response", echoesClose(1000), close(1000)),
  early("E-93a", "the end of the stream behind the response", accepted()),
  ...ends.map((size) =>
    row(
      `E-93 ${size}`,
      "the end of the stream inside the response",
      { client: { input: (accept) => answer(accept).slice(0, size), headSize: 0 } },
      unanswered,
    ),
  ),
  row(
    "E-93b",
    "the end of the stream in place of a response",
    { client: { input: () => new Uint8Array(0), headSize: 0 } },
    unanswered,
  ),
  row(
    "E-96",
    "a redirect to another origin, where none are followed",
    answers({
      line: "HTTP/1.1 302 Found",
      more: ["Location: ws://evil.example/", "Content-Length: 0"],
    }),
    unopened(302, "BAD_STATUS", { location: "ws://evil.example/" }),
  ),
];

export const responseCases: readonly Row[] = [
  ...statuses,
  ...proofs,
  ...fields,
  ...subprotocols,
  ...extensions,
  ...moreExtensions,
  ...informational,
  ...lineRows,
  ...noHttp,
  ...behindAnswer,
];
