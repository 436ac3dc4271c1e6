import { describe, expect, it } from "vitest";
import { Link } from "../../../adapters/postgres/link.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { answerOf, FakeClient } from "../../support/fake-postgres.ts";

/** A link whose owner writes down what it is told. */
function newLink(timeout = 60_000) {
  const client = new FakeClient();
  const told: string[] = [];
  const link = new Link(client, timeout, {
    lost: (error) => void told.push(`lost ${(error as Error).message}`),
    notified: (channel, payload) => void told.push(`${channel}: ${payload}`),
  });
  return { client, link, told };
}

describe("Link", () => {
  it("asks for one thing after the other, and goes on after a refusal", async () => {
    const { client, link, told } = newLink();
    await link.open();
    const first = newDeferred<{ rows: unknown[] }>();
    client.answer = () => first.promise;
    const answers = ["one", "two", "three"].map((text) => link.query(text, [text]));
    expect(client.lines).toEqual(["connect", "one"]);
    client.answer = async ({ text }) => {
      if (text === "two") throw answerOf("42601");
      return { rows: [{ text }] };
    };
    first.resolve({ rows: [] });
    expect(await answers[0]).toEqual([]);
    await expect(answers[1]).rejects.toMatchObject({ code: "42601" });
    expect(await answers[2]).toEqual([{ text: "three" }]);
    expect(client.queries.map(({ values }) => values)).toEqual([["one"], ["two"], ["three"]]);
    expect(told).toEqual([]);
    link.drop();
  });

  it.each<[string, (client: FakeClient) => void]>([
    ["a socket's error", (client) => client.tell("error", new Error("gone"))],
    ["its end", (client) => client.tell("end")],
  ])("is lost by %s, and all that waits is rejected", async (_, act) => {
    const { client, link, told } = newLink();
    await link.open();
    client.answer = () => new Promise(() => {});
    const answers = [link.query("one"), link.query("two")];
    act(client);
    client.tell("error", new Error("another"));
    client.tell("end");
    client.tell("notification", { channel: "a", payload: "late" });
    for (const answer of [...answers, link.query("three")]) {
      await expect(answer).rejects.toMatchObject({ name: "BackplaneError", code: "DOWN" });
    }
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^lost (?:gone|PostgreSQL has ended the connection)$/);
    expect(client.lines).toEqual(["connect", "one", "end", "destroy"]);
  });

  it("is lost by an answer that says that PostgreSQL shuts down", async () => {
    const { client, link, told } = newLink();
    await link.open();
    client.answer = () => Promise.reject(answerOf("57P01", "shutting down"));
    await expect(link.query("one")).rejects.toMatchObject({ code: "DOWN" });
    expect(told).toEqual(["lost shutting down"]);
  });

  it.each([
    ["to connect", 0],
    ["to answer", 1],
    ["to say that it is there, when it has been asked for nothing", 2],
  ])("is lost if it takes too long %s", async (_, when) => {
    const { client, link, told } = newLink(20);
    if (when === 0) client.connecting = () => new Promise(() => {});
    client.answer = () => new Promise(() => {});
    const opened = link.open();
    if (when === 0) await expect(opened).rejects.toThrow("not answered within 20 ms");
    else await opened;
    if (when === 1) await expect(link.query("one")).rejects.toMatchObject({ code: "DOWN" });
    await expect.poll(() => told).toEqual(["lost PostgreSQL has not answered within 20 ms"]);
    expect(client.lines.at(-1)).toBe("destroy");
    if (when === 2) expect(client.lines).toContain("SELECT 1");
  });

  it("reports once why it could not be opened", async () => {
    const { client, link, told } = newLink();
    client.connecting = async () => {
      client.tell("error", new Error("first"));
      throw new Error("second");
    };
    await expect(link.open()).rejects.toThrow("first");
    expect(told).toEqual(["lost first"]);
  });

  it("does not wait for a client that does not end, once it is dropped", async () => {
    const { client, link, told } = newLink();
    await link.open();
    client.end = () => new Promise(() => {});
    const ended = link.end();
    link.drop();
    await ended;
    await link.end();
    expect(told).toEqual([]);
  });
});
