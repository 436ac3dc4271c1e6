import { describe, expect, it } from "vitest";
import { isFinal, JetStream, JetStreamError } from "../../../adapters/nats/jetstream.ts";
import { messageOf, newJetStream } from "../../support/fake-jetstream.ts";

/** Over a real one: test/runtime/nats-streams.test.ts. Here is what it does seldom. */

const error = (code: number, errorCode: number, description = "no"): { error: object } => ({
  error: { code, err_code: errorCode, description },
});

const ack = (seq: number, rest = ""): string => `$JS.ACK.${rest}fw.consumer.1.${seq}.1.0.0`;

describe("JetStream", () => {
  it("tells what NATS says against a question", async () => {
    const connection = newJetStream();
    connection.answer = () => error(400, 10_052, "bad");
    const stream = new JetStream(connection, "fw", "_INBOX");
    await expect(stream.info()).rejects.toMatchObject({
      message: "JetStream does not do it: bad",
      code: 400,
      errorCode: 10_052,
    });
  });

  it("asks again where a stream is just being made, since it has no date then", async () => {
    const connection = newJetStream();
    const dates = ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2026-11-30T11:29:26Z"];
    connection.answer = () => ({ created: dates.shift() });
    const { created } = await new JetStream(connection, "fw", "_INBOX").make({} as never);
    expect(created).toBe("2026-11-30T11:29:26Z");
    expect(dates).toEqual([]);
  });

  it.each([
    ["with one word less, as servers have it", ""],
    ["as servers with a domain have it", "hub.account."],
  ])("reads places %s", async (_, rest) => {
    const connection = newJetStream();
    connection.answer = () => ({ name: "consumer", num_pending: 2 });
    connection.messages = [3, 7].map((seq) =>
      messageOf("x", { subject: "a", reply: ack(seq, rest) }),
    );
    const messages = await new JetStream(connection, "fw", "_INBOX").read("a", 1, 64, 1000);
    expect(messages.map(({ seq }) => seq)).toEqual([3, 7]);
    expect(connection.lines).toEqual([
      "CONSUMER.CREATE.fw",
      "CONSUMER.MSG.NEXT.fw.consumer",
      "CONSUMER.DELETE.fw.consumer",
    ]);
  });

  it("reads one that is larger than a page by itself", async () => {
    const connection = newJetStream();
    connection.answer = (what) =>
      what.startsWith("CONSUMER")
        ? { name: "consumer", num_pending: 1 }
        : { message: { subject: "a", seq: 3, data: "AQI=" } };
    connection.messages = [messageOf("")];
    const [message] = await new JetStream(connection, "fw", "_INBOX").read("a", 1, 64, 1000);
    expect([message!.seq, [...message!.data]]).toEqual([3, [1, 2]]);
  });

  it("asks for nothing more where there is nothing", async () => {
    const connection = newJetStream();
    connection.answer = () => ({ name: "consumer", num_pending: 0 });
    expect(await new JetStream(connection, "fw", "_INBOX").read("a", 1, 64, 1000)).toEqual([]);
    expect(connection.lines).toEqual(["CONSUMER.CREATE.fw", "CONSUMER.DELETE.fw.consumer"]);
  });
});

describe("isFinal()", () => {
  const coded = (code: number): JetStreamError =>
    new JetStreamError({ code, err_code: 0, description: "no" });

  it.each<[string, unknown, boolean]>([
    ["what JetStream refuses", coded(400), true],
    ["what it will not do for now", coded(503), false],
    ["a stream that is gone", coded(404), false],
    ["a stream of somebody else's", new TypeError("no"), true],
    ["no answer", new Error("TIMEOUT"), false],
  ])("of %s: %s", (_, thrown, expected) => {
    expect(isFinal(thrown)).toBe(expected);
  });
});
