import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { natsBackplane } from "../../adapters/nats/index.ts";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import { adapter } from "../support/adapter.ts";
import { newMember } from "../support/backplane-member.ts";
import { describeBackplane, nodesAt } from "../support/backplane-suite.ts";
import { describeRuntimes } from "../support/processes.ts";
import type { TestBroker } from "../support/broker.ts";
import { hasNats, natsClients, natsConnect, natsOptions, startNats } from "../support/nats.ts";
import { describeOutages } from "../support/outage-suite.ts";
import { runtime } from "../support/runtime.ts";

const clients = Object.keys(natsClients) as (keyof typeof natsClients)[];

describe.skipIf(!hasNats).each(clients)("NATS by %s", (client) => {
  let nats: TestBroker;
  const newBackplane = async (port: number, more?: object): Promise<Backplane> =>
    natsBackplane(await natsConnect(client), natsOptions(port, more));

  beforeAll(async () => {
    nats = await startNats();
  });

  afterAll(() => nats.kill());

  describeBackplane("a subject for each topic", () => newBackplane(nats.port));

  describeOutages({ broker: () => nats, newBackplane });

  if (client === "nats.js 3") describeRuntimes(() => ["nats", String(nats.port)]);

  it("refuses what is larger than the server's max_payload, and says so", async () => {
    const backplane = await newBackplane(nats.port);
    const server = await adapter.serve({ port: 0, backplane }, {});
    const { carried } = server.publish("tea", new Uint8Array(4 * 1024 ** 2));
    await expect(carried).rejects.toMatchObject({
      code: "REFUSED",
      cause: new RangeError(
        "Envelope must have at most 4194304 bytes, the max_payload of the NATS server: 4194336",
      ),
    });
    expect(server.backplane!.state).toBe("up");
    await server.shutdown();
  });

  describe("that has passwords", () => {
    const rights = `publish: "framewire.ours", subscribe: "framewire.ours"`;
    let guarded: TestBroker;

    beforeAll(async () => {
      const user = `{ user: tea, password: secret, permissions: { ${rights} } }`;
      guarded = await startNats(`authorization { users: [ ${user} ] }`);
    });

    afterAll(() => guarded.kill());

    // On Deno the socket of a client that is refused tells an error when both clients have stopped to listen to it, which is theirs.
    it.skipIf(runtime === "deno")("refuses a server that may not join", async () => {
      for (const login of [{}, { user: "tea", pass: "wrong" }]) {
        const backplane = await newBackplane(guarded.port, login);
        await expect(adapter.serve({ port: 0, backplane }, {})).rejects.toThrow(/authorization/i);
      }
    });

    it("tells what it does not allow of what is subscribed to again after an outage", async () => {
      const nodes = nodesAt(() => newBackplane(guarded.port, { user: "tea", pass: "secret" }));
      try {
        const node = await nodes.start();
        const { heard } = await node.listen("ours");
        await guarded.kill();
        await expect.poll(() => node.server.backplane!.state).toBe("down");
        await node.listen("theirs");
        await guarded.start();
        await expect.poll(() => node.events).toContain("error REFUSED");
        await node.listen("ours");
        expect(node.server.backplane!.state).toBe("up");
        const other = await nodes.start();
        await other.server.publish("ours", "hot").carried;
        await expect.poll(() => heard).toEqual(["hot"]);
      } finally {
        await nodes.stop();
      }
    });

    it("tells what it does not allow", async () => {
      const backplane = await newBackplane(guarded.port, { user: "tea", pass: "secret" });
      const membership = await backplane.join(newMember());
      try {
        const message = /^This login of NATS may not (?:publish|subscribe) to framewire\.theirs: /;
        for (let time = 0; time < 2; time++) {
          await expect(membership.publish("theirs", new Uint8Array(1))).rejects.toThrow(message);
          await expect(membership.subscribe("theirs")).rejects.toThrow(message);
        }
        await membership.subscribe("ours");
        await membership.publish("ours", new Uint8Array(1));
      } finally {
        await membership.leave(new AbortController().signal);
      }
    });
  });
});
