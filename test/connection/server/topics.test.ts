import { describe, expect, it, vi } from "vitest";
import { type TopicCarriage, Topics } from "../../../src/connection/server/topics.ts";
import { PreparedMessage } from "../../../src/endpoint/prepared.ts";
import { Receiver } from "../../support/receiver.ts";

function newTopics(carriage?: TopicCarriage): Topics<Receiver> {
  return new Topics(carriage);
}

const news = new PreparedMessage("news");

describe("Topics", () => {
  it("send to the subscribers of a topic, and to nobody else", async () => {
    const topics = newTopics();
    const [a, b, c] = [new Receiver(), new Receiver(), new Receiver()];
    void topics.subscribe(a, "x");
    void topics.subscribe(b, "x");
    void topics.subscribe(c, "y");
    expect(topics.publish("x", news, {})).toMatchObject({ sent: 2, dropped: 0, closed: 0 });
    expect(topics.publish("nobody", news, {})).toMatchObject({ sent: 0, dropped: 0, closed: 0 });
    expect([a.lines, b.lines, c.lines]).toEqual([["news"], ["news"], []]);
  });

  it("leave out the one that a message came from", async () => {
    const topics = newTopics();
    const [a, b] = [new Receiver(), new Receiver()];
    for (const receiver of [a, b]) void topics.subscribe(receiver, "x");
    topics.publish("x", news, { except: a });
    expect([a.lines, b.lines]).toEqual([[], ["news"]]);
  });

  it("count a subscription once, and forget it when it is taken back", async () => {
    const topics = newTopics();
    const a = new Receiver();
    void topics.subscribe(a, "x");
    void topics.subscribe(a, "x");
    void topics.subscribe(a, "y");
    expect(topics.of(a)).toEqual(["x", "y"]);
    expect([topics.count, topics.countOf("x"), topics.countOf("z")]).toEqual([2, 1, 0]);
    topics.publish("x", news, {});
    expect(a.lines).toEqual(["news"]);
    topics.unsubscribe(a, "x");
    topics.unsubscribe(a, "x");
    topics.unsubscribe(a, "never");
    topics.publish("x", news, {});
    expect(a.lines).toEqual(["news"]);
    topics.unsubscribe(a, "y");
    expect([topics.count, topics.of(a)]).toEqual([0, []]);
  });

  it("forget whoever leaves, with all of its topics and no others", () => {
    const topics = newTopics();
    const [a, b] = [new Receiver(), new Receiver()];
    for (let i = 0; i < 100; i++) void topics.subscribe(a, `a ${i}`);
    void topics.subscribe(a, "both");
    void topics.subscribe(b, "both");
    topics.leave(a);
    topics.leave(a);
    expect([topics.count, topics.countOf("both"), topics.of(a)]).toEqual([1, 1, []]);
    topics.leave(b);
    expect(topics.count).toBe(0);
  });

  it("cost what their own subscribers cost, however many others there are", async () => {
    const topics = newTopics();
    const others = Array.from({ length: 1000 }, () => new Receiver());
    for (let i = 0; i < 100_000; i++) void topics.subscribe(others[i % 1000]!, `other ${i}`);
    const ours = [new Receiver(), new Receiver(), new Receiver()];
    for (const receiver of ours) void topics.subscribe(receiver, "ours");
    let touched = 0;
    for (const receiver of [...others, ...ours]) receiver.onSend = () => touched++;
    topics.publish("ours", news, {});
    expect(touched).toBe(3);
    for (const receiver of others) topics.leave(receiver);
    expect(topics.count).toBe(1);
  });

  it("know who is subscribed to what", () => {
    const topics = newTopics();
    const [a, b] = [new Receiver(), new Receiver()];
    void topics.subscribe(a, "x");
    void topics.subscribe(b, "y");
    topics.unsubscribe(b, "y");
    expect([topics.has(a, "x"), topics.has(a, "y"), topics.has(b, "y")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("delete and add no key where one comes and goes, which would leave a hole each time", () => {
    const topics = newTopics();
    const others = Array.from({ length: 1000 }, () => new Receiver());
    for (const [i, other] of others.entries()) {
      void topics.subscribe(other, "x");
      void topics.subscribe(other, `own ${i}`);
    }
    const one = new Receiver();
    void topics.subscribe(one, "x");
    void topics.subscribe(one, "own");
    const deleted = [vi.spyOn(Map.prototype, "delete"), vi.spyOn(Set.prototype, "delete")];
    try {
      for (let i = 0; i < 500; i++) {
        for (const topic of ["x", "own"]) topics.unsubscribe(one, topic);
        for (const topic of ["x", "own"]) void topics.subscribe(one, topic);
      }
      expect(deleted.map((spy) => spy.mock.calls.length)).toEqual([0, 0]);
    } finally {
      for (const spy of deleted) spy.mockRestore();
    }
    expect([topics.countOf("x"), topics.countOf("own"), topics.count]).toEqual([1001, 1, 1002]);
  });

  it("skip and repeat no subscriber if a send changes who is subscribed", async () => {
    const topics = newTopics();
    const all = Array.from({ length: 4 }, () => new Receiver());
    for (const receiver of all) void topics.subscribe(receiver, "x");
    all[0]!.onSend = () => {
      topics.leave(all[0]!);
      topics.leave(all[1]!);
      void topics.subscribe(all[0]!, "x");
    };
    topics.publish("x", news, {});
    expect(all.map(({ lines }) => lines.length)).toEqual([1, 1, 1, 1]);
  });

  it("are limited for each connection", () => {
    const topics = newTopics();
    const a = new Receiver();
    a.delivery = { ...a.delivery, maxTopics: 2 };
    void topics.subscribe(a, "x");
    void topics.subscribe(a, "y");
    void topics.subscribe(a, "y");
    expect(() => {
      void topics.subscribe(a, "z");
    }).toThrow(expect.objectContaining({ code: "TOO_MANY_TOPICS", limit: 2, actual: 3 }) as Error);
    expect(topics.of(a)).toEqual(["x", "y"]);
  });

  it.each([
    ["an empty one", ""],
    ["a long one", "x".repeat(1025)],
    ["none", 1 as never],
  ])("refuse an invalid name: %s", (_, topic) => {
    const topics = newTopics();
    expect(() => {
      void topics.subscribe(new Receiver(), topic);
    }).toThrow(TypeError);
    expect(() => topics.publish(topic, news, {})).toThrow(TypeError);
  });
});

describe("topics on several servers", () => {
  /** A carriage that writes down what it is asked for. */
  function newCarriage(lines: string[], carried: () => Promise<undefined>): TopicCarriage {
    return {
      keeps: () => false,
      replay: () => Promise.reject(new Error("no history")),
      publish(topic) {
        lines.push(`publish ${topic}`);
        return carried();
      },
      want(topic) {
        lines.push(`want ${topic}`);
        return Promise.resolve(false);
      },
      release: (topic) => void lines.push(`release ${topic}`),
    };
  }

  it("are carried once the subscribers here have the message", async () => {
    const lines: string[] = [];
    const topics = newTopics(newCarriage(lines, () => Promise.resolve(undefined)));
    const a = new Receiver();
    a.onSend = () => lines.push("sent");
    void topics.subscribe(a, "x");
    await topics.publish("x", news, {}).carried;
    expect(lines).toEqual(["want x", "sent", "publish x"]);
  });

  it("are wanted while they have subscribers, and released with the last", async () => {
    const lines: string[] = [];
    const topics = newTopics(newCarriage(lines, () => Promise.resolve(undefined)));
    const [a, b] = [new Receiver(), new Receiver()];
    expect(await topics.subscribe(a, "x")).toBe(false);
    expect(await topics.subscribe(b, "x")).toBe(false);
    topics.unsubscribe(a, "x");
    topics.leave(b);
    expect(lines).toEqual(["want x", "want x", "release x"]);
  });

  it("reach the connections here whatever becomes of the carriage", async () => {
    const topics = newTopics(newCarriage([], () => Promise.reject(new Error("no network"))));
    const a = new Receiver();
    void topics.subscribe(a, "x");
    const { sent, carried } = topics.publish("x", news, {});
    expect([sent, a.lines]).toEqual([1, ["news"]]);
    await expect(carried).rejects.toThrow("no network");
  });

  it("are carried and subscribed to at once if the server is alone", async () => {
    const topics = newTopics();
    expect(await topics.subscribe(new Receiver(), "x")).toBe(true);
    await topics.publish("x", news, {}).carried;
  });

  it("give what came from elsewhere to the subscribers here", () => {
    const topics = newTopics();
    const a = new Receiver();
    void topics.subscribe(a, "x");
    expect(topics.deliver("x", news, {})).toEqual({ sent: 1, dropped: 0, closed: 0 });
    expect(a.lines).toEqual(["news"]);
  });

  it("are delivered by the carriage if it brings them back", async () => {
    const lines: string[] = [];
    const carriage = newCarriage(lines, () => Promise.resolve(undefined));
    const topics = newTopics({ ...carriage, keeps: (topic) => topic === "x" });
    const a = new Receiver();
    for (const topic of ["x", "y"]) void topics.subscribe(a, topic);
    expect(topics.publish("x", news, {})).toMatchObject({ sent: 0, dropped: 0, closed: 0 });
    expect(topics.publish("y", news, {})).toMatchObject({ sent: 1 });
    expect(a.lines).toEqual(["news"]);
    expect(lines).toEqual(["want x", "want y", "publish x", "publish y"]);
    expect(() => topics.publish("x", news, { slow: "never" as "drop" })).toThrow(TypeError);
  });

  it("are asked from the carriage if a subscriber has missed messages", async () => {
    const lines: string[] = [];
    const position = { epoch: "e", offset: "1" };
    const topics = newTopics({
      ...newCarriage(lines, () => Promise.resolve(undefined)),
      replay: async (receiver, topic, since, heard) => {
        lines.push(`replay ${topic} ${since!.offset} ${await heard} ${receiver.state}`);
        return { complete: true, replayed: 3, position };
      },
    });
    const a = new Receiver();
    expect(await topics.replay(a, "x", position)).toEqual({
      complete: true,
      replayed: 3,
      position,
    });
    expect(lines).toEqual(["want x", "replay x 1 false open"]);
    expect(topics.of(a)).toEqual(["x"]);
  });

  it("have no history if the server is alone", async () => {
    const topics = newTopics();
    const none = { replayed: 0, position: undefined };
    const a = new Receiver();
    expect(await topics.replay(a, "x", undefined)).toEqual({ ...none, complete: true });
    const since = { epoch: "e", offset: "1" };
    expect(await topics.replay(a, "x", since)).toEqual({ ...none, complete: false });
    expect([...topics.receivers("x")]).toEqual([a]);
  });
});
