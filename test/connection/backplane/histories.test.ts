import { describe, expect, it } from "vitest";
import { concat } from "../../../src/bytes.ts";
import { FeedStage, us } from "../../support/feed-owner.ts";
import { Receiver } from "../../support/receiver.ts";
import { macrotask } from "../../support/turns.ts";

describe("histories", () => {
  it("deliver this server's own messages as they come back, to all but their publisher", async () => {
    const stage = new FeedStage();
    const [a, b] = [await stage.subscriber(), await stage.subscriber()];
    stage.histories.publish(0, 1, { except: a });
    stage.histories.publish(0, 2, {});
    stage.add(stage.envelope("1", us, 1))();
    stage.add(stage.envelope("2", us, 2))();
    expect([a.lines, b.lines, stage.lines]).toEqual([["2"], ["1", "2"], []]);
  });

  it("respect the publisher's policy for slow receivers", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    a.outbox.unsent = 1000;
    stage.histories.publish(0, 1, { slow: "drop" });
    stage.add(stage.envelope("1", us, 1))();
    expect([a.lines, a.outbox.dropped]).toEqual([[], 1]);
  });

  it("remember a bounded number of messages that have not come back", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    for (let sequence = 1; sequence <= 4097; sequence++) {
      stage.histories.publish(0, sequence, { except: a });
    }
    for (const sequence of [1, 2]) stage.add(stage.envelope(`${sequence}`, us, sequence))();
    expect(a.lines).toEqual(["1"]);
  });

  it("give subscribers what the option stamp makes of a message and its position", async () => {
    const stage = new FeedStage((data, { epoch, offset }, topic) =>
      [data as string, epoch, offset, topic].join(" "),
    );
    const a = await stage.subscriber();
    stage.send("hello");
    expect(a.lines).toEqual(["hello one 1 t"]);
    await stage.histories.replay(a, "t", stage.at(0), Promise.resolve(true));
    expect(a.lines).toEqual(["hello one 1 t", "hello one 1 t"]);
  });

  it("drop a message for which the option stamp throws, and report that", async () => {
    const stage = new FeedStage((data) => {
      if (data === "bad") throw new Error("cannot");
      return data;
    });
    const a = await stage.subscriber();
    stage.send("bad", "good");
    await macrotask();
    expect(a.lines).toEqual(["good"]);
    expect(new Set(stage.lines)).toEqual(new Set(["stamp cannot", "delivered"]));
    expect(stage.lines).not.toContain("gap t");
  });

  it("drop and count messages that cannot be read, and messages without a position", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    const { histories } = stage;
    const poison = concat([stage.envelope("", us, 1), Uint8Array.of(0xff)]);
    histories.deliver("t", poison, stage.at(1), undefined);
    histories.deliver("t", Uint8Array.of(1, 2, 3), stage.at(1), undefined);
    histories.deliver("t", stage.envelope("1"), undefined, undefined);
    histories.deliver("t", stage.envelope("2"), stage.at(2), undefined);
    histories.deliver("nobody's", stage.envelope("3"), stage.at(3), undefined);
    expect(a.lines).toEqual(["2"]);
    expect(stage.lines).toEqual([
      "dropped undefined",
      "dropped foreign",
      "dropped foreign",
      "delivered",
    ]);
  });

  it("forget a topic that nobody wants any more", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    stage.histories.forget("t");
    stage.histories.forget("t");
    stage.send("1");
    expect(a.lines).toEqual([]);
    const b = new Receiver();
    stage.receivers.add(b);
    await stage.histories.want("t", Promise.resolve(true));
    stage.send("2");
    expect(b.lines).toEqual(["2"]);
  });
});
