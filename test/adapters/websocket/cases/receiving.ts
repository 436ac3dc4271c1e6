import { bytesOf, eventsOf, messages, next, open, untilClosed } from "../case-kit.ts";
import type { Case } from "./case.ts";

/* oxlint-disable typescript/no-explicit-any -- as in the kit */

/** Messages that come: WHATWG WebSockets, 4. */
export const receiving: readonly Case[] = [
  {
    name: "gives bytes as Blobs where nothing is said",
    async run({ WebSocket, server }) {
      const ws = new WebSocket(`${server}/bytes`);
      const [first] = await messages(ws, 1);
      return [first instanceof Blob, first.type, first.size, bytesOf(await first.arrayBuffer())];
    },
    expected: [true, "", 2, [1, 1]],
  },
  {
    name: "gives bytes as ArrayBuffers of their own",
    async run({ WebSocket, server }) {
      const ws = new WebSocket(`${server}/bytes`);
      ws.binaryType = "arraybuffer";
      const all = await messages(ws, 3);
      return all.map((data) => [data instanceof ArrayBuffer, data.byteLength, bytesOf(data)]);
    },
    expected: [
      [true, 2, [1, 1]],
      [true, 2, [2, 2]],
      [true, 2, [3, 3]],
    ],
  },
  {
    name: "gives bytes as binaryType says when their event comes",
    async run({ WebSocket, server }) {
      const ws = new WebSocket(`${server}/bytes`);
      const kinds: string[] = [];
      ws.onmessage = ({ data }: any) => {
        kinds.push(data instanceof Blob ? "blob" : "arraybuffer");
        ws.binaryType = ws.binaryType === "blob" ? "arraybuffer" : "blob";
      };
      await messages(ws, 3);
      return kinds;
    },
    expected: ["blob", "arraybuffer", "blob"],
  },
  {
    name: "gives text as strings, whatever binaryType is",
    async run({ WebSocket, server }) {
      const ws = new WebSocket(`${server}/three`);
      return messages(ws, 3);
    },
    expected: ["one", "two", "three"],
  },
  {
    name: "makes a MessageEvent of each message",
    async run(kit) {
      const ws = await open(kit);
      ws.send("a");
      const event = await next(ws, "message");
      const { type, data, origin, lastEventId, source, ports, bubbles, cancelable } = event;
      return [
        event instanceof MessageEvent,
        [type, data, lastEventId, source, ports.length, bubbles, cancelable],
        origin === kit.server,
        event.target === ws,
      ];
    },
    expected: [true, ["message", "a", "", null, 0, false, false], true, true],
  },
  {
    name: "tells of messages that came with the handshake behind `open`",
    async run({ WebSocket, server }) {
      const ws = new WebSocket(`${server}/three`);
      const lines = eventsOf(ws);
      await messages(ws, 3);
      return lines;
    },
    expected: ["open", "message one", "message two", "message three"],
  },
  {
    name: "has a task for each message: what awaits the one before is done",
    async run(kit) {
      const ws = await open(kit, "/threefold");
      const lines: string[] = [];
      ws.addEventListener("message", async ({ data }: any) => {
        lines.push(data);
        for (let i = 0; i < 20; i++) await null;
        lines.push(`${data} done`);
      });
      ws.send("x");
      await messages(ws, 3);
      for (let i = 0; i < 30; i++) await null;
      return lines;
    },
    expected: ["xa", "xa done", "xb", "xb done", "xc", "xc done"],
  },
  {
    name: "loses no message to who awaits them one by one",
    async run(kit) {
      const ws = await open(kit, "/threefold");
      ws.send("x");
      const seen: string[] = [];
      for (let i = 0; i < 3; i++) seen.push((await next(ws, "message")).data);
      return seen;
    },
    expected: ["xa", "xb", "xc"],
  },
  {
    name: "does not call a listener that one before it has taken away",
    async run(kit) {
      const ws = await open(kit);
      const calls: string[] = [];
      const second = (): void => void calls.push("second");
      ws.addEventListener("message", () => {
        calls.push("first");
        ws.removeEventListener("message", second);
      });
      ws.addEventListener("message", second);
      ws.send("a");
      await messages(ws, 1);
      return calls;
    },
    expected: ["first"],
  },
  {
    name: "calls a handler that is replaced inside of it from the next message on",
    async run(kit) {
      const ws = await open(kit, "/threefold");
      const calls: string[] = [];
      ws.onmessage = ({ data }: any) => {
        calls.push(`old ${data}`);
        ws.onmessage = (event: any) => calls.push(`new ${event.data}`);
      };
      ws.send("x");
      await messages(ws, 3);
      return calls;
    },
    expected: ["old xa", "new xb", "new xc"],
  },
  {
    name: "tells nobody who has taken his handler away",
    async run(kit) {
      const ws = await open(kit, "/threefold");
      const calls: string[] = [];
      ws.onmessage = ({ data }: any) => {
        calls.push(data);
        ws.onmessage = null;
      };
      ws.send("x");
      await messages(ws, 3);
      return calls;
    },
    expected: ["xa"],
  },
  {
    name: "calls a listener once that was added twice, or once",
    async run(kit) {
      const ws = await open(kit, "/threefold");
      const calls: string[] = [];
      const listener = (): void => void calls.push("twice");
      ws.addEventListener("message", listener);
      ws.addEventListener("message", listener);
      ws.addEventListener("message", () => calls.push("once"), { once: true });
      ws.send("x");
      await messages(ws, 3);
      return calls;
    },
    expected: ["twice", "once", "twice", "twice"],
  },
  {
    name: "takes an event that the application has made",
    async run(kit) {
      const ws = await open(kit);
      const calls: string[] = [];
      ws.onmessage = ({ data }: any) => calls.push(data);
      ws.onclose = () => calls.push("close");
      ws.dispatchEvent(new MessageEvent("message", { data: "made" }));
      ws.dispatchEvent(new Event("close"));
      return [...calls, ws.readyState];
    },
    expected: ["made", "close", 1],
  },
  {
    name: "tells no message after its own close()",
    async run(kit) {
      const ws = await open(kit, "/threefold");
      ws.onmessage = () => {
        ws.close();
      };
      const lines = eventsOf(ws);
      ws.send("x");
      await next(ws, "close");
      return lines;
    },
    expected: ["message xa", 'close 1005 "" true'],
  },
  {
    name: "tells what came before the peer's close frame, while it is still open",
    async run({ WebSocket, server }) {
      const ws = new WebSocket(`${server}/last-words`);
      const states: number[] = [];
      ws.addEventListener("message", () => states.push(ws.readyState));
      ws.addEventListener("close", () => states.push(ws.readyState));
      return [await untilClosed(ws), states];
    },
    expected: [
      ["open", "message first", "message last", 'close 4001 "done" true'],
      [1, 1, 3],
    ],
  },
  {
    name: "puts a message together that comes in frames",
    async run({ WebSocket, raw }) {
      const ws = new WebSocket(`${raw}/fragments`);
      return messages(ws, 1);
    },
    expected: ["abc"],
  },
  {
    name: "fails where the peer breaks the protocol",
    async run({ WebSocket, raw }) {
      const paths = ["/bad-opcode", "/bad-text", "/masked", "/bad-close"];
      const seen = await Promise.all(paths.map((path) => untilClosed(new WebSocket(raw + path))));
      return seen.map((lines) => lines.join());
    },
    expected: Array(4).fill('open,error,close 1006 "" false'),
  },
  {
    name: "sends back what is compressed on the way",
    async run(kit) {
      const ws = await open(kit, "/compressed");
      const text = "again and again, ".repeat(1000);
      ws.send(text);
      ws.send(new Uint8Array(5000));
      const [back, bytes] = await messages(ws, 2);
      return [back === text, bytes.byteLength];
    },
    expected: [true, 5000],
  },
];
