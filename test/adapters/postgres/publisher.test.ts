import { describe, expect, it } from "vitest";
import { Link } from "../../../adapters/postgres/link.ts";
import { mostInline } from "../../../adapters/postgres/payload.ts";
import { Publisher } from "../../../adapters/postgres/publisher.ts";
import { MessageRows } from "../../../adapters/postgres/rows.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { answerOf, FakeClient } from "../../support/fake-postgres.ts";

async function newPublisher() {
  const client = new FakeClient();
  const link = new Link(client, 60_000, { lost: () => {}, notified: () => {} });
  await link.open();
  const publisher = new Publisher(link, new MessageRows('"t"', 60_000, "0".repeat(32)));
  /** What each command has published: its channels. */
  const commands = (): unknown[] =>
    client.queries.map(({ values }) => (values!.length === 2 ? values![0] : `large ${values![2]}`));
  return { client, link, publisher, commands };
}

const small = Uint8Array.of(1);
const large = new Uint8Array(mostInline + 1);

describe("Publisher", () => {
  it("sends what is published in a turn as one command, and what comes meanwhile as another", async () => {
    const { client, link, publisher, commands } = await newPublisher();
    const gate = newDeferred<{ rows: unknown[] }>();
    client.answer = () => gate.promise;
    const first = ["a", "b"].map((channel) => publisher.publish(channel, small));
    await expect.poll(commands).toEqual([["a", "b"]]);
    const next = ["c", "d", "e"].map((channel) => publisher.publish(channel, small));
    gate.resolve({ rows: [] });
    await Promise.all([...first, ...next]);
    expect(commands()).toEqual([
      ["a", "b"],
      ["c", "d", "e"],
    ]);
    expect(client.queries[0]!.values![1]).toEqual(["eAQ==", "eAQ=="]);
    await publisher.flush();
    link.drop();
  });

  it("sends a large message alone and in its place", async () => {
    const { link, publisher, commands } = await newPublisher();
    const sizes = [small, large, large, small, new Uint8Array(mostInline)];
    await Promise.all(sizes.map((bytes, at) => publisher.publish(`${at}`, bytes)));
    expect(commands()).toEqual([["0"], "large 1", "large 2", ["3", "4"]]);
    link.drop();
  });

  it("bounds a command in notifications and bytes", async () => {
    const { link, publisher, commands } = await newPublisher();
    const many = Array.from({ length: 1001 }, () => publisher.publish("a", small));
    const wide = Array.from({ length: 50 }, () => publisher.publish("b", new Uint8Array(5900)));
    await Promise.all([...many, ...wide]);
    const lengths = commands().map((channels) => (channels as string[]).length);
    expect(lengths).toEqual([1000, 45, 6]);
    link.drop();
  });

  it("rejects only the publications of the command that is refused", async () => {
    const { client, link, publisher } = await newPublisher();
    client.answer = async ({ values }) => {
      if (values!.length > 2) throw answerOf("42501");
      return { rows: [] };
    };
    const results = await Promise.allSettled(
      [small, large, small].map((bytes) => publisher.publish("a", bytes)),
    );
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    link.drop();
    await expect(publisher.publish("a", small)).rejects.toMatchObject({ code: "DOWN" });
  });
});
