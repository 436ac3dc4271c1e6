import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt, root, runtimeCommand } from "../../scripts/built.mjs";
import { removeBuilds } from "./builds.ts";
import { type Case, cases, type Result } from "./cases.ts";
import { type ForeignServer, foreignServers } from "./foreign-servers.ts";
import { type ServerProgram, startServer } from "./servers.ts";

/*
 * connect() of this package, on each runtime, to echo servers of other libraries: the cases that clients of other libraries
 * play with the servers of this package. dial.test.ts has the same servers for dial(), on Node.
 */

const executeFile = promisify(execFile);
const runtimes = ["node", "deno", "bun"] as const;

beforeAll(ensureBuilt);
afterAll(removeBuilds);

for (const server of foreignServers) {
  const reason = server.missing();
  if (reason !== undefined && process.env["CI"]) {
    it(`has ${server.name} as a server`, () => expect.fail(reason));
    continue;
  }
  if (reason !== undefined) {
    console.warn(`skipped, ${server.name}: ${reason} (${server.installation})`);
  }
  describe.skipIf(reason !== undefined).each(compressions(server))(
    `an echo server of ${server.name}, compressed: %s`,
    (compressed) => {
      let program: ServerProgram;

      beforeAll(async () => {
        program = await startServer(await server.command(compressed), /listening on (\d+)/);
      });

      afterAll(() => program.stop());

      it.each(runtimes)("gets on with connect() on %s", async (runtime) => {
        const possible = casesFor(server, compressed);
        const wanted = possible.map(({ name }) => ({ case: name, ok: true, detail: "" }));

        const results = await run(runtime, program.port, possible, compressed);

        expect(results).toEqual(wanted);
      });
    },
  );
}

function compressions(server: ForeignServer): boolean[] {
  return server.compresses ? [false, true] : [false];
}

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

/** What compression has something to do with. */
const wordy: readonly Case[] = [1, 100, 10_000].map((times) => ({
  name: `echoes a sentence ${times} times over`,
  action: "echo",
  type: "text",
  text: "the quick brown fox jumps over the lazy dog, ",
  times,
}));

async function run(
  runtime: (typeof runtimes)[number],
  port: number,
  possible: readonly Case[],
  compressed: boolean,
): Promise<Result[]> {
  const [file, ...args] = [...runtimeCommand(runtime), "test/interop/clients/framewire.mjs"];
  const flags = compressed ? ["--compression"] : [];
  const { stdout } = await executeFile(
    file!,
    [...args, `ws://127.0.0.1:${port}/`, JSON.stringify(possible), ...flags],
    { cwd: root, timeout: 18_000 },
  );
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Result);
}
