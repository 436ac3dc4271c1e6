/**
 * Messages there and back.
 */

import { patternOf, told } from "../trace.mjs";

const mebibyte = 1024 * 1024;
const letters = "abcdefghijklmnopqrstuvwxyzäöü";

/** What two sides agree on that have nothing to say about compression but that they want it. */
export const compressed =
  "permessage-deflate; server_max_window_bits=13; client_max_window_bits=13";

/** A server that sends back what comes. */
export const echo = {
  handlers: () => ({ message: (ws, data) => ws.send(data) }),
};

/** What both see of a connection with these messages there and back, which the client closes. */
function echoed(...contents) {
  const lines = contents.map((content) => `message ${told(content)}`);
  return {
    client: ["open", ...lines, "close 1000 clean by local"],
    server: ["open", ...lines, "close 1000 clean by peer"],
  };
}

/** Sends one message, and closes when it has come back. */
function sending(content, options = {}) {
  return async (stage) => {
    const ws = await stage.connect(options, {
      message: (ws) => {
        void ws.close();
      },
    });
    await ws.send(content);
    await ws.closed;
  };
}

function echoOf(name, content) {
  return { name, server: echo, client: sending(content), expected: echoed(content) };
}

const manyTexts = Array.from({ length: 500 }, (_, i) => `number ${i}`);

export const messages = [
  echoOf("text is echoed", "Zażółć gęślą jaźń, 日本語, 👩‍🚀"),
  echoOf("bytes are echoed", Uint8Array.of(0, 1, 127, 128, 255)),
  echoOf("an empty text is echoed", ""),
  echoOf("an empty binary message is echoed", new Uint8Array(0)),
  echoOf("1 MiB of bytes is echoed", patternOf(mebibyte)),
  echoOf("1 MiB of text is echoed", letters.repeat(mebibyte / 32)),
  {
    name: "three messages that are sent in pieces at once are three messages, and what was sent behind them follows",
    server: { handlers: () => ({ message: null }) },
    async client(stage) {
      const ws = await stage.connect({ compression: true }, {});
      const source = async function* (name) {
        for (let i = 0; i < 3; i++) {
          await Promise.resolve();
          yield `${name}${i} `;
        }
      };
      const sent = ["a", "b", "c"].map((name) => ws.sendStream(source(name)));
      await Promise.all(sent);
      const writer = ws.beginMessage();
      void writer.write("not ");
      void ws.send("behind");
      void writer.close();
      await ws.close();
    },
    expected: {
      client: ["open", "close 1000 clean by local"],
      server: [
        "open",
        'message "a0 a1 a2 "',
        'message "b0 b1 b2 "',
        'message "c0 c1 c2 "',
        'message "not "',
        'message "behind"',
        "close 1000 clean by peer",
      ],
    },
  },
  {
    name: "a message in fragments, with a ping between them, is one message",
    server: { handlers: () => ({ ping: null, message: (ws, data) => ws.send(data) }) },
    async client(stage) {
      const ws = await stage.connect(
        {},
        {
          pong: null,
          message: (ws) => {
            void ws.close();
          },
        },
      );
      const message = ws.beginMessage();
      await message.write("first, ");
      await message.write("");
      await ws.ping("in between");
      await message.write("sec");
      await message.write("ond");
      await message.close();
      await ws.closed;
    },
    expected: {
      client: [
        "open",
        "pong bytes [105 110 32 98 101 116 119 101 101 110]",
        'message "first, second"',
        "close 1000 clean by local",
      ],
      server: [
        "open",
        "ping bytes [105 110 32 98 101 116 119 101 101 110]",
        'message "first, second"',
        "close 1000 clean by peer",
      ],
    },
  },
  {
    name: "500 messages come in their order",
    server: echo,
    async client(stage) {
      let count = 0;
      const ws = await stage.connect(
        {},
        {
          message: (ws) => {
            if (++count === manyTexts.length) void ws.close();
          },
        },
      );
      for (const text of manyTexts) void ws.send(text);
      await ws.closed;
    },
    expected: echoed(...manyTexts),
  },
  {
    name: "a slow handler is waited for before the next message",
    server: {
      handlers: (t) => ({
        message: async (ws, data) => {
          for (let i = 0; i < (data === "slow" ? 50 : 1); i++) {
            await new Promise((resolve) => setTimeout(resolve, 0));
          }
          t.note(`${data} done`);
          await ws.send(`${data} done`);
        },
      }),
    },
    async client(stage) {
      const ws = await stage.connect(
        {},
        {
          message: (ws, data) => {
            if (data === "last done") void ws.close();
          },
        },
      );
      for (const text of ["slow", "fast", "last"]) void ws.send(text);
      await ws.closed;
    },
    expected: {
      client: [
        "open",
        'message "slow done"',
        'message "fast done"',
        'message "last done"',
        "close 1000 clean by local",
      ],
      server: [
        "open",
        'message "slow"',
        "slow done",
        'message "fast"',
        "fast done",
        'message "last"',
        "last done",
        "close 1000 clean by peer",
      ],
    },
  },
  {
    name: "pings go both ways and are answered",
    server: {
      handlers: () => ({ open: (ws) => ws.ping("from the server"), ping: null, pong: null }),
    },
    async client(stage) {
      const ws = await stage.connect(
        {},
        {
          ping: (ws) => ws.ping(Uint8Array.of(1, 2, 3)),
          pong: (ws) => {
            void ws.close();
          },
        },
      );
      await ws.closed;
    },
    expected: {
      client: [
        "open",
        "ping bytes [102 114 111 109 32 116 104 101 32 115 101 114 118 101 114]",
        "pong bytes [1 2 3]",
        "close 1000 clean by local",
      ],
      server: [
        "open",
        "pong bytes [102 114 111 109 32 116 104 101 32 115 101 114 118 101 114]",
        "ping bytes [1 2 3]",
        "close 1000 clean by peer",
      ],
    },
  },
  {
    name: "messages are compressed where both sides can, and only where they may be",
    server: {
      options: { compression: true },
      handlers: (t) => ({
        message: (ws, data) => ws.send(data),
        close: (ws) => t.note(`compressed ${ws.counters.received.ratio > 2}`),
      }),
    },
    async client(stage, t) {
      let count = 0;
      const ws = await stage.connect(
        { compression: true },
        {
          message: (ws) => {
            if (++count === 3) void ws.close();
          },
          close: (ws) => t.note(`compressed ${ws.counters.received.ratio > 2}`),
        },
      );
      await ws.send(letters.repeat(1000));
      await ws.send(new Uint8Array(100_000));
      await ws.send("as it is", { compress: false });
      await ws.closed;
    },
    expected: {
      client: [
        `open with ${compressed}`,
        `message ${told(letters.repeat(1000))}`,
        `message ${told(new Uint8Array(100_000))}`,
        'message "as it is"',
        "close 1000 clean by local",
        "compressed true",
      ],
      server: [
        `open with ${compressed}`,
        `message ${told(letters.repeat(1000))}`,
        `message ${told(new Uint8Array(100_000))}`,
        'message "as it is"',
        "close 1000 clean by peer",
        "compressed true",
      ],
    },
  },
  {
    name: "nothing is compressed where one side alone can",
    server: { options: { compression: true }, ...echo },
    client: sending("plain"),
    expected: echoed("plain"),
  },
];
