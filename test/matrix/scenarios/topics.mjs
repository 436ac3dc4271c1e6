/**
 * One message for many connections.
 */

import { quietly, told } from "../trace.mjs";
import { compressed } from "./messages.mjs";
import { fill } from "./flow.mjs";

/** A server that does what it is told by "verb rest": one answer to each, unless it is a message for others. */
const topical = (options) => ({
  options,
  handlers: (t, server) => ({
    async message(ws, data) {
      const [verb, rest] = data.split(" ");
      const note = ({ sent, dropped, closed }) =>
        t.of(ws.target).note(told({ sent, dropped, closed }));
      if (verb === "subscribe" || verb === "unsubscribe") {
        ws[verb](rest);
        await ws.send(`${verb}d, ${server().subscribersOf(rest)} in all`);
      } else if (verb === "tell") {
        note(ws.publish("news", rest));
      } else if (verb === "announce") {
        note(server().publish("news", rest));
      } else if (verb === "shout") {
        note(server().broadcast(rest, { except: ws }));
      }
    },
  }),
});

/** Three clients: two that subscribe, and one that only talks. */
function publishing(options, openA = "open") {
  return {
    server: topical(options),
    async client(stage, t) {
      const connections = {
        a: await stage.connect({ target: "/?a", ...options }),
        b: await stage.connect({ target: "/?b" }),
        c: await stage.connect({ target: "/?c" }),
      };
      const say = (name, text) => connections[name].send(text);
      const hear = async (...names) => {
        for (const name of names) t.of(`?${name}`).note(told(await connections[name].receive()));
      };
      await say("a", "subscribe news");
      await hear("a");
      await say("b", "subscribe news");
      await hear("b");
      await say("a", "tell one");
      await hear("b");
      await say("c", "tell two");
      await hear("a", "b");
      await say("a", "announce three");
      await hear("a", "b");
      await say("b", "unsubscribe news");
      await hear("b");
      await say("c", "tell four");
      await hear("a");
      await say("a", "shout five");
      await hear("b", "c");
      for (const ws of Object.values(connections)) await ws.close();
    },
    expected: {
      client: [
        `a: ${openA}`,
        'a: "subscribed, 1 in all"',
        'a: "two"',
        'a: "three"',
        'a: "four"',
        "a: close 1000 clean by local",
        "b: open",
        'b: "subscribed, 2 in all"',
        'b: "one"',
        'b: "two"',
        'b: "three"',
        'b: "unsubscribed, 1 in all"',
        'b: "five"',
        "b: close 1000 clean by local",
        "c: open",
        'c: "five"',
        "c: close 1000 clean by local",
      ],
      server: [
        `a: ${openA}`,
        'a: message "subscribe news"',
        'a: message "tell one"',
        'a: {"sent":1,"dropped":0,"closed":0}',
        'a: message "announce three"',
        'a: {"sent":2,"dropped":0,"closed":0}',
        'a: message "shout five"',
        'a: {"sent":2,"dropped":0,"closed":0}',
        "a: close 1000 clean by peer",
        "b: open",
        'b: message "subscribe news"',
        'b: message "unsubscribe news"',
        "b: close 1000 clean by peer",
        "c: open",
        'c: message "tell two"',
        'c: {"sent":2,"dropped":0,"closed":0}',
        'c: message "tell four"',
        'c: {"sent":1,"dropped":0,"closed":0}',
        "c: close 1000 clean by peer",
      ],
    },
  };
}

export const topics = [
  { name: "what is published reaches the other subscribers", ...publishing({}) },
  {
    name: "what is published reaches subscribers that compress and such that do not",
    ...publishing({ compression: true }, `open with ${compressed}`),
  },
  {
    name: "the end of a connection takes its subscriptions back",
    server: {
      handlers: (t, server) => ({
        open(ws) {
          ws.subscribe("one");
          ws.subscribe("two");
          t.of(ws.target).note(ws.topics.join(", "));
        },
        close: (ws) => t.mark(`over ${ws.target}`),
        async message(ws) {
          await t.marked("over /");
          // The handler is called first.
          await Promise.resolve();
          await ws.send(`${server().subscribersOf("one")} of one`);
        },
      }),
    },
    async client(stage, t) {
      const ws = await stage.connect();
      ws.terminate();
      const other = await stage.connect({ target: "/?other" });
      await other.send("how many?");
      t.of("?other").note(await other.receive());
      await other.close();
    },
    expected: {
      client: [
        "open",
        "close 1006 unclean by local",
        "other: open",
        "other: 1 of one",
        "other: close 1000 clean by local",
      ],
      server: [
        "open",
        "one, two",
        "error TransportError UNEXPECTED_END",
        "close 1006 unclean by transport, TransportError UNEXPECTED_END",
        "other: open",
        "other: one, two",
        'other: message "how many?"',
        "other: close 1000 clean by peer",
      ],
    },
  },
  {
    name: "topics are the server's, and not without end",
    server: {
      options: { maxTopics: 1 },
      handlers: (t) => ({
        async open(ws) {
          ws.subscribe("one");
          ws.subscribe("one");
          await t.attempt("subscribe", () => ws.subscribe("two"));
          await t.attempt("subscribe", () => ws.subscribe(""));
        },
      }),
    },
    async client(stage, t) {
      const ws = await stage.connect();
      try {
        ws.subscribe("mine");
      } catch (error) {
        t.note(error.name);
      }
      await ws.close();
    },
    expected: {
      client: ["open", "TypeError", "close 1000 clean by local"],
      server: [
        "open",
        "subscribe throws: LimitError TOO_MANY_TOPICS",
        "subscribe throws: TypeError: A topic is a string of 1 to 1024 UTF-16 units",
        "close 1000 clean by peer",
      ],
    },
  },
  {
    name: "who does not keep up misses what is for all, or is dropped",
    server: {
      handlers: (t, server) => ({
        message: quietly(async (ws) => {
          const note = (delivery) => t.note(told(delivery));
          const { promise } = await fill(ws);
          note(server().broadcast("for those who keep up", { slow: "drop" }));
          note(server().broadcast("for those who keep up", { slow: "close" }));
          await t.outcome("send", promise);
        }),
      }),
    },
    async client(stage, t) {
      const quick = await stage.connect({ target: "/?quick" });
      const slow = await stage.connect();
      await slow.send("fill me");
      for (let i = 0; i < 2; i++) t.of("?quick").note(await quick.receive());
      await t.attempt("loop", async () => {
        for await (const data of slow) if (typeof data === "string") t.note(data);
      });
      await slow.closed;
      await quick.close();
    },
    expected: {
      client: [
        "open",
        "error TransportError UNEXPECTED_END",
        "close 1006 unclean by transport, TransportError UNEXPECTED_END",
        "loop fails: ClosedError CLOSED 1006",
        "quick: open",
        "quick: for those who keep up",
        "quick: for those who keep up",
        "quick: close 1000 clean by local",
      ],
      server: [
        "open",
        '{"sent":1,"dropped":1,"closed":0}',
        "error LimitError TOO_MUCH_BUFFERED",
        '{"sent":1,"dropped":0,"closed":1}',
        "send fails: ClosedError CLOSED 1006",
        "close 1006 unclean by local, LimitError TOO_MUCH_BUFFERED",
        "quick: open",
        "quick: close 1000 clean by peer",
      ],
    },
  },
];
