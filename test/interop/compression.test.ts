import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Runtime } from "../support/runtime.ts";
import { type Action, type Case, placed, type Result, resultsWith } from "./cases.ts";
import { type Client, clientDeadline, clients, endClients } from "./clients.ts";
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

const runtimes = ["node", "deno", "bun"] as const;

/** The servers, by the names that they have in the cases. */
const servers = new Map<string, ServerProgram>();

function nameOf(runtime: Runtime, setting: string): string {
  return `on ${runtime} with ${setting}`;
}

beforeAll(async () => {
  await Promise.all(
    runtimes.map(async (runtime) => {
      for (const [setting, options] of Object.entries(settings)) {
        const server = await startEcho(runtime, "--compression", JSON.stringify(options));
        servers.set(nameOf(runtime, setting), server);
      }
    }),
  );
});

afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.stop()));
  await endClients();
});

for (const client of clients) {
  const reason = client.missing();
  if (reason !== undefined && process.env["CI"]) {
    it(`has ${client.name} as a client`, () => expect.fail(reason));
    continue;
  }
  const sets = Object.keys(settings)
    // To one that does not compress the settings are all the same.
    .filter((setting) => !plain.has(client.name) || setting === "its defaults")
    .map((setting) => ({ setting, possible: possibleFor(client, setting) }))
    .filter(({ possible }) => possible.length > 0)
    .flatMap((set) => runtimes.map((runtime) => ({ runtime, ...set })));

  describe.skipIf(reason !== undefined)(
    `an echo server that compresses, with ${client.name}`,
    () => {
      let results: readonly Result[];

      // One start of the client for all servers: to start it takes longer than what it plays.
      beforeAll(async () => {
        const all = sets.flatMap(({ runtime, setting, possible }) => {
          const name = nameOf(runtime, setting);
          return placed(possible, name, servers.get(name)!.port);
        });
        results = await client.run(all);
      }, clientDeadline);

      it.each(sets)(
        "gets on with it on $runtime with $setting",
        ({ runtime, setting, possible }) => {
          const { seen, wanted } = resultsWith(results, possible, nameOf(runtime, setting));
          expect(seen).toEqual(wanted);
        },
      );
    },
  );
}

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
