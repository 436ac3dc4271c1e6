import {
  closeLine,
  eventsOf,
  newId,
  next,
  open,
  report,
  task,
  thrown,
  untilClosed,
} from "../case-kit.ts";
import type { Case } from "./case.ts";

/* oxlint-disable typescript/no-explicit-any -- as in the kit */

const accessError = "DOMException InvalidAccessError";
const syntaxError = "DOMException SyntaxError";

/** The method `close`, and how it ends. */
export const closing: readonly Case[] = [
  {
    name: "closes without a code where none is given, which is 1005",
    async run(kit) {
      const id = newId();
      const ws = await open(kit, `/log/${id}`);
      ws.close();
      const state = ws.readyState;
      const event = await next(ws, "close");
      return [state, closeLine(event), ws.readyState, await report(kit, id)];
    },
    expected: [2, 'close 1005 "" true', 3, ["1005  true"]],
  },
  {
    name: "closes with the code and the reason that are given",
    async run(kit) {
      const seen: unknown[] = [];
      for (const given of [[1000], [3000, ""], [4999, "é👋"], [1000, "a\ud800"], [4000, 5]]) {
        const id = newId();
        const ws = await open(kit, `/log/${id}`);
        ws.close(...given);
        seen.push(closeLine(await next(ws, "close")), ...(await report(kit, id)));
      }
      return seen;
    },
    expected: [
      'close 1000 "" true',
      "1000  true",
      'close 3000 "" true',
      "3000  true",
      'close 4999 "é👋" true',
      "4999 é👋 true",
      'close 1000 "a\ufffd" true',
      "1000 a\ufffd true",
      'close 4000 "5" true',
      "4000 5 true",
    ],
  },
  {
    name: "throws an InvalidAccessError for other codes, and stays open",
    async run(kit) {
      const ws = await open(kit);
      const codes = [
        0,
        999,
        1001,
        1005,
        1006,
        1015,
        2999,
        5000,
        65_536,
        -1,
        null,
        NaN,
        "a",
        Infinity,
      ];
      const names = codes.map((code) => thrown(() => ws.close(code)));
      return [names.every((name) => name === accessError), ws.readyState];
    },
    expected: [true, 1],
  },
  {
    name: "takes a code that is not a whole number, or is made one",
    async run(kit) {
      const codes = [1000.4, "1000", 4999.4, 3000.5, { valueOf: () => 3001 }];
      const seen: unknown[] = [];
      for (const code of codes) {
        const ws = await open(kit);
        ws.close(code);
        seen.push((await next(ws, "close")).code);
      }
      const ws = await open(kit);
      return [...seen, thrown(() => ws.close(999.4)), thrown(() => ws.close(2999.4))];
    },
    expected: [1000, 1000, 4999, 3000, 3001, accessError, accessError],
  },
  {
    name: "throws a TypeError for a code that is no number at all",
    async run(kit) {
      const ws = await open(kit);
      return [
        thrown(() => ws.close(Symbol("1"))),
        thrown(() => ws.close(1000n)),
        thrown(() => ws.close(1000, Symbol("a"))),
        ws.readyState,
      ];
    },
    expected: ["TypeError", "TypeError", "TypeError", 1],
  },
  {
    name: "throws a SyntaxError for a reason of more than 123 bytes, and stays open",
    async run(kit) {
      const ws = await open(kit);
      const long = ["a".repeat(124), "é".repeat(62), "\ud800".repeat(42)];
      const names = long.map((reason) => thrown(() => ws.close(1000, reason)));
      return [...names, thrown(() => ws.close(1001, long[0])), ws.readyState];
    },
    expected: [syntaxError, syntaxError, syntaxError, accessError, 1],
  },
  {
    name: "sends a reason of 123 bytes",
    async run(kit) {
      const ws = await open(kit);
      const reason = "é".repeat(61) + "a";
      ws.close(4000, reason);
      return (await next(ws, "close")).reason === reason;
    },
    expected: true,
  },
  {
    name: "checks its arguments in every state",
    async run({ WebSocket, nobody }) {
      const ws = new WebSocket(nobody);
      const names = [thrown(() => ws.close(1)), thrown(() => ws.close(1000, "a".repeat(124)))];
      const { readyState } = ws;
      await next(ws, "close");
      return [...names, readyState, thrown(() => ws.close(1)), thrown(() => ws.close())];
    },
    expected: [accessError, syntaxError, 0, accessError, "nothing"],
  },
  {
    name: "fails where it is closed before it is open",
    async run({ WebSocket, server, raw }) {
      const seen: unknown[] = [];
      for (const url of [`${server}/echo`, `${raw}/hang`]) {
        const ws = new WebSocket(url);
        const lines = untilClosed(ws);
        ws.close(4000, "never");
        seen.push(ws.readyState, (await lines).join(), ws.readyState);
      }
      return seen;
    },
    expected: [2, 'error,close 1006 "" false', 3, 2, 'error,close 1006 "" false', 3],
  },
  {
    name: "fails in a task of its own, and tells those who listen by then",
    async run({ WebSocket, server }) {
      const ws = new WebSocket(`${server}/echo`);
      ws.close();
      const lines = untilClosed(ws);
      await null;
      const { readyState } = ws;
      return [readyState, ...(await lines)];
    },
    expected: [2, "error", 'close 1006 "" false'],
  },
  {
    name: "closes once: a second call changes nothing",
    async run(kit) {
      const id = newId();
      const ws = await open(kit, `/log/${id}`);
      const lines = eventsOf(ws);
      ws.close(4000, "first");
      ws.close(4001, "second");
      await next(ws, "close");
      ws.close(4002, "third");
      await task();
      return [lines, await report(kit, id)];
    },
    expected: [['close 4000 "first" true'], ["4000 first true"]],
  },
  {
    name: "may be closed in its first event, and in each",
    async run({ WebSocket, server, nobody }) {
      const seen: unknown[] = [];
      for (const [type, url] of [
        ["open", `${server}/echo`],
        ["message", `${server}/three`],
        ["error", nobody],
        ["close", `${server}/close-bare`],
      ]) {
        const ws = new WebSocket(url);
        ws.addEventListener(type, () => {
          ws.close(4000);
        });
        seen.push((await untilClosed(ws)).join());
      }
      return seen;
    },
    expected: [
      'open,close 4000 "" true',
      'open,message one,close 4000 "" true',
      'error,close 1006 "" false',
      'open,close 1005 "" true',
    ],
  },
  {
    name: "is closed by the peer, with what that says",
    async run({ WebSocket, server }) {
      const seen: unknown[] = [];
      for (const path of [
        "/close/1000/bye",
        "/close/1001/away",
        "/close/4999/%C3%A9",
        "/close/1011/x",
      ]) {
        seen.push((await untilClosed(new WebSocket(server + path))).join());
      }
      seen.push((await untilClosed(new WebSocket(`${server}/close-bare`))).join());
      return seen;
    },
    expected: [
      'open,close 1000 "bye" true',
      'open,close 1001 "away" true',
      'open,close 4999 "é" true',
      'open,close 1011 "x" true',
      'open,close 1005 "" true',
    ],
  },
  {
    name: "ends with 1006 where the connection is dropped",
    async run(kit) {
      const ws = await open(kit, "/drop-on-message");
      const closed = next(ws, "close");
      ws.send("drop");
      const first = closeLine(await closed);
      const fin = new kit.WebSocket(`${kit.raw}/fin`);
      return [first, closeLine(await next(fin, "close")), ws.readyState];
    },
    expected: ['close 1006 "" false', 'close 1006 "" false', 3],
  },
  {
    name: "is closed by the peer's close frame, though it has closed itself in the same turn",
    async run(kit) {
      const ws = await open(kit, "/close-on-message");
      ws.send("bye");
      ws.close(4100, "mine");
      const { wasClean } = await next(ws, "close");
      return wasClean;
    },
    expected: true,
  },
  {
    name: "may send in the last message's event, which comes to nothing",
    async run({ WebSocket, raw }) {
      const ws = new WebSocket(`${raw}/two-and-close`);
      const names: string[] = [];
      ws.addEventListener("message", () => names.push(thrown(() => ws.send("x"))));
      return [(await untilClosed(ws)).join(), names];
    },
    expected: ['open,message a,message b,close 4000 "" true', ["nothing", "nothing"]],
  },
  {
    name: "makes a CloseEvent of the end",
    async run(kit) {
      const ws = await open(kit);
      ws.close(4000, "why");
      const event = await next(ws, "close");
      const { type, code, reason, wasClean, bubbles, cancelable, target } = event;
      return [
        event instanceof kit.CloseEvent && event instanceof Event,
        [type, code, reason, wasClean, bubbles, cancelable, target === ws],
      ];
    },
    expected: [true, ["close", 4000, "why", true, false, false, true]],
  },
  {
    name: "has a CloseEvent that applications can make",
    run({ CloseEvent }) {
      const bare = new CloseEvent("a");
      const full = new CloseEvent("b", {
        code: 4000,
        reason: "why",
        wasClean: true,
        cancelable: true,
      });
      return [
        [bare.type, bare.code, bare.reason, bare.wasClean, bare.cancelable],
        [full.type, full.code, full.reason, full.wasClean, full.cancelable],
      ];
    },
    expected: [
      ["a", 0, "", false, false],
      ["b", 4000, "why", true, true],
    ],
  },
  {
    name: "has states that its events show",
    async run({ WebSocket, server, nobody }) {
      const seen: string[] = [];
      for (const url of [`${server}/close-bare`, nobody]) {
        const ws = new WebSocket(url);
        for (const type of ["open", "error", "close"]) {
          ws.addEventListener(type, () => seen.push(`${type} ${ws.readyState}`));
        }
        await next(ws, "close");
      }
      return seen;
    },
    expected: ["open 1", "close 3", "error 3", "close 3"],
  },
  {
    name: "keeps what it knew when it is over",
    async run(kit) {
      const ws = await open(kit, "/echo", "chat");
      const { url } = ws;
      ws.close();
      await next(ws, "close");
      return [ws.url === url, ws.protocol, ws.binaryType];
    },
    expected: [true, "chat", "arraybuffer"],
  },
];

/** All that a page may do with one at the end, which is of no use, and no mistake. */
export const afterwards: readonly Case[] = [
  {
    name: "lets handlers be set and events be made when it is over",
    async run(kit) {
      const ws = await open(kit);
      ws.close();
      await next(ws, "close");
      const calls: string[] = [];
      ws.onmessage = ({ type }: any) => calls.push(type);
      ws.dispatchEvent(new Event("message"));
      ws.binaryType = "blob";
      return [...calls, ws.binaryType, ws.readyState];
    },
    expected: ["message", "blob", 3],
  },
];
