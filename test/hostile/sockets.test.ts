import { afterAll, afterEach, describe, it } from "vitest";
import type { Server } from "../../src/connection/serve.ts";
import { adapter } from "../support/adapter.ts";
import { RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";
import { tables } from "./cases/all.ts";
import { Client, expectAlive, expectNoRejections, Recorder } from "./play.ts";
import { type Setup, titleOf } from "./support.ts";
import { expectOutcome, traceOf } from "./trace.ts";

/** The whole table over real sockets, against the adapter of the runtime at hand. */

interface Running {
  readonly server: Server;
  readonly recorder: Recorder;
}

/** One server for all cases with one setup. */
const servers = new Map<Setup, Running>();

async function serverFor(setup: Setup): Promise<Running> {
  let running = servers.get(setup);
  if (running === undefined) {
    const recorder = new Recorder(setup);
    const options = { ...recorder.options, hostname: "127.0.0.1" };
    running = { server: await adapter.serve(options, recorder.handlers), recorder };
    servers.set(setup, running);
  }
  return running;
}

afterEach(expectNoRejections);

afterAll(async () => {
  for (const { server } of servers.values()) await server.shutdown({ deadline: 0 });
});

describe.each(tables)(`a server on ${runtime} meets %s:`, (_, cases) => {
  it.each(cases.map((c) => [titleOf(c), c] as const))("%s", async (_title, c) => {
    const { server, recorder } = await serverFor(c.setup);
    recorder.renew();
    const client = new Client(await RawClient.connect(server.port));
    client.write(c.input);
    if (c.outcome.end === "server") await client.ended.promise;
    client.end();
    await client.closed.promise;
    await recorder.over.promise;
    expectOutcome(traceOf(client.output, recorder.events, c.outcome.end), c.outcome);
  });
});

describe(`every server on ${runtime} that met them`, () => {
  it("still serves a decent client", async () => {
    for (const [setup, { server, recorder }] of servers) {
      await expectAlive(recorder, setup, await RawClient.connect(server.port));
    }
  });
});
