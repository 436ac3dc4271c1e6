import { describe, expect, it } from "vitest";
import { natsStreams, type NatsStreamsOptions } from "../../../adapters/nats/index.ts";
import { newMember } from "../../support/backplane-member.ts";
import { newHeaders, newJetStream } from "../../support/fake-jetstream.ts";

/** Over a real one: test/runtime/nats-streams.test.ts. Here is what it does seldom. */

const moduleOf = (connection: ReturnType<typeof newJetStream>) => ({
  connect: async () => connection,
  headers: () => newHeaders(),
});

describe("natsStreams()", () => {
  it.each<[NatsStreamsOptions, string]>([
    [{ stream: "a.b" }, 'stream must be a name of letters, digits, "-" and "_": "a.b"'],
    [{ history: 0 }, "history must be 1 or more: natsBackplane() keeps nothing"],
    [{ historyTime: 999 }, "historyTime must be 1000 milliseconds or more: 999"],
    [{ replicas: 0 }, "replicas must be a whole number from 1 to 5: 0"],
  ])("refuses options that are out of range: %o", (options, message) => {
    expect(() => natsStreams(moduleOf(newJetStream()), {}, options)).toThrow(
      new RangeError(message),
    );
  });

  it("refuses a module that is no client's", () => {
    const { connect } = moduleOf(newJetStream());
    expect(() => natsStreams({ connect } as never, {})).toThrow(
      "nats must be the client's module, which has connect and headers: Object",
    );
  });

  it("makes a stream that keeps what was asked for, and takes an existing one as it is", async () => {
    const connection = newJetStream();
    const made: Record<string, unknown>[] = [];
    connection.answer = (what, question) => {
      if (what.startsWith("STREAM.INFO") && made.length === 0) {
        return { error: { code: 404, err_code: 10_059, description: "stream not found" } };
      }
      if (what.startsWith("STREAM.CREATE")) made.push(question);
      return { config: made[0], created: "now", state: { first_seq: 0, last_seq: 0 } };
    };
    const backplane = natsStreams(
      moduleOf(connection),
      {},
      { history: Infinity, historyTime: 60_000 },
    );
    for (let time = 0; time < 2; time++) {
      await (await backplane.join(newMember())).leave(new AbortController().signal);
    }
    expect(made).toEqual([
      {
        name: "framewire",
        description: expect.stringMatching(/^framewire epoch [\da-f-]{36}$/),
        subjects: ["framewire.in.*"],
        storage: "file",
        num_replicas: 1,
        max_msgs_per_subject: -1,
        max_age: 60_000_000_000,
        duplicate_window: 60_000_000_000,
        republish: { src: "framewire.in.*", dest: "framewire.{{wildcard(1)}}" },
      },
    ]);
  });

  it("keeps no messages of topics on which servers talk to each other, or that are not to be kept", () => {
    const { keeps } = natsStreams(
      moduleOf(newJetStream()),
      {},
      { keeps: (topic) => topic !== "tea" },
    );
    expect(["tea", "milk", "$framewire:nodes"].map((topic) => keeps!(topic))).toEqual([
      false,
      true,
      false,
    ]);
  });
});
