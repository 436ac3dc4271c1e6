import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import type { Server } from "../../src/connection/server/serve.ts";
import { adapter } from "../support/adapter.ts";
import { RawClient, RawServer } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";
import { tables } from "./cases/all.ts";
import { expectAlive, expectNoRejections, Peer, Recorder } from "./play.ts";
import { type Case, named, type Role, type Setup } from "./support.ts";
import { expectOutcome, traceOf } from "./trace.ts";

/** The whole table over real sockets, against the adapter of the runtime at hand. */

/** framewire in a role with one setup, for all cases that have it. */
interface Running {
  readonly recorder: Recorder;
  readonly server: Server | undefined;
}

const running: Readonly<Record<Role, Map<Setup, Running>>> = {
  server: new Map(),
  client: new Map(),
};
let rawServer: RawServer;

async function startFor({ role, setup }: Pick<Case, "role" | "setup">): Promise<Running> {
  let one = running[role].get(setup);
  if (one === undefined) {
    const recorder = new Recorder(setup);
    const server =
      role === "server" ? await adapter.serve(recorder.serveOptions, recorder.handlers) : undefined;
    one = { recorder, server };
    running[role].set(setup, one);
  }
  return one;
}

/** Connects a peer that has said nothing yet: to the server, or the client to it. */
async function connect(role: Role, { recorder, server }: Running): Promise<Peer> {
  recorder.renew();
  if (server !== undefined) return new Peer(await RawClient.connect(server.port), role);
  const arriving = rawServer.accept().then((socket) => new Peer(socket, role));
  const url = `ws://127.0.0.1:${rawServer.port}/`;
  void recorder.attempt(adapter.connect(url, recorder.clientOptions, recorder.clientHandlers));
  const peer = await arriving;
  await peer.asked.promise;
  return peer;
}

beforeAll(async () => {
  rawServer = await RawServer.start();
});

afterEach(expectNoRejections);

afterAll(async () => {
  rawServer.close();
  for (const { server } of running.server.values()) await server!.shutdown({ deadline: 0 });
});

describe.each(tables)(`a %s on ${runtime} meets %s:`, (role, _subject, cases) => {
  it.each(named(cases))("%s", async (_, one) => {
    const framewire = await startFor(one);
    const { recorder } = framewire;
    const peer = await connect(role, framewire);
    peer.send(one.play.input(peer.accept));
    const { end } = one.outcome;
    if (end === "framewire") await peer.ended.promise;
    peer.end();
    await peer.closed.promise;
    await recorder.over.promise;
    const { events, failure } = recorder;
    expectOutcome(traceOf(role, { output: peer.output, events, failure, end }), one);
  });
});

describe.each(["server", "client"] as const)(`every %s on ${runtime} that met them`, (role) => {
  it("still gets on with a decent peer", async () => {
    for (const framewire of running[role].values()) {
      await expectAlive(role, framewire.recorder, await connect(role, framewire));
    }
  });
});
