import { next, open, thrown } from "../case-kit.ts";
import type { Case } from "./case.ts";

/* oxlint-disable typescript/no-explicit-any -- as in the kit */

/** What a property says of itself. */
function kindOf(object: object, name: string): string {
  const found = Object.getOwnPropertyDescriptor(object, name);
  if (found === undefined) return "none";
  const { enumerable, configurable, writable, get, set, value } = found;
  const access = get === undefined ? `${typeof value}` : `get${set === undefined ? "" : "/set"}`;
  const words = [access, enumerable && "enumerable", configurable && "configurable"];
  return [...words, writable && "writable"].filter((word) => word).join(" ");
}

/** What Web IDL says of the interface, and of its attributes. */
export const members: readonly Case[] = [
  {
    name: "is called WebSocket, and needs one argument",
    run: ({ WebSocket, nobody }) => [
      WebSocket.name,
      WebSocket.length,
      String(new WebSocket(nobody)),
      Object.getPrototypeOf(WebSocket) === EventTarget,
      Object.getPrototypeOf(WebSocket.prototype) === EventTarget.prototype,
    ],
    expected: ["WebSocket", 1, "[object WebSocket]", true, true],
  },
  {
    name: "has constants on the class and on its instances, which nobody changes",
    run({ WebSocket, nobody }) {
      const ws = new WebSocket(nobody);
      const names = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
      return [
        names.map((name) => WebSocket[name]),
        names.map((name) => ws[name]),
        ...names.flatMap((name) => [kindOf(WebSocket, name), kindOf(WebSocket.prototype, name)]),
      ];
    },
    expected: [[0, 1, 2, 3], [0, 1, 2, 3], ...Array(8).fill("number enumerable")],
  },
  {
    name: "has its attributes and methods on the prototype",
    run: ({ WebSocket: { prototype } }) => [
      ["url", "readyState", "bufferedAmount", "extensions", "protocol"].map((name) =>
        kindOf(prototype, name),
      ),
      ["binaryType", "onopen", "onmessage", "onerror", "onclose"].map((name) =>
        kindOf(prototype, name),
      ),
      ["send", "close"].map((name) => `${kindOf(prototype, name)} ${prototype[name].length}`),
    ],
    expected: [
      Array(5).fill("get enumerable configurable"),
      Array(5).fill("get/set enumerable configurable"),
      [
        "function enumerable configurable writable 1",
        "function enumerable configurable writable 0",
      ],
    ],
  },
  {
    name: "refuses objects that are no WebSockets",
    run: ({ WebSocket: { prototype } }) => [
      thrown(() => prototype.url),
      thrown(() => prototype.readyState),
      thrown(() => prototype.onopen),
      thrown(() => (prototype.onopen = null)),
      thrown(() => prototype.send.call({}, "a")),
      thrown(() => prototype.close.call(new EventTarget())),
    ],
    expected: Array(6).fill("TypeError"),
  },
  {
    name: "leaves attributes that can only be read as they are",
    run({ WebSocket, nobody }) {
      const ws = new WebSocket(nobody);
      return ["url", "readyState", "bufferedAmount", "protocol", "OPEN"].map((name) =>
        thrown(() => (ws[name] = 5)),
      );
    },
    expected: Array(5).fill("TypeError"),
  },
  {
    name: "takes no binaryType but the two",
    run({ WebSocket, nobody }) {
      const ws = new WebSocket(nobody);
      const seen = [];
      for (const value of ["arraybuffer", "nodebuffer", "Blob", "", null, "blob", undefined, 1]) {
        ws.binaryType = value;
        seen.push(ws.binaryType);
      }
      ws.binaryType = { toString: () => "arraybuffer" };
      return [...seen, ws.binaryType, thrown(() => (ws.binaryType = Symbol("blob")))];
    },
    expected: [
      "arraybuffer",
      "arraybuffer",
      "arraybuffer",
      "arraybuffer",
      "arraybuffer",
      "blob",
      "blob",
      "blob",
      "arraybuffer",
      "TypeError",
    ],
  },
  {
    name: "keeps a handler that is an object, and none that is not",
    run({ WebSocket, nobody }) {
      const ws = new WebSocket(nobody);
      const handler = (): void => {};
      const object = { handleEvent() {} };
      return ["onopen", "onmessage", "onerror", "onclose"].map((name) => {
        const seen = [handler, object, 1, "text", handler, undefined].map((value) => {
          ws[name] = value;
          return ws[name] === null ? "null" : ws[name] === value;
        });
        return seen.join();
      });
    },
    expected: Array(4).fill("true,true,null,null,true,null"),
  },
  {
    name: "calls a handler with its event, on the WebSocket, and an object never",
    async run(kit) {
      const ws = await open(kit);
      const calls: unknown[] = [];
      ws.onmessage = { handleEvent: () => calls.push("object") };
      ws.send("a");
      await next(ws, "message");
      ws.onmessage = function (this: unknown, ...given: any[]) {
        calls.push(this === ws, given.length, given[0].type, given[0].currentTarget === ws);
        return false;
      };
      ws.send("b");
      const event = await next(ws, "message");
      return [...calls, event.defaultPrevented];
    },
    expected: [true, 1, "message", true, false],
  },
  {
    name: "calls a listener that is an object with handleEvent",
    async run(kit) {
      const ws = await open(kit);
      const called = new Promise((resolve) => {
        const listener = {
          handleEvent(this: unknown, event: any) {
            resolve([this === listener, event.data]);
          },
        };
        ws.addEventListener("message", listener);
      });
      ws.send("a");
      return called;
    },
    expected: [true, "a"],
  },
  {
    name: "calls a handler in the place in which one was first set",
    async run(kit) {
      const ws = await open(kit);
      const calls: string[] = [];
      const round = async (): Promise<string> => {
        calls.length = 0;
        ws.send("a");
        await next(ws, "message");
        return calls.join("");
      };
      ws.addEventListener("message", () => calls.push("1"));
      ws.onmessage = () => calls.push("h");
      ws.addEventListener("message", () => calls.push("2"));
      const seen = [await round()];
      ws.onmessage = () => calls.push("H");
      seen.push(await round());
      ws.onmessage = null;
      seen.push(await round());
      ws.onmessage = () => calls.push("h");
      seen.push(await round());
      return seen;
    },
    expected: ["1h2", "1H2", "12", "12h"],
  },
];
