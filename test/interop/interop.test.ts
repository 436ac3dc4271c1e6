import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Runtime } from "../support/runtime.ts";
import { cases, placed, type Result } from "./cases.ts";
import { type Client, clientDeadline, clients, endClients } from "./clients.ts";
import { type ServerProgram, startEcho } from "./servers.ts";

/** Why a client has to be left out here; undefined where it need not. */
const absent = new Map<Client, string>();
for (const client of clients) {
  const reason = client.missing();
  if (reason === undefined) continue;
  absent.set(client, `${client.name}: ${reason} (${client.installation})`);
  if (!process.env["CI"]) console.warn(`skipped, ${absent.get(client)}`);
}

const runtimes = ["node", "deno", "bun"] as const;
const servers = new Map<Runtime, ServerProgram>();

beforeAll(async () => {
  for (const runtime of runtimes) servers.set(runtime, await startEcho(runtime));
});

afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.stop()));
  await endClients();
});

for (const client of clients) {
  const reason = absent.get(client);
  if (reason !== undefined && process.env["CI"]) {
    it(`has ${client.name} as a client`, () => expect.fail(reason));
    continue;
  }
  const possible = cases.filter(({ action }) => client.cannot[action] === undefined);
  describe.skipIf(reason !== undefined)(`echo server, with ${client.name}`, () => {
    let results: readonly Result[];

    // One start of the client for all servers: to start it takes longer than what it plays.
    beforeAll(async () => {
      results = await client.run(
        runtimes.flatMap((runtime) => placed(possible, runtime, servers.get(runtime)!.port)),
      );
    }, clientDeadline);

    describe.each(runtimes)("on %s", (runtime) => {
      it.each(possible)("$name", ({ name }) => {
        const result = results.find((one) => one.case === `${runtime}: ${name}`);

        expect(result).toEqual({ case: `${runtime}: ${name}`, ok: true, detail: "" });
      });
    });
  });
}

it.each(runtimes)(
  "echo server on %s closes with 1001 and ends with exit code 0 on SIGTERM",
  async (runtime) => {
    const echo = servers.get(runtime)!;
    const ws = new WebSocket(`ws://127.0.0.1:${echo.port}`);
    await new Promise((resolve) => ws.once("open", resolve));
    const closed = new Promise((resolve) => ws.once("close", resolve));

    const exitCode = await echo.stop();

    expect(await closed).toBe(1001);
    expect(exitCode).toBe(0);
  },
);
