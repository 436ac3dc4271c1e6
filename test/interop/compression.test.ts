import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Action, Case } from "./cases.ts";
import { type Client, clients, endClients } from "./clients.ts";
import { type ServerProgram, startEcho } from "./servers.ts";

/*
 * The echo server compresses, and so do clients that nobody here wrote: whatever they offer by themselves, with what the
 * server is told to want of it. Each client tells what was agreed upon, so that a test in which nothing was compressed
 * fails.
 */

/** What the server is told, and what of it each client's own offer lets it answer. */
const settings: Readonly<Record<string, object>> = {
  "its defaults": {},
  "no window kept on either side": {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    threshold: 0,
  },
  "the smallest windows": {
    serverMaxWindowBits: 9,
    clientMaxWindowBits: 9,
    memLevel: 1,
    level: 9,
    threshold: 0,
  },
  "the largest windows, from 1 KiB on": {
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
    memLevel: 8,
    level: 6,
    threshold: 1024,
  },
};

const words = "the quick brown fox jumps over the lazy dog, ";

function text(size: number): Case {
  const times = Math.ceil(size / words.length);
  return { name: `text of ${size} bytes`, action: "echo", type: "text", text: words, times };
}

function binary(size: number): Case {
  return { name: `${size} bytes`, action: "echo", type: "binary", size };
}

const cases: readonly Case[] = [
  { name: "agrees on permessage-deflate", action: "extensions", agreed: "permessage-deflate" },
  ...[1, 50, 1000, 1024, 65_536, 1024 ** 2].flatMap((size) => [text(size), binary(size)]),
  { name: "1 byte of text", action: "echo", type: "text", text: "a", times: 1 },
  { name: "an empty text", action: "echo", type: "text", text: "", times: 1 },
  {
    name: "fragments",
    action: "fragments",
    type: "text",
    text: words,
    times: 200,
    chunk: 77,
  },
  { name: "300 messages that refer to each other", action: "many", count: 300 },
];

/** Clients whose library does not compress. */
const plain = new Set(["Deno WebSocket", "Qt QWebSocket", "java.net.http"]);

/** Why a client is left out of an action with some settings. */
const bugs: readonly {
  readonly client: string;
  readonly settings: string;
  /** All of them where it is undefined. */
  readonly action?: Action;
  readonly bug: string;
}[] = [
  {
    client: "Tornado",
    settings: "no window kept on either side",
    action: "many",
    bug: "Tornado loses parameters without a value, so that it keeps its window (RFC 7692, 7.1.1.2)",
  },
  // RFC 7692, 6: a message may be sent as it is.
  ...["its defaults", "the largest windows, from 1 KiB on"].map((settings) => ({
    client: "libwebsockets",
    settings,
    bug: "libwebsockets 4.1 reads a message that was not compressed over and over again",
  })),
  {
    client: "libwebsockets",
    settings: "the smallest windows",
    action: "echo",
    bug: "libwebsockets 4.1 ends by an assertion (rx.avail_out) where what it inflates fills its buffer to the brim",
  },
];

afterAll(endClients);

describe.each(["node", "deno", "bun"] as const)(
  "an echo server on %s that compresses",
  (runtime) => {
    describe.each(Object.entries(settings))("with %s", (setting, options) => {
      let echo: ServerProgram;

      beforeAll(async () => {
        echo = await startEcho(runtime, "--compression", JSON.stringify(options));
      });

      afterAll(() => echo.stop());

      for (const client of clients) {
        // To one that does not compress the settings are all the same.
        if (plain.has(client.name) && setting !== "its defaults") continue;
        const possible = possibleFor(client, setting);
        if (possible.length === 0) continue;
        const reason = client.missing();
        if (reason !== undefined && process.env["CI"]) {
          it(`has ${client.name} as a client`, () => expect.fail(reason));
          continue;
        }
        it.skipIf(reason !== undefined)(`gets on with ${client.name}`, async () => {
          const results = await client.run(`ws://127.0.0.1:${echo.port}/`, possible);
          const wanted = possible.map(({ name }) => ({ case: name, ok: true, detail: "" }));
          expect(results).toEqual(wanted);
        });
      }
    });
  },
);

function possibleFor(client: Client, setting: string): Case[] {
  const agreed = plain.has(client.name) ? "" : "permessage-deflate";
  return cases
    .filter(({ action }) => client.cannot[action] === undefined && !isBug(client, setting, action))
    .map((one) => (one.action === "extensions" ? { ...one, agreed } : one));
}

function isBug(client: Client, setting: string, action: Action): boolean {
  return bugs.some(
    (one) =>
      one.client === client.name && one.settings === setting && (one.action ?? action) === action,
  );
}
