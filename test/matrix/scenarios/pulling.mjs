/**
 * Messages that are asked for, and messages in pieces.
 */

import { patternOf, told } from "../trace.mjs";

const kibibyte = 1024;

/** A server that sends three texts and closes. */
const three = {
  handlers: () => ({
    open(ws) {
      for (const text of ["one", "two", "three"]) void ws.send(text);
      void ws.close(1000, "all said");
    },
  }),
};

export const pulling = [
  {
    name: "messages that come before anybody asks are kept, also beyond the end",
    server: three,
    async client(stage, t) {
      const ws = await stage.connect();
      await ws.closed;
      for (let i = 0; i < 4; i++) await t.outcome("receive", ws.receive());
    },
    expected: {
      client: [
        "open",
        'close 1000 "all said" clean by peer',
        'receive: "one"',
        'receive: "two"',
        'receive: "three"',
        "receive fails: ClosedError CLOSED 1000",
      ],
      server: ["open", 'close 1000 "all said" clean by local'],
    },
  },
  {
    name: "a loop over a connection ends when the peer closes in order",
    server: three,
    async client(stage, t) {
      const ws = await stage.connect();
      for await (const message of ws) t.note(`got ${told(message)}`);
      t.note("end");
      await ws.closed;
    },
    expected: {
      client: [
        "open",
        'got "one"',
        'got "two"',
        'got "three"',
        'close 1000 "all said" clean by peer',
        "end",
      ],
      server: ["open", 'close 1000 "all said" clean by local'],
    },
  },
  {
    name: "a loop over a connection throws when the peer drops it",
    server: { handlers: () => ({ message: (ws) => ws.terminate() }) },
    async client(stage, t) {
      const ws = await stage.connect();
      await ws.send("drop me");
      await t.attempt("loop", async () => {
        for await (const message of ws) t.note(`got ${told(message)}`);
      });
      await ws.closed;
    },
    expected: {
      client: [
        "open",
        "error TransportError UNEXPECTED_END",
        "close 1006 unclean by transport, TransportError UNEXPECTED_END",
        "loop fails: ClosedError CLOSED 1006",
      ],
      server: ["open", 'message "drop me"', "close 1006 unclean by local"],
    },
  },
  {
    name: "two loops share the messages, and leaving one leaves the connection open",
    server: {
      handlers: () => ({
        message(ws, data) {
          void ws.send(`${data} 1`);
          void ws.send(`${data} 2`);
        },
      }),
    },
    async client(stage, t) {
      const ws = await stage.connect();
      await ws.send("first");
      for await (const message of ws) {
        t.note(`got ${told(message)}`);
        break;
      }
      await t.outcome("receive", ws.receive());
      await ws.close(4000, "enough");
    },
    expected: {
      client: ["open", 'got "first 1"', 'receive: "first 2"', 'close 4000 "enough" clean by local'],
      server: ["open", 'message "first"', 'close 4000 "enough" clean by peer'],
    },
  },
  {
    name: "receive() that gives up by time or by signal harms nothing",
    server: { handlers: () => ({ message: (ws, data) => ws.send(data) }) },
    async client(stage, t) {
      const ws = await stage.connect();
      await t.outcome("receive", ws.receive({ timeout: 20 }));
      const controller = new globalThis.AbortController();
      const received = t.outcome("receive", ws.receive({ signal: controller.signal }));
      controller.abort(new TypeError("no time"));
      await received;
      t.note(ws.state);
      await ws.send("here");
      await t.outcome("receive", ws.receive({ timeout: 5000 }));
      await t.outcome("close", ws.close());
      await t.outcome("receive", ws.receive());
    },
    expected: {
      client: [
        "open",
        "receive fails: TimeoutError RECEIVE_TIMEOUT",
        "receive fails: TypeError: no time",
        "open",
        'receive: "here"',
        "close 1000 clean by local",
        "close: 1000 clean by local",
        "receive fails: ClosedError CLOSED 1000",
      ],
      server: ["open", 'message "here"', "close 1000 clean by peer"],
    },
  },
  {
    name: "both sides may ask for messages",
    server: {
      handlers: (t) => ({
        async open(ws) {
          for await (const message of ws) {
            t.note(`got ${told(message)}`);
            await ws.send(`${message}, yes`);
          }
          t.note("end");
        },
      }),
    },
    async client(stage, t) {
      const ws = await stage.connect();
      for (const text of ["a", "b"]) {
        await ws.send(text);
        await t.outcome("receive", ws.receive());
      }
      await ws.close();
    },
    expected: {
      client: ["open", 'receive: "a, yes"', 'receive: "b, yes"', "close 1000 clean by local"],
      server: ["open", 'got "a"', 'got "b"', "close 1000 clean by peer", "end"],
    },
  },
  {
    name: "messages in pieces go out and come in as streams",
    server: {
      handlers: (t) => ({
        async stream(ws, message) {
          const bytes = await message.bytes();
          t.note(`read ${told(bytes)}`);
          await ws.sendStream(["as ", "text: ", message.isText ? "text" : "bytes"]);
        },
      }),
    },
    async client(stage, t) {
      const ws = await stage.connect();
      async function* pieces() {
        const all = patternOf(300 * kibibyte);
        for (let at = 0; at < all.length; at += 100 * kibibyte) {
          yield all.subarray(at, at + 100 * kibibyte);
        }
      }
      await t.outcome("sendStream", ws.sendStream(pieces()));
      await t.outcome("receive", ws.receive());
      await t.outcome("sendStream", ws.sendStream(["some ", "", "text"]));
      const message = await ws.receiveStream();
      await t.outcome("text", message.text());
      await ws.close();
    },
    expected: {
      client: [
        "open",
        "sendStream: undefined",
        'receive: "as text: bytes"',
        "sendStream: undefined",
        'text: "as text: text"',
        "close 1000 clean by local",
      ],
      server: [
        "open",
        "stream of bytes",
        `read ${told(patternOf(300 * kibibyte))}`,
        "stream of text",
        `read ${told(new TextEncoder().encode("some text"))}`,
        "close 1000 clean by peer",
      ],
    },
  },
  {
    name: "a stream that ends too early tells why",
    server: {
      handlers: (t) => ({
        async stream(ws, message) {
          await t.attempt("read", () => message.text());
        },
      }),
    },
    async client(stage, t) {
      const ws = await stage.connect();
      const message = ws.beginMessage();
      await message.write("never to be ");
      await t.outcome("close", ws.close(4000, "no more"));
      await t.attempt("write", () => message.write("completed"));
    },
    expected: {
      client: [
        "open",
        'close 4000 "no more" clean by local',
        'close: 4000 "no more" clean by local',
        "write fails: ClosedError CLOSED 4000",
      ],
      server: [
        "open",
        "stream of text",
        'close 4000 "no more" clean by peer',
        "read fails: ClosedError CLOSED 4000",
      ],
    },
  },
  {
    name: "web streams carry messages",
    server: {
      handlers: () => ({
        async stream(ws, message) {
          const { writable } = ws.beginMessage({ binary: true });
          await message.readable.pipeTo(writable);
        },
      }),
    },
    async client(stage, t) {
      const ws = await stage.connect();
      await ws.send(patternOf(200 * kibibyte));
      await t.outcome("receive", ws.receive());
      await ws.close();
    },
    expected: {
      client: ["open", `receive: ${told(patternOf(200 * kibibyte))}`, "close 1000 clean by local"],
      server: ["open", "stream of bytes", "close 1000 clean by peer"],
    },
  },
];
