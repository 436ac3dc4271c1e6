import type { ServerHandlers } from "../../../src/connection/handlers.ts";
import { rejectConnection } from "../../../src/handshake/server/reject.ts";
import {
  accepted,
  type Row,
  only,
  type Outcome,
  ping,
  refused,
  request,
  row,
  session,
  type Setup,
  text,
} from "../support.ts";

/** Section C of the battery: what an application decides about a handshake. */

type Values = Readonly<Record<string, string | undefined>>;

function withFields(headers: Values, ...more: readonly string[]): Uint8Array {
  return request({ headers, more });
}

/** A hook that decides later, so that what comes early has to be kept. */
const decidesLater: Setup = {
  handlers: () => ({
    upgrade: async ({ protocols }) => {
      for (let i = 0; i < 10; i++) await undefined;
      return { protocol: protocols[0] };
    },
  }),
};

const checksOrigin: Setup = {
  handlers: () => ({
    upgrade: ({ origin }) => {
      if (origin !== "https://good.example") throw rejectConnection({ message: "Wrong origin" });
    },
  }),
};
const wrongOrigin = refused(403, "REJECTED");

const hooks: Row[] = [
  row(
    "C-61c",
    "frames behind a request that is decided later",
    only("server", session(text("1"), ping("a"), text("2"))),
    accepted({ messages: ["1", "2"], replies: ['pong "a"'] }),
    decidesLater,
  ),
  row(
    "C-63a",
    "the right Origin",
    withFields({ Origin: "https://good.example" }),
    accepted(),
    checksOrigin,
  ),
  row("C-63b", "no Origin", request(), wrongOrigin, checksOrigin),
  ...[
    "https://evil.example",
    "null",
    "https://good.example.evil",
    "https://good.example, https://evil.example",
    "http://good.example",
    "",
  ].map((origin) =>
    row(
      `C-63 ${JSON.stringify(origin)}`,
      "a wrong Origin",
      withFields({ Origin: origin }),
      wrongOrigin,
      checksOrigin,
    ),
  ),
  row(
    "C-63c",
    "a second Origin",
    withFields({ Origin: "https://good.example" }, "Origin: https://evil.example"),
    wrongOrigin,
    checksOrigin,
  ),
];

const internal: Outcome = {
  ...refused(500, "INTERNAL"),
  headers: { "x-injected": null, "set-cookie": null },
};

/** A setup whose hook answers what no hook may answer. */
function answers(upgrade: ServerHandlers["upgrade"]): Setup {
  return { handlers: () => ({ upgrade: upgrade! }), fresh: 500 };
}

/** What cannot be written in types, but by an application without them. */
const untyped = (value: unknown): never => value as never;

const badAnswers: [id: string, name: string, upgrade: ServerHandlers["upgrade"]][] = [
  [
    "C-64a",
    "a reply header with CRLF in its value",
    () => ({ headers: [["X-A", "a\r\nX-Injected: b"]] }),
  ],
  [
    "C-64b",
    "a reply header with a LF in its value",
    () => ({ headers: [["X-A", "a\nX-Injected: b"]] }),
  ],
  [
    "C-64c",
    "a reply header with a CR in its value",
    () => ({ headers: [["X-A", "a\rX-Injected: b"]] }),
  ],
  ["C-64d", "a reply header with a NUL in its value", () => ({ headers: [["X-A", "a\0b"]] })],
  [
    "C-64e",
    "a reply header with a character above U+00FF",
    () => ({ headers: [["X-A", "\u010d\u010a"]] }),
  ],
  [
    "C-64f",
    "a reply header with CRLF in its name",
    () => ({ headers: [["X-A: a\r\nX-Injected", "b"]] }),
  ],
  ["C-64g", "a reply header with a blank in its name", () => ({ headers: [["X A", "b"]] })],
  ["C-64h", "a reply header without a name", () => ({ headers: [["", "b"]] })],
  ["C-64i", "a second Sec-WebSocket-Accept", () => ({ headers: [["sec-websocket-accept", "b"]] })],
  ["C-64j", "a Content-Length in the reply", () => ({ headers: [["Content-Length", "5"]] })],
  [
    "C-64k",
    "a good header before a bad one",
    () => ({
      headers: [
        ["Set-Cookie", "a=1"],
        ["X-A", "\n"],
      ],
    }),
  ],
  ["C-64l", "reply headers that are no list", () => ({ headers: untyped(5) })],
  ["C-64m", "a reply header that is no text", () => ({ headers: [untyped(["X-A", undefined])] })],
  [
    "C-64n",
    "a refusal with CRLF in a header",
    () => {
      throw rejectConnection({ headers: [["X-A", "a\r\nX-Injected: b"]] });
    },
  ],
  [
    "C-64o",
    "a refusal with status 101",
    () => {
      throw rejectConnection({ status: 101 });
    },
  ],
  [
    "C-64p",
    "a refusal with status 1000",
    () => {
      throw rejectConnection({ status: 1000 });
    },
  ],
  ["C-65a", "a subprotocol that nobody offered", () => ({ protocol: "chat" })],
  ["C-65b", "a subprotocol with CRLF", () => ({ protocol: "a\r\nX-Injected: b" })],
  ["C-65c", "an empty subprotocol", () => ({ protocol: "" })],
  ["C-65d", "a subprotocol that is no text", () => ({ protocol: untyped(5) })],
  [
    "C-66a",
    "a hook that throws",
    () => {
      throw new Error("secret");
    },
  ],
  ["C-66b", "a hook that rejects", () => Promise.reject(new Error("secret"))],
  [
    "C-66c",
    "a hook that rejects later",
    async () => {
      await undefined;
      throw new Error("secret");
    },
  ],
  [
    "C-66d",
    "a hook that throws undefined",
    () => {
      throw undefined as unknown;
    },
  ],
  [
    "C-66e",
    "a hook that throws a text",
    () => {
      throw "secret" as unknown;
    },
  ],
  ["C-66f", "a hook that rejects with undefined", () => Promise.reject(undefined as unknown)],
];

const application: Row[] = badAnswers.map(([id, name, upgrade]) =>
  row(
    id,
    name,
    request({ headers: { "Sec-WebSocket-Protocol": "a, Chat" } }),
    internal,
    answers(upgrade),
  ),
);

/** A setup whose hook for plain requests answers what none may answer. */
function replies(http: NonNullable<ServerHandlers["http"]>): Setup {
  return { handlers: () => ({ http }) };
}

const badReplies: [id: string, name: string, http: NonNullable<ServerHandlers["http"]>][] = [
  ["C-64q", "CRLF in a header", () => ({ headers: [["X-A", "a\r\nX-Injected: b"]] })],
  ["C-64r", "a Transfer-Encoding", () => ({ headers: [["Transfer-Encoding", "chunked"]] })],
  ["C-64s", "status 101", () => ({ status: 101 })],
  ["C-64t", "status 600", () => ({ status: 600 })],
  ["C-64u", "a body that is no text", () => ({ body: untyped(5) })],
  ["C-66g", "undefined", () => untyped(undefined)],
  ["C-66h", "a rejection", () => Promise.reject(new Error("secret"))],
];

const pages: Row[] = badReplies.map(([id, name, http]) =>
  row(
    id,
    `a reply to a plain request with ${name}`,
    withFields({ Upgrade: undefined }),
    internal,
    replies(http),
  ),
);

export const hookCases: readonly Row[] = [...hooks, ...application, ...pages];
