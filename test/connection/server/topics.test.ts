import { describe, expect, it } from "vitest";
import { type Backplane, localBackplane } from "../../../src/connection/server/backplane.ts";
import { Topics, type TopicSettings } from "../../../src/connection/server/topics.ts";
import { PreparedMessage } from "../../../src/endpoint/prepared.ts";
import { Receiver } from "../../support/receiver.ts";

function newTopics(
  settings: Partial<TopicSettings> = {},
  backplane: Backplane = localBackplane(),
): Topics<Receiver> {
  return new Topics(backplane, {
    maxTopics: 1024,
    highWaterMark: 100,
    slow: "buffer",
    ...settings,
  });
}

const news = new PreparedMessage("news");

describe("Topics", () => {
  it("send to the subscribers of a topic, and to nobody else", async () => {
    const topics = newTopics();
    const [a, b, c] = [new Receiver(), new Receiver(), new Receiver()];
    topics.subscribe(a, "x");
    topics.subscribe(b, "x");
    topics.subscribe(c, "y");
    expect(await topics.publish("x", news, {})).toEqual({ sent: 2, dropped: 0, closed: 0 });
    expect(await topics.publish("nobody", news, {})).toEqual({ sent: 0, dropped: 0, closed: 0 });
    expect([a.lines, b.lines, c.lines]).toEqual([["news"], ["news"], []]);
  });

  it("leave out the one that a message came from", async () => {
    const topics = newTopics();
    const [a, b] = [new Receiver(), new Receiver()];
    for (const receiver of [a, b]) topics.subscribe(receiver, "x");
    await topics.publish("x", news, { except: a });
    expect([a.lines, b.lines]).toEqual([[], ["news"]]);
  });

  it("count a subscription once, and forget it when it is taken back", async () => {
    const topics = newTopics();
    const a = new Receiver();
    topics.subscribe(a, "x");
    topics.subscribe(a, "x");
    topics.subscribe(a, "y");
    expect(topics.of(a)).toEqual(["x", "y"]);
    expect([topics.count, topics.countOf("x"), topics.countOf("z")]).toEqual([2, 1, 0]);
    await topics.publish("x", news, {});
    expect(a.lines).toEqual(["news"]);
    topics.unsubscribe(a, "x");
    topics.unsubscribe(a, "x");
    topics.unsubscribe(a, "never");
    await topics.publish("x", news, {});
    expect(a.lines).toEqual(["news"]);
    topics.unsubscribe(a, "y");
    expect([topics.count, topics.of(a)]).toEqual([0, []]);
  });

  it("forget whoever leaves, with all of its topics and no others", () => {
    const topics = newTopics();
    const [a, b] = [new Receiver(), new Receiver()];
    for (let i = 0; i < 100; i++) topics.subscribe(a, `a ${i}`);
    topics.subscribe(a, "both");
    topics.subscribe(b, "both");
    topics.leave(a);
    topics.leave(a);
    expect([topics.count, topics.countOf("both"), topics.of(a)]).toEqual([1, 1, []]);
    topics.leave(b);
    expect(topics.count).toBe(0);
  });

  it("cost what their own subscribers cost, however many others there are", async () => {
    const topics = newTopics();
    const others = Array.from({ length: 1000 }, () => new Receiver());
    for (let i = 0; i < 100_000; i++) topics.subscribe(others[i % 1000]!, `other ${i}`);
    const ours = [new Receiver(), new Receiver(), new Receiver()];
    for (const receiver of ours) topics.subscribe(receiver, "ours");
    let touched = 0;
    for (const receiver of [...others, ...ours]) receiver.onSend = () => touched++;
    await topics.publish("ours", news, {});
    expect(touched).toBe(3);
    for (const receiver of others) topics.leave(receiver);
    expect(topics.count).toBe(1);
  });

  it("skip and repeat nobody where a send changes who is subscribed", async () => {
    const topics = newTopics();
    const all = Array.from({ length: 4 }, () => new Receiver());
    for (const receiver of all) topics.subscribe(receiver, "x");
    all[0]!.onSend = () => {
      topics.leave(all[0]!);
      topics.leave(all[1]!);
      topics.subscribe(all[0]!, "x");
    };
    await topics.publish("x", news, {});
    expect(all.map(({ lines }) => lines.length)).toEqual([1, 1, 1, 1]);
  });

  it("are as many a connection as may be, and no more", () => {
    const topics = newTopics({ maxTopics: 2 });
    const a = new Receiver();
    topics.subscribe(a, "x");
    topics.subscribe(a, "y");
    topics.subscribe(a, "y");
    expect(() => {
      topics.subscribe(a, "z");
    }).toThrow(expect.objectContaining({ code: "TOO_MANY_TOPICS", limit: 2, actual: 3 }) as Error);
    expect(topics.of(a)).toEqual(["x", "y"]);
  });

  it.each([
    ["an empty one", ""],
    ["a long one", "x".repeat(1025)],
    ["none", 1 as never],
  ])("refuse a name that is no good: %s", (_, topic) => {
    const topics = newTopics();
    expect(() => {
      topics.subscribe(new Receiver(), topic);
    }).toThrow(TypeError);
    expect(() => topics.publish(topic, news, {})).toThrow(TypeError);
  });
});

describe("topics on several servers", () => {
  it("are one over a backplane, and each gets a message once", async () => {
    const backplane = localBackplane();
    const [here, there] = [newTopics({}, backplane), newTopics({}, backplane)];
    const [a, b] = [new Receiver(), new Receiver()];
    here.subscribe(a, "x");
    there.subscribe(b, "x");
    expect(await here.publish("x", news, {})).toEqual({ sent: 1, dropped: 0, closed: 0 });
    expect([a.lines, b.lines]).toEqual([["news"], ["news"]]);
    await there.close();
    await here.publish("x", news, {});
    expect([a.lines.length, b.lines.length]).toEqual([2, 1]);
  });

  it("tell their backplane of the first subscriber and of the last", () => {
    const lines: string[] = [];
    const topics = newTopics(
      {},
      {
        join: () => ({
          publish() {},
          subscribe: (topic) => void lines.push(`subscribe ${topic}`),
          unsubscribe: (topic) => void lines.push(`unsubscribe ${topic}`),
          leave() {},
        }),
      },
    );
    const [a, b] = [new Receiver(), new Receiver()];
    topics.subscribe(a, "x");
    topics.subscribe(b, "x");
    topics.unsubscribe(a, "x");
    topics.leave(b);
    expect(lines).toEqual(["subscribe x", "unsubscribe x"]);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no network");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no network"))],
  ])(
    "tell whoever publishes that their backplane %s, after its own connections have it",
    async (_, publish) => {
      const topics = newTopics({}, { join: () => ({ publish, leave() {} }) });
      const a = new Receiver();
      topics.subscribe(a, "x");
      // Not awaited: nothing is unhandled.
      void topics.publish("x", news, {});
      await expect(topics.publish("x", news, {})).rejects.toThrow("no network");
      expect(a.lines).toEqual(["news", "news"]);
    },
  );
});
