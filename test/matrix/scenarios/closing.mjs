/**
 * Closing in order, and with a peer that does not.
 */

import { OpBinary, OpClose, OpPing, OpText } from "framewire/frame";
import { readFrame } from "framewire/stream";
import { closeBody, noteFrames, rawClient, rawServer, writeRaw } from "./raw.mjs";

/** The client closes so. */
function closingBy(...how) {
  return async (stage, t) => {
    const ws = await stage.connect();
    await t.outcome("close", ws.close(...how));
    t.note(ws.state);
  };
}

/** The client sends one text, and waits for the end. */
export function saying(text, options) {
  return async (stage) => {
    const ws = await stage.connect(options, { message: null });
    await ws.send(text);
    await ws.closed;
  };
}

export const closing = [
  {
    name: "the client closes while the server's handler works, which is told so",
    server: {
      handlers: (t) => ({
        async message(ws) {
          await t.outcome("closed", ws.closed);
          t.note(ws.signal.aborted ? "aborted" : "not aborted");
        },
      }),
    },
    async client(stage) {
      const ws = await stage.connect();
      await ws.send("work");
      await ws.close();
    },
    expected: {
      client: ["open", "close 1000 clean by local"],
      server: [
        "open",
        'message "work"',
        "close 1000 clean by peer",
        "closed: 1000 clean by peer",
        "aborted",
      ],
    },
  },
  {
    name: "the client closes with 1000 where it says nothing else",
    server: {},
    client: closingBy(),
    expected: {
      client: ["open", "close 1000 clean by local", "close: 1000 clean by local", "closed"],
      server: ["open", "close 1000 clean by peer"],
    },
  },
  {
    name: "the client closes with a status and a reason",
    server: { handlers: (t) => ({ close: (ws) => t.note(ws.state) }) },
    client: closingBy(4001, "tschüß"),
    expected: {
      client: [
        "open",
        'close 4001 "tschüß" clean by local',
        'close: 4001 "tschüß" clean by local',
        "closed",
      ],
      server: ["open", 'close 4001 "tschüß" clean by peer', "closed"],
    },
  },
  {
    name: "the server closes with a status and a reason",
    server: {
      handlers: (t) => ({
        async message(ws) {
          await t.outcome("close", ws.close(4002, "as asked"));
        },
      }),
    },
    client: saying("close"),
    expected: {
      client: ["open", 'close 4002 "as asked" clean by peer'],
      server: [
        "open",
        'message "close"',
        'close 4002 "as asked" clean by local',
        'close: 4002 "as asked" clean by local',
      ],
    },
  },
  {
    name: "a close frame without a status is 1005 to who receives it",
    server: { handlers: () => ({ message: null }) },
    client: rawClient(async (stream, t) => {
      await writeRaw(stream, OpClose, "", { masked: true });
      await noteFrames(stream, t);
    }),
    expected: {
      client: ["frame 8 of 0", "end of stream"],
      server: ["open", "close 1005 clean by peer"],
    },
  },
  {
    name: "both sides close at once, each with a status of its own",
    server: {
      handlers: (t) => ({
        message(ws) {
          void t.outcome("close", ws.close(4002, "the server"));
        },
      }),
    },
    async client(stage, t) {
      const ws = await stage.connect({}, { message: null });
      void ws.send("close");
      await t.outcome("close", ws.close(4001, "the client"));
    },
    expected: {
      client: [
        "open",
        'close 4002 "the server" clean by local',
        'close: 4002 "the server" clean by local',
      ],
      server: [
        "open",
        'message "close"',
        'close 4001 "the client" clean by local',
        'close: 4001 "the client" clean by local',
      ],
    },
  },
  {
    name: "after close() nothing is sent, and a second one changes nothing",
    server: { handlers: () => ({ message: null }) },
    async client(stage, t) {
      const ws = await stage.connect();
      const closed = t.outcome("first", ws.close(4001, "bye"));
      t.note(ws.state);
      await t.outcome("send", ws.send("too late"));
      await t.outcome("ping", ws.ping());
      const again = t.outcome("second", ws.close(4002, "again"));
      await t.attempt("close with what no frame may have", () => ws.close(1006));
      await closed;
      await again;
    },
    expected: {
      client: [
        "open",
        "closing",
        "send fails: ClosedError CLOSED 1006",
        "ping fails: ClosedError CLOSED 1006",
        "close with what no frame may have throws: RangeError: Status code may not be sent: 1006",
        'close 4001 "bye" clean by local',
        'first: 4001 "bye" clean by local',
        'second: 4001 "bye" clean by local',
      ],
      server: ["open", 'close 4001 "bye" clean by peer'],
    },
  },
  {
    name: "what was sent before close() arrives, what comes after it does not",
    server: {
      handlers: () => ({
        async message(ws, data) {
          await ws.send(`${data}!`);
        },
      }),
    },
    async client(stage) {
      const ws = await stage.connect({}, { message: null });
      for (const text of ["a", "b", "c"]) void ws.send(text);
      await ws.close();
    },
    expected: {
      client: ["open", "close 1000 clean by local"],
      server: ["open", 'message "a"', 'message "b"', 'message "c"', "close 1000 clean by peer"],
    },
  },
  {
    name: "a server that does not answer the client's close frame is dropped",
    server: rawServer(noteFrames),
    async client(stage, t) {
      const ws = await stage.connect({ closeTimeout: 100 });
      await t.outcome("close", ws.close(4001, "hello?"));
    },
    expected: {
      client: [
        "open",
        "error TimeoutError CLOSE_TIMEOUT",
        "close 1006 unclean by local, TimeoutError CLOSE_TIMEOUT",
        "close: 1006 unclean by local, TimeoutError CLOSE_TIMEOUT",
      ],
      server: ["frame 8 of 8", "end of stream"],
    },
  },
  {
    name: "a client that does not answer the server's close frame is dropped",
    server: {
      handlers: (t) => ({
        open(ws) {
          void t.outcome("close", ws.close(4002, "hello?", { deadline: 100 }));
        },
      }),
    },
    client: rawClient(noteFrames),
    expected: {
      client: ["frame 8 of 8", "end of stream"],
      server: [
        "open",
        "error TimeoutError CLOSE_TIMEOUT",
        "close 1006 unclean by local, TimeoutError CLOSE_TIMEOUT",
        "close: 1006 unclean by local, TimeoutError CLOSE_TIMEOUT",
      ],
    },
  },
  {
    name: "a peer that answers the close frame but does not end its stream is dropped without an error",
    server: rawServer(async (stream, t) => {
      const { header } = await readFrame(stream);
      t.note(`frame ${header.opcode} of ${header.length}`);
      await writeRaw(stream, OpClose, closeBody(4001));
      await noteFrames(stream, t);
    }),
    async client(stage, t) {
      const ws = await stage.connect({ closeTimeout: 100 });
      await t.outcome("close", ws.close(4001));
    },
    expected: {
      client: ["open", "close 4001 clean by local", "close: 4001 clean by local"],
      server: ["frame 8 of 2", "end of stream"],
    },
  },
  {
    name: "the client drops the connection",
    server: { handlers: () => ({ message: null }) },
    async client(stage, t) {
      const ws = await stage.connect();
      ws.terminate();
      await t.outcome("closed", ws.closed);
      await t.outcome("send", ws.send("too late"));
    },
    expected: {
      client: [
        "open",
        "close 1006 unclean by local",
        "closed: 1006 unclean by local",
        "send fails: ClosedError CLOSED 1006",
      ],
      server: [
        "open",
        "error TransportError UNEXPECTED_END",
        "close 1006 unclean by transport, TransportError UNEXPECTED_END",
      ],
    },
  },
  {
    name: "the server drops the connection",
    server: { handlers: () => ({ message: (ws) => ws.terminate() }) },
    client: saying("drop"),
    expected: {
      client: [
        "open",
        "error TransportError UNEXPECTED_END",
        "close 1006 unclean by transport, TransportError UNEXPECTED_END",
      ],
      server: ["open", 'message "drop"', "close 1006 unclean by local"],
    },
  },
  {
    name: "a client that ends its stream without a close frame is no clean end",
    server: { handlers: () => ({ message: null }) },
    client: rawClient(async (stream, t) => {
      await writeRaw(stream, OpText, "that's all", { masked: true });
      stream.inner.closeWrite();
      await noteFrames(stream, t);
    }),
    expected: {
      client: ["end of stream"],
      server: [
        "open",
        'message "that\'s all"',
        "error TransportError UNEXPECTED_END",
        "close 1006 unclean by transport, TransportError UNEXPECTED_END",
      ],
    },
  },
  {
    name: "a server that ends its stream without a close frame is no clean end",
    server: rawServer(async (stream, t) => {
      await writeRaw(stream, OpBinary, Uint8Array.of(1, 2, 3));
      await writeRaw(stream, OpPing, "");
      stream.inner.closeWrite();
      await noteFrames(stream, t);
    }),
    async client(stage, t) {
      const ws = await stage.connect({}, { message: null, ping: null });
      await t.outcome("closed", ws.closed);
    },
    expected: {
      client: [
        "open",
        "message bytes [1 2 3]",
        "ping bytes []",
        "error TransportError UNEXPECTED_END",
        "close 1006 unclean by transport, TransportError UNEXPECTED_END",
        "closed: 1006 unclean by transport, TransportError UNEXPECTED_END",
      ],
      server: ["frame 10 of 0", "end of stream"],
    },
  },
  {
    name: "a server that shuts down says 1001 to its clients",
    server: {
      handlers: (t, server) => ({
        message() {
          void t.outcome("shutdown", server().shutdown({ reason: "maintenance" }));
        },
      }),
    },
    client: saying("shut down"),
    expected: {
      client: ["open", 'close 1001 "maintenance" clean by peer'],
      server: [
        "open",
        'message "shut down"',
        'close 1001 "maintenance" clean by local',
        'shutdown: {"closed":1,"dropped":0}',
      ],
    },
  },
  {
    name: "a server that shuts down drops who does not answer by the deadline",
    server: {
      handlers: (t, server) => ({
        message() {
          void t.outcome("shutdown", server().shutdown({ deadline: 100 }));
        },
      }),
    },
    client: rawClient(async (stream, t) => {
      await writeRaw(stream, OpText, "shut down", { masked: true });
      await noteFrames(stream, t);
    }),
    expected: {
      client: ["frame 8 of 2", "end of stream"],
      server: [
        "open",
        'message "shut down"',
        "error TimeoutError SHUTDOWN_TIMEOUT",
        "close 1006 unclean by local, TimeoutError SHUTDOWN_TIMEOUT",
        'shutdown: {"closed":0,"dropped":1}',
      ],
    },
  },
];
