import { describe, expect, it } from "vitest";
import { HistoryLog } from "../../../src/connection/backplane/log.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { BackplaneError } from "../../../src/errors.ts";
import { FeedStage, us } from "../../support/feed-owner.ts";
import { Receiver } from "../../support/receiver.ts";
import { macrotask } from "../../support/turns.ts";

/** Heard by everybody who has subscribed. */
const heard = Promise.resolve(true);

describe("a topic with a history", () => {
  it("gives its subscribers each message once, in the order of the history", async () => {
    const stage = new FeedStage();
    stage.send("before");
    const a = await stage.subscriber();
    const [one, two] = stage.publish("1", "2");
    one!();
    two!();
    one!();
    await macrotask();
    expect(a.lines).toEqual(["1", "2"]);
    expect([stage.lines, stage.reads]).toEqual([["delivered", "delivered"], ["head"]]);
  });

  it("reads a missing message from the history, and delivers it before the ones after it", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    const bring = stage.publish("1", "2", "3", "4");
    bring[0]!();
    bring[3]!();
    await macrotask();
    expect(a.lines).toEqual(["1", "2", "3", "4"]);
    expect(stage.reads).toEqual(["head", "1"]);
    stage.send("5");
    expect(a.lines.at(-1)).toBe("5");
    expect(stage.lines).not.toContain("gap t");
  });

  it("reads what was published while the broker was away", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    stage.histories.stop();
    // It comes all the same, and what is in front of it does not.
    stage.publish("1", "2").at(-1)!();
    stage.histories.start();
    await macrotask();
    expect([a.lines, stage.reads]).toEqual([
      ["1", "2"],
      ["head", "0"],
    ]);
  });

  it("reads again whenever it hears that something may be lost, even while it reads", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    stage.publish("1");
    stage.histories.restart("t");
    stage.histories.restart("t");
    stage.histories.restart("another");
    await macrotask();
    stage.histories.restart("t");
    await macrotask();
    expect(a.lines).toEqual(["1"]);
    expect(stage.lines).toEqual(["delivered"]);
  });

  it("delivers what comes while it reads after what it reads", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    const gate = newDeferred<void>();
    stage.onRead = () => gate.promise;
    const [, two] = stage.publish("1", "2");
    stage.histories.restart("t");
    await macrotask();
    two!();
    stage.send("3");
    gate.resolve();
    await macrotask();
    expect(a.lines).toEqual(["1", "2", "3"]);
  });

  it("reads page by page, and once more if too much has come meanwhile", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    const texts = Array.from({ length: 600 }, (_, at) => `${at}`);
    stage.publish(...texts);
    stage.onRead = () => {
      stage.onRead = () => undefined;
      stage.send("x".repeat(600_000), "y".repeat(600_000), "z");
    };
    stage.histories.restart("t");
    await macrotask();
    expect(a.lines.map((line) => (line.length > 9 ? line[0] : line))).toEqual([
      ...texts,
      ...["x", "y", "z"],
    ]);
    expect(stage.reads).toEqual(["head", "0", "256", "512"]);
  });

  it("reads once more after its last page, too, if too much has come", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    stage.publish("1");
    stage.onRead = () => {
      stage.onRead = () => undefined;
      stage.send("x".repeat(600_000), "y".repeat(600_000));
    };
    stage.histories.restart("t");
    await macrotask();
    expect([a.lines.length, stage.reads]).toEqual([3, ["head", "0", "1"]]);
  });

  it("reports a gap if the history does not keep a message any more, and goes on with what there is", async () => {
    const stage = new FeedStage();
    stage.log = new HistoryLog("one", 2, Infinity);
    const a = await stage.subscriber();
    stage.publish("1", "2", "3").at(-1)!();
    await macrotask();
    expect([a.lines, stage.lines]).toEqual([
      ["2", "3"],
      ["gap t", "delivered", "delivered"],
    ]);
  });

  it("reports a gap if the broker has lost its history, and goes on with the new one", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    stage.send("1");
    stage.log = new HistoryLog("two", 10, Infinity);
    stage.send("2");
    await macrotask();
    stage.send("3");
    expect(a.lines).toEqual(["1", "2", "3"]);
    expect(stage.lines).toEqual(["delivered", "gap t", "delivered", "delivered"]);
  });

  it("reports a gap if the broker cannot be read, and goes on with what comes", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    stage.onRead = () => Promise.reject(new Error("no memory"));
    stage.publish("1", "2").at(-1)!();
    await macrotask();
    stage.send("3");
    expect([a.lines, stage.lines]).toEqual([["3"], ["gap t", "delivered"]]);
  });

  it("waits for an answer no longer than the time-out", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    stage.onRead = () => new Promise(() => {});
    stage.histories.restart("t");
    await macrotask();
    stage.clock.advance(1100);
    await macrotask();
    stage.send("1");
    expect([a.lines, stage.lines]).toEqual([["1"], ["gap t", "delivered"]]);
  });

  it("waits for the broker if it goes away while its history is read", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    stage.publish("1");
    stage.onRead = () => Promise.reject(new BackplaneError("DOWN"));
    stage.histories.restart("t");
    await macrotask();
    stage.onRead = () => undefined;
    expect([a.lines, stage.lines]).toEqual([[], []]);
    stage.histories.start();
    await macrotask();
    expect(a.lines).toEqual(["1"]);
  });

  it("ignores the result or error of an older reading", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    for (const end of ["resolve", "reject"] as const) {
      stage.publish(end);
      const gate = newDeferred<void>();
      stage.onRead = () => gate.promise;
      stage.histories.restart("t");
      await macrotask();
      stage.onRead = () => undefined;
      stage.histories.restart("t");
      await macrotask();
      gate[end](undefined as never);
      await macrotask();
    }
    expect([a.lines, stage.lines]).toEqual([
      ["resolve", "reject"],
      ["delivered", "delivered"],
    ]);
  });

  it("resolves a subscription when the broker knows of it and has told the position", async () => {
    const stage = new FeedStage();
    stage.isHeld = false;
    const answers: boolean[] = [];
    stage.receivers.add(new Receiver());
    const first = stage.histories.want("t", Promise.resolve(false));
    const second = stage.histories.want("t", heard);
    for (const answer of [first, second]) void answer.then((is) => answers.push(is));
    await macrotask();
    expect(answers).toEqual([false]);
    stage.clock.advance(1100);
    await macrotask();
    expect(answers).toEqual([false, false]);
    stage.isHeld = true;
    expect(await stage.histories.want("t", heard)).toBe(true);
  });

  it("is not read any more if the broker goes away before it has answered", async () => {
    const stage = new FeedStage();
    const held = newDeferred<boolean>();
    stage.isHeld = held.promise;
    stage.receivers.add(new Receiver());
    const wanted = stage.histories.want("t", heard);
    stage.histories.stop();
    held.resolve(true);
    await macrotask();
    expect(stage.reads).toEqual([]);
    stage.histories.start();
    expect(await wanted).toBe(true);
  });

  it("releases those who wait for it when nobody wants it any more", async () => {
    const stage = new FeedStage();
    stage.isHeld = false;
    const receiver = new Receiver();
    stage.receivers.add(receiver);
    const wanted = stage.histories.want("t", heard);
    const replayed = stage.histories.replay(receiver, "t", stage.at(0), heard);
    stage.histories.close();
    expect(await wanted).toBe(false);
    expect(await replayed).toEqual({ complete: false, replayed: 0, position: undefined });
    stage.send("1");
    stage.histories.start();
    stage.histories.stop();
    expect(receiver.lines).toEqual([]);
  });

  it("drops the second copy of a message that the broker has kept twice", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    const envelope = stage.envelope("1");
    for (let at = 0; at < 2; at++) stage.add(envelope)();
    stage.send("2");
    expect([a.lines, stage.lines]).toEqual([
      ["1", "2"],
      ["delivered", "duplicate", "delivered"],
    ]);
  });
});

describe("a subscriber that has missed something", () => {
  it("gets the missed messages, and then what all get, once and in order", async () => {
    const stage = new FeedStage();
    await stage.subscriber();
    stage.send("1", "2", "3");
    const late = await stage.subscriber();
    const replayed = stage.histories.replay(late, "t", stage.at(1), heard);
    stage.send("4");
    expect(await replayed).toEqual({ complete: true, replayed: 3, position: stage.at(4) });
    stage.send("5");
    expect(late.lines).toEqual(["2", "3", "4", "5"]);
  });

  it("gets a message once if it is still on its way while the history has it already", async () => {
    const stage = new FeedStage();
    const a = await stage.subscriber();
    const late = await stage.subscriber();
    const bring = stage.publish("1", "2");
    const replayed = stage.histories.replay(late, "t", stage.at(0), heard);
    expect(await replayed).toMatchObject({ complete: true, replayed: 2 });
    for (const each of bring) each();
    stage.send("3");
    expect([a.lines, late.lines]).toEqual([
      ["1", "2", "3"],
      ["1", "2", "3"],
    ]);
  });

  it("gets what comes while its history is read after that, and none of it twice", async () => {
    const stage = new FeedStage();
    await stage.subscriber();
    const late = await stage.subscriber();
    const bring = stage.publish("1", "2");
    const gate = newDeferred<void>();
    stage.onRead = () => gate.promise;
    const replayed = stage.histories.replay(late, "t", stage.at(0), heard);
    await macrotask();
    for (const each of bring) each();
    stage.send("3", "4");
    gate.resolve();
    expect(await replayed).toEqual({ complete: true, replayed: 4, position: stage.at(4) });
    stage.send("5");
    expect(late.lines).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("gets nothing again that it has got from another, faster server", async () => {
    const stage = new FeedStage();
    const late = await stage.subscriber();
    const bring = [stage.add(stage.envelope("1", us)), ...stage.publish("2", "3")];
    const gate = newDeferred<void>();
    stage.onRead = () => gate.promise;
    const replayed = stage.histories.replay(late, "t", stage.at(1), heard);
    await macrotask();
    for (const each of bring) each();
    gate.resolve();
    expect(await replayed).toEqual({ complete: true, replayed: 2, position: stage.at(3) });
    expect(late.lines).toEqual(["2", "3"]);
  });

  it("gets many pages, as fast as it reads them", async () => {
    const stage = new FeedStage();
    stage.publish(...Array.from({ length: 600 }, (_, at) => `${at}`));
    const late = await stage.subscriber();
    const taken = newDeferred<void>();
    late.outbox.send = ((send) => (message) => {
      void send(message);
      return taken.promise;
    })(late.outbox.send.bind(late.outbox));
    const replayed = stage.histories.replay(late, "t", stage.at(0), heard);
    await macrotask();
    expect([late.lines.length, stage.reads]).toEqual([256, ["head", "0"]]);
    taken.resolve();
    expect(await replayed).toMatchObject({ complete: true, replayed: 600 });
    expect(late.lines).toEqual(Array.from({ length: 600 }, (_, at) => `${at}`));
  });

  it("is read for once more if too much comes meanwhile", async () => {
    const stage = new FeedStage();
    const late = await stage.subscriber();
    stage.send("1");
    stage.onRead = () => {
      stage.onRead = () => undefined;
      stage.send("x".repeat(600_000), "y".repeat(600_000), "z");
    };
    late.lines.length = 0;
    const replayed = await stage.histories.replay(late, "t", stage.at(0), heard);
    expect(replayed).toEqual({ complete: true, replayed: 4, position: stage.at(4) });
    expect(late.lines.map((line) => line[0])).toEqual(["1", "x", "y", "z"]);
  });

  it("is told that more is missing than is kept, and gets what there is", async () => {
    const stage = new FeedStage();
    stage.log = new HistoryLog("one", 2, Infinity);
    stage.publish("1", "2", "3", "4");
    const late = await stage.subscriber();
    const replayed = await stage.histories.replay(late, "t", stage.at(1), heard);
    expect(replayed).toEqual({ complete: false, replayed: 2, position: stage.at(4) });
    expect(late.lines).toEqual(["3", "4"]);
    stage.send("5");
    expect(late.lines.at(-1)).toBe("5");
  });

  it("gets a position if it has none, and nothing else", async () => {
    const stage = new FeedStage();
    stage.publish("1", "2");
    const late = await stage.subscriber();
    expect(await stage.histories.replay(late, "t", undefined, heard)).toEqual({
      complete: true,
      replayed: 0,
      position: stage.at(2),
    });
    expect(late.lines).toEqual([]);
  });

  it.each([undefined, 0])(
    "is told that the result is incomplete if the broker does not answer (since %s), and gets what comes",
    async (since) => {
      const stage = new FeedStage();
      stage.isHeld = false;
      const late = new Receiver();
      stage.receivers.add(late);
      const wanted = stage.histories.want("t", heard);
      const at = since === undefined ? undefined : stage.at(since);
      const replayed = stage.histories.replay(late, "t", at, heard);
      await macrotask();
      stage.clock.advance(1100);
      expect(await replayed).toEqual({ complete: false, replayed: 0, position: undefined });
      expect(await wanted).toBe(false);
      stage.isHeld = true;
      stage.histories.start();
      await macrotask();
      stage.send("1");
      expect(late.lines).toEqual(["1"]);
    },
  );

  it("is told so if its history cannot be read, and gets what comes", async () => {
    const stage = new FeedStage();
    const late = await stage.subscriber();
    stage.onRead = () => Promise.reject(new Error("no memory"));
    expect(await stage.histories.replay(late, "t", stage.at(0), heard)).toEqual({
      complete: false,
      replayed: 0,
      position: undefined,
    });
    stage.send("1");
    expect(late.lines).toEqual(["1"]);
  });

  it("is told that the result is incomplete if the broker does not know its subscription", async () => {
    const stage = new FeedStage();
    const late = await stage.subscriber();
    const replayed = stage.histories.replay(late, "t", stage.at(0), Promise.resolve(false));
    expect((await replayed).complete).toBe(false);
  });

  it.each([
    ["it has left", (stage: FeedStage, late: Receiver) => void stage.receivers.delete(late)],
    ["its connection ends", (_: FeedStage, late: Receiver) => void (late.state = "closed")],
  ])("gets no more if %s while its history is read", async (_, end) => {
    const stage = new FeedStage();
    stage.publish("1");
    const late = await stage.subscriber();
    stage.onRead = () => {
      end(stage, late);
    };
    expect(await stage.histories.replay(late, "t", stage.at(0), heard)).toEqual({
      complete: false,
      replayed: 0,
      position: undefined,
    });
    expect(late.lines).toEqual([]);
  });

  it("gets what it asked for last if it asks twice", async () => {
    const stage = new FeedStage();
    stage.publish("1", "2");
    const late = await stage.subscriber();
    const first = stage.histories.replay(late, "t", stage.at(0), heard);
    const second = stage.histories.replay(late, "t", stage.at(1), heard);
    expect(await first).toMatchObject({ complete: false, replayed: 0 });
    expect(await second).toMatchObject({ complete: true, replayed: 1 });
    stage.send("3");
    expect(late.lines).toEqual(["2", "3"]);
  });

  it("gets once what the broker has kept twice, and nothing that cannot be read", async () => {
    const stage = new FeedStage();
    const envelope = stage.envelope("1");
    for (const bytes of [envelope, envelope, Uint8Array.of(1), stage.envelope("2")]) {
      stage.add(bytes);
    }
    const late = await stage.subscriber();
    const replayed = await stage.histories.replay(late, "t", stage.at(0), heard);
    expect(replayed).toMatchObject({ complete: true, replayed: 2, position: stage.at(4) });
    expect([late.lines, stage.lines]).toEqual([["1", "2"], ["dropped foreign"]]);
  });

  it("does not get what it is publishing itself", async () => {
    const stage = new FeedStage();
    const late = await stage.subscriber();
    stage.histories.publish(0, 1, { except: late });
    stage.add(stage.envelope("own", us, 1));
    stage.add(stage.envelope("other"));
    const replayed = await stage.histories.replay(late, "t", stage.at(0), heard);
    expect([replayed.replayed, late.lines]).toEqual([1, ["other"]]);
  });

  it("gets nothing from a driver that says that it has no history", async () => {
    const stage = new FeedStage();
    const late = await stage.subscriber();
    stage.onPage = (page) => ({ ...page, more: true });
    stage.publish("1");
    const replayed = await stage.histories.replay(late, "t", stage.at(0), heard);
    expect([replayed.replayed, stage.reads]).toEqual([1, ["head", "0", "1"]]);
  });
});
