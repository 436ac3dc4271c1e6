import { zlibEngine } from "../../../adapters/zlib/engine.ts";
import { accepted, type Row, refused, request, row, type Setup } from "../support.ts";

/** Section D of the battery, rows 72 to 81: offers of extensions to a server that has permessage-deflate. */

const deflate: Setup = { options: { compression: { engine: zlibEngine() } } };

/** The server's own window is stated in each answer. */
const own = "server_max_window_bits=13";

/** The request has this header, or these lines of it, and the connection opens with this answer. */
function answers(
  id: string,
  name: string,
  offers: string | readonly string[],
  answer: string | null,
): Row {
  const value = answer === null ? null : `permessage-deflate; ${answer}`;
  return row(
    id,
    name,
    request({ more: linesOf(offers) }),
    accepted({ headers: { "sec-websocket-extensions": value } }),
    deflate,
  );
}

function linesOf(offers: string | readonly string[]): string[] {
  return [offers].flat().map((line) => `Sec-WebSocket-Extensions: ${line}`);
}

function malformed(id: string, name: string, offers: string): Row {
  return row(
    id,
    name,
    request({ more: linesOf(offers) }),
    refused(400, "MALFORMED_REQUEST"),
    deflate,
  );
}

const badBits = ["7", "16", "010", "+9", '""', "9.0", "8.", "0", "99999999999999999999", "x"];

const badParameters: Readonly<Record<string, string>> = {
  a: "unknown",
  b: "server_no_context_takeover=1",
  c: "client_no_context_takeover=true",
  d: "server_max_window_bits",
  e: "server_max_window_bits=9; server_max_window_bits=9",
  f: "client_max_window_bits; client_max_window_bits",
  g: "server_no_context_takeover; server_no_context_takeover",
};

export const extensionCases: readonly Row[] = [
  answers("D-72", "permessage-deflate alone", "permessage-deflate", own),
  answers(
    "D-72b",
    "what browsers offer",
    "permessage-deflate; client_max_window_bits",
    `${own}; client_max_window_bits=13`,
  ),
  answers(
    "D-72c",
    "a quoted value",
    'permessage-deflate; client_max_window_bits="10"',
    `${own}; client_max_window_bits=10`,
  ),
  ...[
    "server_max_window_bits = 12",
    "server_max_window_bits\t=12",
    'server_max_window_bits= "12"',
  ].map((parameter) =>
    answers(
      `D-72d ${JSON.stringify(parameter)}`,
      "blanks around an equals sign",
      `permessage-deflate; ${parameter}`,
      "server_max_window_bits=12",
    ),
  ),
  answers(
    "D-73",
    "an 8-bit window for the server",
    "permessage-deflate; server_max_window_bits=8",
    "server_max_window_bits=8",
  ),
  answers(
    "D-73b",
    "what must be repeated",
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
    "server_no_context_takeover; server_max_window_bits=10",
  ),
  ...["server", "client"].flatMap((side) =>
    badBits
      // An empty value is none that a header may have (RFC 6455, 9.1): see row 78.
      .filter((bits) => bits !== '""')
      .map((bits) =>
        answers(
          `D-74 ${side} ${bits}`,
          "a window that there is not",
          `permessage-deflate; ${side}_max_window_bits=${bits}`,
          null,
        ),
      ),
  ),
  ...Object.entries(badParameters).map(([letter, parameters]) =>
    answers(`D-75${letter}`, parameters, `permessage-deflate; ${parameters}`, null),
  ),
  answers(
    "D-76",
    "a bad offer and a good one behind it",
    "permessage-deflate; server_max_window_bits=7, permessage-deflate",
    own,
  ),
  answers("D-77", "constructor", "constructor", null),
  answers("D-77b", "__proto__ with a parameter", "__proto__; a=1, permessage-deflate", own),
  answers("D-77c", "constructor as a parameter", "permessage-deflate; constructor", null),
  malformed("D-78", "a comma alone", ","),
  malformed("D-78b", "a semicolon alone", ";"),
  malformed("D-78c", "a quoted value without an end", 'permessage-deflate; a="x'),
  malformed("D-78d", "a backslash at the end", 'permessage-deflate; a="x\\'),
  malformed("D-78e", "an empty value", 'permessage-deflate; server_max_window_bits=""'),
  malformed("D-79", "2000 quoted quotes", `a; b="${'\\"'.repeat(2000)}`),
  answers(
    "D-80",
    "offers over two lines",
    ["x-other, permessage-deflate; unknown", "permessage-deflate; server_max_window_bits=9"],
    "server_max_window_bits=9",
  ),
  answers(
    "D-81",
    "500 offers",
    [
      `${"permessage-deflate; x, ".repeat(300)}permessage-deflate`,
      "permessage-deflate, ".repeat(200),
    ],
    own,
  ),
];
