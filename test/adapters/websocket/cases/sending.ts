import {
  bytesOf,
  type Kit,
  messages,
  newId,
  next,
  open,
  report,
  task,
  thrown,
} from "../case-kit.ts";
import type { Case } from "./case.ts";

/* oxlint-disable typescript/no-explicit-any -- as in the kit */

/** Sends some data, each as a message, and gives what comes back. */
async function echo(kit: Kit, ...data: unknown[]): Promise<any[]> {
  const ws = await open(kit);
  const back = messages(ws, data.length);
  for (const one of data) ws.send(one);
  const all = await back;
  ws.close();
  return all.map((one) => (typeof one === "string" ? one : bytesOf(one)));
}

/** A Blob of so many bytes. */
function blobOf(size: number, first = 0): Blob {
  const bytes = new Uint8Array(size);
  bytes[0] = first;
  return new Blob([bytes]);
}

/** The method `send`, and `bufferedAmount`. */
export const sending: readonly Case[] = [
  {
    name: "throws an InvalidStateError before it is open, and is open as ever afterwards",
    async run({ WebSocket, server }) {
      const ws = new WebSocket(`${server}/echo`);
      const names = [thrown(() => ws.send("a")), thrown(() => ws.send(new Blob([])))];
      const amount = ws.bufferedAmount;
      await next(ws, "open");
      ws.send("b");
      const { data } = await next(ws, "message");
      return [...names, amount, data];
    },
    expected: ["DOMException InvalidStateError", "DOMException InvalidStateError", 0, "b"],
  },
  {
    name: "looks at its argument before it looks at the state",
    run({ WebSocket, nobody }) {
      const ws = new WebSocket(nobody);
      return [thrown(() => ws.send()), thrown(() => ws.send(Symbol("a")))];
    },
    expected: ["TypeError", "TypeError"],
  },
  {
    name: "sends text of any kind",
    run: (kit) => echo(kit, "a", "", "Zażółć 👋", "\u0000", "x".repeat(130), "\ufeffa"),
    expected: ["a", "", "Zażółć 👋", "\u0000", "x".repeat(130), "\ufeffa"],
  },
  {
    name: "sends U+FFFD for surrogates without their partners",
    run: (kit) => echo(kit, "\ud800", "a\udc00b", "\ud83d\udc4b\ud83d", "\udc4b\ud83d"),
    expected: ["\ufffd", "a\ufffdb", "👋\ufffd", "\ufffd\ufffd"],
  },
  {
    name: "makes a string of what is neither bytes nor a Blob",
    run: (kit) =>
      echo(
        kit,
        null,
        undefined,
        1.5,
        true,
        [1, 2],
        {},
        { toString: () => "own" },
        10n,
        new URL("a:b"),
      ),
    expected: ["null", "undefined", "1.5", "true", "1,2", "[object Object]", "own", "10", "a:b"],
  },
  {
    name: "sends an ArrayBuffer, and what a view shows of one",
    run(kit) {
      const { buffer } = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
      return echo(
        kit,
        buffer,
        new Uint8Array(buffer, 2, 3),
        new DataView(buffer, 5),
        new Uint16Array(buffer, 4, 1),
        new Float64Array(buffer),
        new Int8Array(buffer, 8),
        new ArrayBuffer(0),
      );
    },
    expected: [
      [1, 2, 3, 4, 5, 6, 7, 8],
      [3, 4, 5],
      [6, 7, 8],
      [5, 6],
      [1, 2, 3, 4, 5, 6, 7, 8],
      [],
      [],
    ],
  },
  {
    name: "sends what bytes are at the call, whatever becomes of them",
    async run(kit) {
      const ws = await open(kit);
      const bytes = new Uint8Array([1, 2, 3]);
      ws.send(bytes);
      bytes.fill(9);
      ws.send(new Blob([new Uint8Array([4])]));
      ws.send(bytes);
      bytes.fill(7);
      return (await messages(ws, 3)).map(bytesOf);
    },
    expected: [[1, 2, 3], [4], [9, 9, 9]],
  },
  {
    name: "sends no bytes of a buffer that was transferred",
    run(kit) {
      const bytes = new Uint8Array([1, 2]);
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      return echo(kit, bytes, bytes.buffer, "a");
    },
    expected: [[], [], "a"],
  },
  {
    name: "refuses a buffer that can be resized",
    async run(kit) {
      const ws = await open(kit);
      const Resizable: any = ArrayBuffer;
      const buffer = new Resizable(2, { maxByteLength: 4 });
      // Where the language has none, it is like any other.
      if (buffer.resizable !== true) return ["TypeError", "TypeError"];
      return [thrown(() => ws.send(buffer)), thrown(() => ws.send(new Uint8Array(buffer)))];
    },
    expected: ["TypeError", "TypeError"],
  },
  {
    name: "sends a Blob as bytes, and a File",
    run: (kit) =>
      echo(kit, new Blob(["ab", Uint8Array.of(1)]), new Blob([]), new File(["c"], "name")),
    expected: [[97, 98, 1], [], [99]],
  },
  {
    name: "keeps its order, whatever is a Blob among it",
    async run(kit) {
      const back = await echo(
        kit,
        "1",
        blobOf(300_000, 2),
        "3",
        new Uint8Array([4]),
        blobOf(1, 5),
        blobOf(0),
        "7",
      );
      return back.map((one) => (typeof one === "string" ? one : `${one[0]} of ${one.length}`));
    },
    expected: ["1", "2 of 300000", "3", "4 of 1", "5 of 1", "undefined of 0", "7"],
  },
  {
    name: "sends a Blob, and what is behind it, before it closes",
    async run(kit) {
      const id = newId();
      const ws = await open(kit, `/log/${id}`);
      ws.send(blobOf(2, 1));
      ws.send("behind");
      ws.close(4000, "end");
      const states = [ws.readyState];
      await next(ws, "close");
      return [states, await report(kit, id)];
    },
    expected: [[2], ["[1,0]", "behind", "4000 end true"]],
  },
  {
    name: "sends large messages",
    async run(kit) {
      const ws = await open(kit);
      const text = "Zażółć gęślą jaźń ".repeat(60_000);
      const bytes = new Uint8Array(3_000_000).map((_, i) => i >> 3);
      ws.send(text);
      ws.send(bytes);
      const [backText, backBytes] = await messages(ws, 2);
      const back = new Uint8Array(backBytes);
      return [
        backText === text,
        back.length === bytes.length && back.every((byte, i) => byte === bytes[i]),
      ];
    },
    expected: [true, true],
  },
  {
    name: "counts the bytes of messages as buffered",
    async run(kit) {
      const ws = await open(kit);
      const seen: number[] = [ws.bufferedAmount];
      const data = [
        "abc",
        "é👋",
        "\ud800",
        "",
        new ArrayBuffer(10),
        new Uint16Array(3),
        blobOf(7),
        "z",
      ];
      for (const one of data) {
        ws.send(one);
        seen.push(ws.bufferedAmount);
      }
      return seen;
    },
    expected: [0, 3, 9, 12, 12, 22, 28, 35, 36],
  },
  {
    name: "lets bufferedAmount come down between tasks, and not inside of one",
    async run(kit) {
      const ws = await open(kit);
      ws.send("abc");
      await null;
      await null;
      const inTask = ws.bufferedAmount;
      await next(ws, "message");
      await task();
      return [inTask, ws.bufferedAmount];
    },
    expected: [3, 0],
  },
  {
    name: "adds to bufferedAmount what is sent while it closes and afterwards, and never throws",
    async run(kit) {
      const ws = await open(kit, "/silent");
      ws.close();
      const seen = [ws.bufferedAmount];
      for (const one of ["é", new Uint8Array(5), blobOf(10)]) {
        ws.send(one);
        seen.push(ws.bufferedAmount);
      }
      await next(ws, "close");
      ws.send("abc");
      seen.push(ws.bufferedAmount);
      await task();
      ws.send(blobOf(100));
      seen.push(ws.bufferedAmount);
      return seen;
    },
    expected: [0, 2, 7, 17, 20, 120],
  },
  {
    name: "does not send what is sent while it closes",
    async run(kit) {
      const id = newId();
      const ws = await open(kit, `/log/${id}`);
      ws.send("before");
      ws.close();
      ws.send("after");
      ws.send(blobOf(1));
      await next(ws, "close");
      return report(kit, id);
    },
    expected: ["before", "1005  true"],
  },
  {
    name: "sends nothing after it has failed to open, and never throws",
    async run({ WebSocket, nobody }) {
      const ws = new WebSocket(nobody);
      const names: string[] = [];
      ws.onerror = () => names.push(thrown(() => ws.send("abc")));
      ws.onclose = () => names.push(thrown(() => ws.send("de")));
      await next(ws, "close");
      return [...names, ws.bufferedAmount];
    },
    expected: ["nothing", "nothing", 5],
  },
];
