import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { natsStreams, type NatsStreamsOptions } from "../../adapters/nats/index.ts";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import { encodeEnvelope } from "../../src/connection/backplane/envelope.ts";
import type { Position } from "../../src/connection/backplane/history.ts";
import { OpBinary } from "../../src/frame/opcode.ts";
import { adapter } from "../support/adapter.ts";
import { newMember } from "../support/backplane-member.ts";
import { describeBackplane } from "../support/backplane-suite.ts";
import type { TestBroker } from "../support/broker.ts";
import { describeHistory, historyNodesOf, itOutlivesOutages } from "../support/history-suite.ts";
import { hasNats, natsClients, natsModule, natsOptions, startNats } from "../support/nats.ts";

const clients = Object.keys(natsClients) as (keyof typeof natsClients)[];

describe.skipIf(!hasNats).each(clients)("streams of NATS by %s", (client) => {
  let nats: TestBroker;
  let folder: string;
  const backplaneOf =
    (options: NatsStreamsOptions = {}) =>
    async (): Promise<Backplane> =>
      natsStreams(await natsModule(client), natsOptions(nats.port), options);

  /** What an administrator does. */
  const command = async (what: string, question: object = {}): Promise<unknown> => {
    const { connect } = await natsModule(client);
    const connection = await connect(natsOptions(nats.port));
    const bytes = new TextEncoder().encode(JSON.stringify(question));
    const { data } = await connection.request(`$JS.API.${what}`, bytes, { timeout: 5000 });
    await connection.close();
    return JSON.parse(new TextDecoder().decode(data));
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "framewire-jetstream-"));
    nats = await startNats(`jetstream { store_dir: ${JSON.stringify(folder)} }`);
  });

  afterAll(async () => {
    await nats.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  describeHistory("streams", backplaneOf({ history: 500, prefix: "suite.", stream: "suite" }));
  describeBackplane("streams", backplaneOf({ prefix: "plain.", stream: "plain" }));

  it("keeps once what a server has to give twice, and says where it stands", async () => {
    const membership = await (
      await backplaneOf({ prefix: "twice.", stream: "twice" })()
    ).join(newMember());
    const envelope = (sequence: number): Uint8Array =>
      encodeEnvelope({
        ...{ node: "n".repeat(16), opcode: OpBinary, compress: true, series: 0, sequence },
        payload: Uint8Array.of(0, 255),
      });
    const positions: (Position | undefined)[] = [];
    for (const sequence of [1, 2, 2, 1, 3]) {
      positions.push((await membership.publish("t", envelope(sequence))) as Position | undefined);
    }
    expect(positions.map((position) => position?.offset)).toEqual(["1", "2", "2", "1", "3"]);
    const page = await membership.history!("t", positions[0]);
    expect(page.entries.map(({ position }) => position)).toEqual([positions[1], positions[4]]);
    expect([...page.entries[0]!.envelope.subarray(-2)]).toEqual([0, 255]);
    await membership.leave(new AbortController().signal);
  });

  it("refuses a stream that is somebody else's", async () => {
    await command("STREAM.CREATE.theirs", {
      name: "theirs",
      subjects: ["theirs"],
      storage: "file",
    });
    const backplane = await backplaneOf({ stream: "theirs" })();
    await expect(adapter.serve({ port: 0, backplane }, {})).rejects.toThrow(
      "The stream theirs is not one of framewire's with this prefix",
    );
  });

  it("refuses a NATS without JetStream", async () => {
    const plain = await startNats();
    try {
      const backplane = natsStreams(await natsModule(client), natsOptions(plain.port));
      await expect(adapter.serve({ port: 0, backplane }, {})).rejects.toThrow(
        "NATS has no JetStream",
      );
    } finally {
      await plain.kill();
    }
  });

  describe("when NATS fails", () => {
    const nodes = historyNodesOf(backplaneOf({ history: 5000 }));
    const { start } = nodes;

    itOutlivesOutages(nodes, () => nats);

    it("makes the stream anew where somebody has deleted it, and tells who comes back, and each server", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const before = (await a.server.publish("milk", "1").carried)!;
      const residents = await Promise.all([a, b].map((node) => node.listen("milk")));
      await command("STREAM.DELETE.framewire");
      const after = (await a.server.publish("milk", "2").carried)!;
      expect(after.epoch).not.toBe(before.epoch);
      for (const { texts } of residents) await expect.poll(texts).toEqual(["2"]);
      for (const { events } of [a, b]) await expect.poll(() => events).toContain("gap");
      const { joined, texts } = await b.listen("milk", before);
      expect(joined).toEqual({ complete: false, replayed: 1, position: after });
      await expect.poll(texts).toEqual(["2"]);
    });

    it("tells so where everything was purged", async () => {
      const node = await start();
      const before = await node.server.publish("beer", "1").carried;
      await node.server.publish("beer", "2").carried;
      await command("STREAM.PURGE.framewire");
      const { joined } = await node.listen("beer", before);
      expect(joined).toMatchObject({ complete: false, replayed: 0 });
    });

    it("drops and counts what others publish on its subjects", async () => {
      const node = await start();
      const { texts } = await node.listen("water");
      const { connect } = await natsModule(client);
      const connection = await connect(natsOptions(nats.port));
      connection.publish("framewire.water", Uint8Array.of(1));
      connection.publish("framewire.in.water", Uint8Array.of(2));
      await connection.flush();
      await connection.close();
      await node.server.publish("water", "1").carried;
      await expect.poll(texts).toEqual(["1"]);
      // The one that the stream has taken is met in the history once more.
      expect(node.server.backplane!.counters.dropped).toBe(3);
    });
  });
});
