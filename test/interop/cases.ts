/**
 * What every client does against the echo server: data, so that clients in other languages read the same list as JSON.
 *
 * A client answers each case with a {@link Result}, after it has compared what came back byte by byte.
 *
 * @module
 */

/** The content of a message, the same in every language. */
export type Content =
  /** `text`, `times` times over. */
  | { readonly type: "text"; readonly text: string; readonly times: number }
  /** `size` bytes; the one at index i is i modulo 251, a prime, so that no cut at a power of two looks alike. */
  | { readonly type: "binary"; readonly size: number };

/** One thing to do on a connection of its own, which is then closed. */
export type Case = { readonly name: string } & (
  | ({ readonly action: "echo" } & Content)
  /** Sent in frames of `chunk` bytes, or characters where the client takes fragments of text as strings only. */
  | ({ readonly action: "fragments"; readonly chunk: number } & Content)
  | { readonly action: "ping"; readonly payload: string }
  | { readonly action: "subprotocol"; readonly offered: readonly string[]; readonly agreed: string }
  /** Whether the extensions agreed on begin with this name, or are none where it is "". */
  | { readonly action: "extensions"; readonly agreed: string }
  /** Texts "0", "1" and so on, all sent before the first answer is read. */
  | { readonly action: "many"; readonly count: number }
  | {
      readonly action: "close";
      readonly status: number;
      readonly reason: string;
      /** What the peer's close frame says, where its library does not echo what it got. */
      readonly answered?: CloseAnswer | undefined;
    }
  /** Connects to the path /close, where the server closes at once. */
  | { readonly action: "closed"; readonly status: number; readonly reason: string }
);

/** A case, and the server that it is played with, of which its name tells: a client that is started once plays with several. */
export type PlacedCase = Case & { readonly url: string };

/** Places cases with a server. */
export function placed(cases: readonly Case[], server: string, port: number): PlacedCase[] {
  const url = `ws://127.0.0.1:${port}/`;
  return cases.map((one) => ({ ...one, name: `${server}: ${one.name}`, url }));
}

/** Picks the results with one server of those with all, and gives what they have to be. */
export function resultsWith(
  results: readonly Result[],
  cases: readonly Case[],
  server: string,
): { readonly seen: readonly Result[]; readonly wanted: readonly Result[] } {
  const prefix = `${server}: `;
  return {
    seen: results.filter((result) => result.case.startsWith(prefix)),
    wanted: cases.map(({ name }) => ({ case: prefix + name, ok: true, detail: "" })),
  };
}

export interface CloseAnswer {
  readonly status: number;
  readonly reason: string;
}

export type Action = Case["action"];

/** How a case went, one JSON object per line where the client is a program. */
export interface Result {
  readonly case: string;
  readonly ok: boolean;
  /** What was wrong, "" where nothing was. */
  readonly detail: string;
}

const multiByteText = "Zażółć gęślą jaźń, 日本語, 👩‍🚀 — ";

function text(name: string, content: string, times = 1): Case {
  return { name, action: "echo", type: "text", text: content, times };
}

function binary(name: string, size: number): Case {
  return { name, action: "echo", type: "binary", size };
}

export const cases: readonly Case[] = [
  text("echoes text", "Hello"),
  binary("echoes bytes", 5),
  text("echoes an empty text", ""),
  binary("echoes an empty binary message", 0),
  // The three ways in which a header tells a length, on both sides of each border.
  binary("echoes 125 bytes", 125),
  binary("echoes 126 bytes", 126),
  binary("echoes 127 bytes", 127),
  binary("echoes 65 535 bytes", 65_535),
  binary("echoes 65 536 bytes", 65_536),
  binary("echoes 16 MiB, the most that the server takes", 16 * 1024 ** 2),
  text("echoes text of multi-byte characters", multiByteText),
  text("echoes long text of multi-byte characters", multiByteText, 10_000),
  {
    name: "puts fragments of text together, cut within characters",
    action: "fragments",
    type: "text",
    text: multiByteText,
    times: 3,
    chunk: 7,
  },
  {
    name: "puts fragments of bytes together",
    action: "fragments",
    type: "binary",
    size: 10_000,
    chunk: 77,
  },
  { name: "answers a ping with its payload", action: "ping", payload: "are you there?" },
  { name: "answers a ping of 125 bytes", action: "ping", payload: "x".repeat(125) },
  {
    name: "agrees on the first subprotocol offered",
    action: "subprotocol",
    offered: ["chat.v2", "chat.v1"],
    agreed: "chat.v2",
  },
  {
    name: "agrees on no subprotocol where none is offered",
    action: "subprotocol",
    offered: [],
    agreed: "",
  },
  { name: "answers 200 messages in flight in their order", action: "many", count: 200 },
  {
    name: "echoes status and reason of a close",
    action: "close",
    status: 4001,
    reason: "bye",
  },
  {
    name: "sees status and reason of the server's close, and echoes them",
    action: "closed",
    status: 4002,
    reason: "as you wish",
  },
];
