import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt, root, runtimeCommand } from "../../scripts/built.mjs";
import { removeBuilds } from "./builds.ts";
import { type Case, cases, type PlacedCase, placed, type Result, resultsWith } from "./cases.ts";
import { clientDeadline } from "./clients.ts";
import { type ForeignServer, foreignServers } from "./foreign-servers.ts";
import { type ServerProgram, startServer } from "./servers.ts";

/*
 * connect() of this package, on each runtime, to echo servers of other libraries: the cases that clients of other libraries
 * play with the servers of this package. dial.test.ts has the same servers for dial(), on Node.
 */

const executeFile = promisify(execFile);
const runtimes = ["node", "deno", "bun"] as const;

/** What compression has something to do with. */
const wordy: readonly Case[] = [1, 100, 10_000].map((times) => ({
  name: `echoes a sentence ${times} times over`,
  action: "echo",
  type: "text",
  text: "the quick brown fox jumps over the lazy dog, ",
  times,
}));

/** A server that is there, as it is started: its name, and what is played with it. */
const peers = foreignServers.flatMap((server) => {
  const reason = server.missing();
  if (reason !== undefined && process.env["CI"] !== undefined) {
    it(`has ${server.name} as a server`, () => expect.fail(reason));
    return [];
  }
  if (reason !== undefined) {
    console.warn(`skipped, ${server.name}: ${reason} (${server.installation})`);
    return [];
  }
  return (server.compresses ? [false, true] : [false]).map((compressed) => ({
    name: `${server.name}, compressed: ${compressed}`,
    compressed,
    possible: casesFor(server, compressed),
    start: async () => startServer(await server.command(compressed), /listening on (\d+)/),
  }));
});

const programs = new Map<string, ServerProgram>();

beforeAll(async () => {
  await ensureBuilt();
  for (const { name, start } of peers) programs.set(name, await start());
}, clientDeadline);

afterAll(async () => {
  await Promise.all([...programs.values()].map((program) => program.stop()));
  removeBuilds();
});

describe.each(runtimes)("connect() on %s", (runtime) => {
  let results: readonly Result[];

  // One start for all servers: to start it takes longer than what it plays.
  beforeAll(async () => {
    const all = peers.flatMap(({ name, compressed, possible }) =>
      placed(possible, name, programs.get(name)!.port).map((one) => ({ ...one, compressed })),
    );
    results = await run(runtime, all);
  }, clientDeadline);

  it.each(peers)("gets on with an echo server of $name", ({ name, possible }) => {
    const { seen, wanted } = resultsWith(results, possible, name);

    expect(seen).toEqual(wanted);
  });
});

function casesFor({ cannot, answered }: ForeignServer, compressed: boolean): Case[] {
  const agreed = compressed ? "permessage-deflate" : "";
  const all: Case[] = [
    ...cases,
    { name: "agrees on the extensions", action: "extensions", agreed },
    ...(compressed ? wordy : []),
  ];
  return all
    .filter(({ action }) => cannot[action] === undefined)
    .map((one) => (one.action === "close" ? { ...one, answered } : one));
}

async function run(
  runtime: (typeof runtimes)[number],
  all: readonly PlacedCase[],
): Promise<Result[]> {
  const [file, ...args] = [...runtimeCommand(runtime), "test/interop/clients/framewire.mjs"];
  const { stdout } = await executeFile(file!, [...args, JSON.stringify(all)], {
    cwd: root,
    timeout: clientDeadline,
  });
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Result);
}
