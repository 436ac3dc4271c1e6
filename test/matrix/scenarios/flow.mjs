/**
 * A peer that does not read, and what becomes of what is sent to it.
 *
 * A second connection, "side", says when it is to go on.
 */

import { quietly, patternOf, told } from "../trace.mjs";

const piece = patternOf(64 * 1024);
/** In pieces: more than the buffers of any socket take on the way. */
const most = 1024;

/** Its handler holds the connection back at the text "wait", until the side says something. */
const reluctant = {
  handlers: (t) => ({
    message: quietly(async (ws, data) => {
      if (ws.target === "/?side") t.mark("go on");
      else if (data === "wait") await t.marked("go on");
      else if (typeof data === "string") await ws.send(`${data}, yes`);
    }),
  }),
};

/** Says that the server may read. */
async function goOn(stage) {
  const side = await stage.connect({ target: "/?side" });
  await side.send("go on");
  await side.close();
}

const side = {
  client: ["side: open", "side: close 1000 clean by local"],
  server: ["side: open", "side: close 1000 clean by peer"],
};

/** Tells whether a promise takes its time. */
function takesTime(promise) {
  return Promise.race([
    promise.then(
      () => false,
      () => false,
    ),
    new Promise((resolve) => setTimeout(resolve, 100, true)),
  ]);
}

/** Sends pieces until one does not go at once, and gives what its `send` gave, in an object. */
export async function fill(ws) {
  for (let i = 0; i < most; i++) {
    const sent = ws.send(piece);
    if (await takesTime(sent)) return { promise: sent };
  }
  throw new Error("Nothing held it back");
}

/** Sends pieces until one is rejected, and notes why. */
async function overfill(ws, t) {
  let isRejected = false;
  for (let i = 0; i < most && !isRejected; i++) {
    ws.send(piece).catch((error) => {
      isRejected = true;
      // Those that waited before it are told of the end; how many they are is the system's business.
      if (error.code === "TOO_MUCH_BUFFERED") t.note(`send fails: ${told(error)}`);
    });
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** What was said last has come back: the connection is as good as ever. */
function closingAtLast(ws) {
  void ws.close();
}

export const flow = [
  {
    name: "send() to a peer that does not read takes until it does",
    server: reluctant,
    async client(stage, t) {
      let isHeldBack = false;
      const drain = quietly(() => {
        // A socket may take its time for a moment; what is meant is a peer that does not read.
        if (isHeldBack) t.note("drain");
      });
      const ws = await stage.connect({}, { drain, message: closingAtLast });
      await ws.send("wait");
      const sent = await fill(ws);
      isHeldBack = true;
      t.note("held back");
      const noted = t.outcome("send", sent.promise);
      await goOn(stage);
      await noted;
      await ws.send("done");
      await ws.closed;
    },
    expected: {
      client: [
        "open",
        "held back",
        "send: undefined",
        "drain",
        'message "done, yes"',
        "close 1000 clean by local",
        ...side.client,
      ],
      server: ["open", "close 1000 clean by peer", ...side.server],
    },
  },
  {
    name: "too much for a peer that does not read ends the connection",
    server: reluctant,
    async client(stage, t) {
      const ws = await stage.connect({ maxBufferedAmount: 1024 * 1024 });
      await ws.send("wait");
      await overfill(ws, t);
      await ws.closed;
      await goOn(stage);
    },
    expected: {
      client: [
        "open",
        "error LimitError TOO_MUCH_BUFFERED",
        "send fails: LimitError TOO_MUCH_BUFFERED",
        "close 1006 unclean by local, LimitError TOO_MUCH_BUFFERED",
        ...side.client,
      ],
      server: [
        "open",
        "error TransportError UNEXPECTED_END",
        "close 1006 unclean by transport, TransportError UNEXPECTED_END",
        ...side.server,
      ],
    },
  },
  {
    name: "too much for a peer that does not read is dropped, where that is the policy",
    server: reluctant,
    async client(stage, t) {
      let isTooMuch = false;
      const ws = await stage.connect(
        { maxBufferedAmount: 1024 * 1024, overflow: "drop" },
        { drain: quietly(() => t.mark(`drained ${isTooMuch}`)), message: closingAtLast },
      );
      await ws.send("wait");
      await overfill(ws, t);
      isTooMuch = true;
      t.note(`dropped ${ws.counters.dropped}`);
      await goOn(stage);
      await t.marked("drained true");
      await ws.send("done");
      await ws.closed;
    },
    expected: {
      client: [
        "open",
        "send fails: LimitError TOO_MUCH_BUFFERED",
        "dropped 1",
        'message "done, yes"',
        "close 1000 clean by local",
        ...side.client,
      ],
      server: ["open", "close 1000 clean by peer", ...side.server],
    },
  },
  {
    name: "too much for a peer that does not read waits in its order, where that is the policy",
    server: {
      handlers(t) {
        let count = 0;
        return {
          message: quietly(async (ws, data) => {
            if (ws.target === "/?side") t.mark("go on");
            else if (data === "wait") await t.marked("go on");
            else if (typeof data === "string") t.note(`${count} in order, then ${told(data)}`);
            else if (data[0] === count % 251) count++;
          }),
        };
      },
    },
    async client(stage, t) {
      const ws = await stage.connect({ maxBufferedAmount: 1024 * 1024, overflow: "wait" });
      await ws.send("wait");
      const numbered = Uint8Array.from(piece);
      const sent = [];
      for (let i = 0; i < 400; i++) {
        numbered[0] = i % 251;
        sent.push(ws.send(numbered));
      }
      sent.push(ws.send("done"));
      t.note(`takes its time: ${await takesTime(sent.at(-1))}`);
      await goOn(stage);
      await Promise.all(sent);
      t.note("all sent");
      await ws.close();
    },
    expected: {
      client: [
        "open",
        "takes its time: true",
        "all sent",
        "close 1000 clean by local",
        ...side.client,
      ],
      server: ["open", '400 in order, then "done"', "close 1000 clean by peer", ...side.server],
    },
  },
  {
    name: "messages that nobody asks for hold the peer back",
    server: {
      handlers: (t) => ({
        message: quietly(async (ws) => {
          if (ws.target === "/?side") {
            await t.marked("held back");
            await ws.send("asked for nothing");
          } else {
            const { promise } = await fill(ws);
            t.mark("held back");
            await t.outcome("send", promise);
            await ws.send("done");
          }
        }),
      }),
    },
    async client(stage, t) {
      const ws = await stage.connect();
      await ws.send("fill me");
      const other = await stage.connect({ target: "/?side" });
      await other.send("tell me when");
      t.note(await other.receive());
      await other.close();
      let data;
      do data = await ws.receive();
      while (typeof data !== "string");
      t.note(data);
      await ws.close();
    },
    expected: {
      client: ["open", "asked for nothing", "done", "close 1000 clean by local", ...side.client],
      server: ["open", "send: undefined", "close 1000 clean by peer", ...side.server],
    },
  },
];
