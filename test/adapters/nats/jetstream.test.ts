import { describe, expect, it } from "vitest";
import {
  epochOf,
  isFinal,
  JetStream,
  JetStreamError,
  type StreamInfo,
} from "../../../adapters/nats/jetstream.ts";
import { messageOf, newJetStream } from "../../support/fake-jetstream.ts";

/** Over a real one: test/runtime/nats-streams.test.ts. Here is what it does seldom. */

const error = (code: number, errorCode: number, description = "no"): { error: object } => ({
  error: { code, err_code: errorCode, description },
});

const ack = (seq: number, rest = ""): string => `$JS.ACK.${rest}fw.consumer.1.${seq}.1.0.0`;

describe("JetStream", () => {
  it("reports what NATS says against a question", async () => {
    const connection = newJetStream();
    connection.answer = () => error(400, 10_052, "bad");
    const stream = new JetStream(connection, "fw", "_INBOX");
    await expect(stream.info()).rejects.toMatchObject({
      message: "JetStream has refused STREAM.INFO.fw: bad",
      code: 400,
      errorCode: 10_052,
    });
  });

  it("asks again while a stream is just being made, since it has no date then", async () => {
    const connection = newJetStream();
    const dates = ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2026-11-30T11:29:26Z"];
    connection.answer = () => ({ created: dates.shift() });
    const { created } = await new JetStream(connection, "fw", "_INBOX").make({} as never);
    expect(created).toBe("2026-11-30T11:29:26Z");
    expect(dates).toEqual([]);
  });

  it("takes the stream that another server has made meanwhile, though NATS refuses to make it", async () => {
    const connection = newJetStream();
    const made = { created: "2026-11-30T11:29:26Z" };
    const answers = [error(404, 10_059), error(400, 10_065), made, made];
    connection.answer = () => answers.shift();
    expect(await new JetStream(connection, "fw", "_INBOX").make({} as never)).toEqual(made);
    const asked = ["STREAM.INFO.fw", "STREAM.CREATE.fw", "STREAM.INFO.fw", "STREAM.INFO.fw"];
    expect(connection.lines).toEqual(asked);
  });

  it("tells why NATS refuses to make the stream, where nobody has made it, and what to do", async () => {
    const connection = newJetStream();
    connection.answer = (what) =>
      what.startsWith("STREAM.CREATE") ? error(400, 10_065, "overlap") : error(404, 10_059);
    const making = new JetStream(connection, "fw", "_INBOX").make({} as never);
    await expect(making).rejects.toThrow(
      "JetStream has refused STREAM.CREATE.fw: overlap; no other stream may have subjects of the option prefix: choose another prefix",
    );
  });

  it.each([
    ["with one word less, as servers have it", ""],
    ["as servers with a domain have it", "hub.account."],
  ])("reads the places %s", async (_, rest) => {
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

  it("reads a message that is larger than a page by itself", async () => {
    const connection = newJetStream();
    connection.answer = (what) =>
      what.startsWith("CONSUMER")
        ? { name: "consumer", num_pending: 1 }
        : { message: { subject: "a", seq: 3, data: "AQI=" } };
    connection.messages = [messageOf("")];
    const [message] = await new JetStream(connection, "fw", "_INBOX").read("a", 1, 64, 1000);
    expect([message!.seq, [...message!.data]]).toEqual([3, [1, 2]]);
  });

  it("asks for nothing more if there is nothing more", async () => {
    const connection = newJetStream();
    connection.answer = () => ({ name: "consumer", num_pending: 0 });
    expect(await new JetStream(connection, "fw", "_INBOX").read("a", 1, 64, 1000)).toEqual([]);
    expect(connection.lines).toEqual(["CONSUMER.CREATE.fw", "CONSUMER.DELETE.fw.consumer"]);
  });
});

describe("epochOf()", () => {
  const infoOf = (description?: string): StreamInfo => ({
    config: { description } as StreamInfo["config"],
    created: "2026-11-30T11:29:26Z",
    state: { first_seq: 1, last_seq: 1 },
  });

  it("does not depend on the time of creation, which the servers of a cluster tell differently", async () => {
    const connection = newJetStream();
    const descriptions: unknown[] = [];
    let description: string | undefined;
    connection.answer = (what, question) => {
      if (what.startsWith("STREAM.CREATE")) {
        description = question["description"] as string;
        descriptions.push(description);
      }
      return description === undefined ? error(404, 10_059) : infoOf(description);
    };
    const stream = new JetStream(connection, "fw", "_INBOX");
    const info = await stream.make({} as never);
    expect(epochOf({ ...info, created: "2026-11-30T11:29:27Z" })).toBe(epochOf(info));
    description = undefined;
    expect(epochOf(await stream.make({} as never))).not.toBe(epochOf(info));
    expect(descriptions.length).toBe(2);
  });

  it.each([[undefined], ["rooms"], ["framewire epoch"]])(
    "is that time where the description is %s",
    (description) => {
      expect(epochOf(infoOf(description))).toBe("2026-11-30T11:29:26Z");
    },
  );
});

describe("isFinal()", () => {
  const coded = (code: number, errorCode = 0): JetStreamError =>
    new JetStreamError("STREAM.INFO.fw", { code, err_code: errorCode, description: "no" });

  it.each<[string, unknown, boolean]>([
    ["what JetStream refuses", coded(400), true],
    ["what it will not do for now", coded(503), false],
    ["a stream that is gone", coded(404), false],
    ["a stream whose server is away", coded(500, 10_118), false],
    ["a stream of somebody else's", new TypeError("no"), true],
    ["no answer", new Error("TIMEOUT"), false],
  ])("says of %s: %s", (_, thrown, expected) => {
    expect(isFinal(thrown)).toBe(expected);
  });
});
