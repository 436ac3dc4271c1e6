/**
 * What ends a connection in disorder: the peer, limits, time, and the application itself.
 */

import { OpContinuation, OpText } from "framewire/frame";
import { patternOf, quietly, told } from "../trace.mjs";
import { saying } from "./closing.mjs";
import { compressed } from "./messages.mjs";
import { noteFrames, rawClient, rawServer, writeRaw } from "./raw.mjs";

/** The client waits for the end. */
async function waiting(stage) {
  const ws = await stage.connect({}, { message: null });
  await ws.closed;
}

/**
 * A peer that breaks the protocol, in either role.
 *
 * @param frame What a side sends: the arguments of `writeRaw` behind the stream, by whether the side masks.
 * @param failure What the other side tells of it.
 */
function broken(what, status, frame, failure) {
  const told = ["open", `error ${failure}`, `close 1006 unclean by peer, ${failure}`];
  const seen = ["frame 8 of 2", "end of stream"];
  const breaking = (masks) => async (stream, t) => {
    await writeRaw(stream, ...frame(masks));
    await noteFrames(stream, t);
  };
  return [
    {
      name: `a client that sends ${what} is told ${status}`,
      server: { handlers: () => ({ message: null }) },
      client: rawClient(breaking(true)),
      expected: { client: seen, server: told },
    },
    {
      name: `a server that sends ${what} is told ${status}`,
      server: rawServer(breaking(false)),
      client: waiting,
      expected: { client: told, server: seen },
    },
  ];
}

/** A handler that fails, on either side: how it is told, and how the connection ends. */
function failingHandler(what, fail) {
  const failed = ["error RangeError: oops", "close 1006 unclean by local, RangeError: oops"];
  return [
    {
      name: `a server's handler that ${what} closes with 1011`,
      server: { handlers: () => ({ message: fail }) },
      client: saying("fail"),
      expected: {
        client: ["open", "close 1011 clean by peer"],
        server: ["open", 'message "fail"', ...failed],
      },
    },
    {
      name: `a client's handler that ${what} closes with 1011`,
      server: { handlers: () => ({ open: (ws) => ws.send("fail"), message: null }) },
      async client(stage) {
        const ws = await stage.connect({}, { message: fail });
        await ws.closed;
      },
      expected: {
        client: ["open", 'message "fail"', ...failed],
        server: ["open", "close 1011 clean by peer"],
      },
    },
  ];
}

export const failing = [
  ...broken(
    "a frame with the wrong mask",
    1002,
    (masks) => [OpText, "mask", { masked: !masks }],
    "ProtocolError MASK_WRONG",
  ).map((scenario) => ({
    ...scenario,
    // The one rule that is another one for each side.
    expected: Object.fromEntries(
      Object.entries(scenario.expected).map(([side, lines]) => [
        side,
        lines.map((line) =>
          line.replace("MASK_WRONG", side === "server" ? "MASK_REQUIRED" : "MASK_UNEXPECTED"),
        ),
      ]),
    ),
  })),
  ...broken(
    "a reserved opcode",
    1002,
    (masked) => [11, "", { masked }],
    "ProtocolError OPCODE_RESERVED",
  ),
  ...broken(
    "a continuation of nothing",
    1002,
    (masked) => [OpContinuation, "and", { masked }],
    "ProtocolError CONTINUATION_UNEXPECTED",
  ),
  ...broken(
    "text that is no UTF-8",
    1007,
    (masked) => [OpText, Uint8Array.of(0xc3, 0x28), { masked }],
    "ProtocolError INVALID_UTF8",
  ),
  {
    name: "a message that is too big for the server is answered 1009",
    server: { options: { maxMessageSize: 1000 }, handlers: () => ({ message: null }) },
    async client(stage) {
      const ws = await stage.connect();
      await ws.send(patternOf(1000));
      await ws.send(patternOf(1001));
      await ws.closed;
    },
    expected: {
      client: ["open", "close 1009 clean by peer"],
      server: [
        "open",
        `message ${told(patternOf(1000))}`,
        "error LimitError MESSAGE_TOO_BIG",
        "close 1006 unclean by peer, LimitError MESSAGE_TOO_BIG",
      ],
    },
  },
  {
    name: "a message that is too big for the client once decompressed is answered 1009",
    server: {
      options: { compression: true },
      handlers: () => ({ message: (ws) => ws.send("a".repeat(1001)) }),
    },
    client: saying("more", { compression: true, maxMessageSize: 1000 }),
    expected: {
      client: [
        `open with ${compressed}`,
        "error LimitError MESSAGE_TOO_BIG",
        "close 1006 unclean by peer, LimitError MESSAGE_TOO_BIG",
      ],
      server: [`open with ${compressed}`, 'message "more"', "close 1009 clean by peer"],
    },
  },
  ...failingHandler("throws", () => {
    throw new RangeError("oops");
  }),
  ...failingHandler("rejects", async () => {
    await Promise.resolve();
    throw new RangeError("oops");
  }),
  {
    name: "a source that fails in the middle of a message closes with 1011",
    server: { handlers: () => ({ message: null }) },
    async client(stage, t) {
      const ws = await stage.connect();
      async function* pieces() {
        yield "a part";
        throw new RangeError("no more");
      }
      await t.outcome("sendStream", ws.sendStream(pieces()));
      await ws.closed;
    },
    expected: {
      client: [
        "open",
        "error RangeError: no more",
        "sendStream fails: RangeError: no more",
        "close 1006 unclean by local, RangeError: no more",
      ],
      server: ["open", "close 1011 clean by peer"],
    },
  },
  {
    name: "a peer that does not answer a ping is dropped",
    server: rawServer(noteFrames),
    async client(stage) {
      const ws = await stage.connect({ pongTimeout: 50 });
      await ws.ping("there?");
      await ws.closed;
    },
    expected: {
      client: [
        "open",
        "error TimeoutError PONG_TIMEOUT",
        "close 1006 unclean by local, TimeoutError PONG_TIMEOUT",
      ],
      server: ["frame 9 of 6", "end of stream"],
    },
  },
  {
    name: "a peer that answers pings is not dropped, and its way is measured",
    server: { handlers: () => ({ ping: quietly(() => {}) }) },
    async client(stage, t) {
      const ws = await stage.connect(
        { pingInterval: 20, pongTimeout: 5000 },
        {
          pong: quietly((ws) => {
            if (ws.roundTripTime !== undefined) t.mark("measured");
          }),
        },
      );
      await t.marked("measured");
      t.note(`measured: ${ws.roundTripTime >= 0}`);
      await ws.close();
    },
    expected: {
      client: ["open", "measured: true", "close 1000 clean by local"],
      server: ["open", "close 1000 clean by peer"],
    },
  },
  {
    name: "a connection without messages is closed with 1001 when it has idled",
    server: { options: { idleTimeout: 100 } },
    client: waiting,
    expected: {
      client: ["open", "close 1001 clean by peer"],
      server: [
        "open",
        "error TimeoutError IDLE_TIMEOUT",
        "close 1001 clean by local, TimeoutError IDLE_TIMEOUT",
      ],
    },
  },
  {
    name: "a connection is closed with 1001 when it has been open for long enough",
    server: { options: { maxLifetime: 100 } },
    client: waiting,
    expected: {
      client: ["open", "close 1001 clean by peer"],
      server: [
        "open",
        "error TimeoutError MAX_LIFETIME",
        "close 1001 clean by local, TimeoutError MAX_LIFETIME",
      ],
    },
  },
];
