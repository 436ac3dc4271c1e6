import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type Case, cases, type Result } from "./cases.ts";
import { type Client, clients, endClients } from "./clients.ts";
import { type ServerProgram, startEcho } from "./servers.ts";

/** Why a client has to be left out here; undefined where it need not. */
const absent = new Map<Client, string>();
for (const client of clients) {
  const reason = client.missing();
  if (reason === undefined) continue;
  absent.set(client, `${client.name}: ${reason} (${client.installation})`);
  if (!process.env["CI"]) console.warn(`skipped, ${absent.get(client)}`);
}

afterAll(endClients);

describe.each(["node", "deno", "bun"] as const)("echo server on %s", (runtime) => {
  let echo: ServerProgram;

  beforeAll(async () => {
    echo = await startEcho(runtime);
  });

  afterAll(() => echo.stop());

  for (const client of clients) {
    const reason = absent.get(client);
    if (reason !== undefined && process.env["CI"]) {
      it(`has ${client.name} as a client`, () => expect.fail(reason));
      continue;
    }
    const possible = cases.filter(({ action }) => client.cannot[action] === undefined);
    describe.skipIf(reason !== undefined)(client.name, () => {
      testCases(client, possible, () => echo.port);
    });
  }

  it("closes with 1001 and ends with exit code 0 on SIGTERM", async () => {
    const ws = new WebSocket(`ws://127.0.0.1:${echo.port}`);
    await new Promise((resolve) => ws.once("open", resolve));
    const closed = new Promise((resolve) => ws.once("close", resolve));

    const exitCode = await echo.stop();

    expect(await closed).toBe(1001);
    expect(exitCode).toBe(0);
  });
});

function testCases(client: Client, possible: readonly Case[], port: () => number): void {
  let results: readonly Result[];

  beforeAll(async () => {
    results = await client.run(`ws://127.0.0.1:${port()}/`, possible);
  });

  for (const { name } of possible) {
    it(name, () => {
      const result = results.find((one) => one.case === name);

      expect(result).toEqual({ case: name, ok: true, detail: "" });
    });
  }
}
