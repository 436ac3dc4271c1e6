import { closeLine, next, open, thrown, untilClosed } from "../case-kit.ts";
import type { Case } from "./case.ts";

/* oxlint-disable typescript/no-explicit-any -- as in the kit */

const syntaxError = "DOMException SyntaxError";

/** The constructor: WHATWG WebSockets, 3.1. */
export const constructing: readonly Case[] = [
  {
    name: "needs a URL, and new",
    run: ({ WebSocket, server }) => [
      thrown(() => new WebSocket()),
      thrown(() => WebSocket(server)),
    ],
    expected: ["TypeError", "TypeError"],
  },
  {
    name: "throws a SyntaxError for what is no URL, and for other schemes",
    run: ({ WebSocket }) =>
      ["http://[", "ws://", "ws://h:99999", "ftp://a.test/", "data:,x", "mailto:a@b"].map((url) =>
        thrown(() => new WebSocket(url)),
      ),
    expected: Array(6).fill(syntaxError),
  },
  {
    name: "throws a SyntaxError for a fragment, also an empty one",
    run: ({ WebSocket, server }) =>
      ["/echo#a", "/echo#", "/?q#"].map((path) => thrown(() => new WebSocket(server + path))),
    expected: Array(3).fill(syntaxError),
  },
  {
    name: "reads http and https as ws and wss",
    run({ WebSocket, nobody }) {
      const address = nobody.slice("ws".length);
      return ["http", "https", "HTTP"].map((scheme) => {
        const ws = new WebSocket(scheme + address);
        return ws.url === `${scheme === "https" ? "wss" : "ws"}${address}/`;
      });
    },
    expected: [true, true, true],
  },
  {
    name: "writes the URL as the standard does",
    run: ({ WebSocket }) =>
      [
        "WS://LOCALHOST:80/a/../b?c d",
        "ws://localhost",
        "wss://localhost:443/%7e",
        "ws:localhost/é",
        "  ws://localhost/ ",
        "ws:\\\\localhost\\a",
      ].map((url) => new WebSocket(url).url),
    expected: [
      "ws://localhost/b?c%20d",
      "ws://localhost/",
      "wss://localhost/%7e",
      "ws://localhost/%C3%A9",
      "ws://localhost/",
      "ws://localhost/a",
    ],
  },
  {
    name: "takes what can be made a string: a URL, an object; a lone surrogate becomes U+FFFD",
    run: ({ WebSocket, nobody }) => {
      const { url } = new WebSocket(`${nobody}/\ud800`);
      return [
        new WebSocket(new URL(nobody)).url === `${nobody}/`,
        new WebSocket({ toString: () => nobody }).url === `${nobody}/`,
        url.slice(nobody.length),
        thrown(() => new WebSocket(Symbol("url"))),
      ];
    },
    expected: [true, true, "/%EF%BF%BD", "TypeError"],
  },
  {
    name: "throws a SyntaxError for subprotocols that are no tokens",
    run: ({ WebSocket, server }) =>
      [
        "",
        "a b",
        "a,b",
        "a\u0000",
        "\u007f",
        "é",
        "a/b",
        "a=b",
        '"a"',
        "(a)",
        "{a}",
        "a:b",
        "a;",
      ].map((protocol) => thrown(() => new WebSocket(server, protocol))),
    expected: Array(13).fill(syntaxError),
  },
  {
    name: "throws a SyntaxError where one of several is none, or comes twice",
    run: ({ WebSocket, server }) => [
      thrown(() => new WebSocket(server, ["a", ""])),
      thrown(() => new WebSocket(server, ["a", "b", "a"])),
      thrown(() => new WebSocket(server, {})),
    ],
    expected: [syntaxError, syntaxError, syntaxError],
  },
  {
    name: "throws a TypeError for a symbol among the subprotocols",
    run: ({ WebSocket, server }) => [
      thrown(() => new WebSocket(server, Symbol("a"))),
      thrown(() => new WebSocket(server, ["a", Symbol("b")])),
    ],
    expected: ["TypeError", "TypeError"],
  },
  {
    name: "looks at the URL before the subprotocols",
    run: ({ WebSocket }) => [
      thrown(() => new WebSocket("ftp://a.test", ["a", "a"])),
      thrown(() => new WebSocket("ftp://a.test", Symbol("a"))),
    ],
    expected: [syntaxError, "TypeError"],
  },
  {
    name: "offers one subprotocol, several, those of an iterable, and what a string is made of",
    async run(kit) {
      const given = ["one", ["two", "three"], new Set(["four", "five"]), null, 6, [7, true]];
      const chosen: string[] = [];
      for (const protocols of given) {
        const ws = await open(kit, "/echo", protocols);
        chosen.push(ws.protocol);
        ws.close();
      }
      return chosen;
    },
    expected: ["one", "two", "four", "null", "6", "7"],
  },
  {
    name: "offers none for undefined, and for an empty list",
    async run(kit) {
      const chosen: string[] = [];
      for (const protocols of [undefined, []]) {
        const ws = await open(kit, "/no-protocol", protocols);
        chosen.push(ws.protocol);
        ws.close();
      }
      return chosen;
    },
    expected: ["", ""],
  },
  {
    name: "has these attributes at first",
    run({ WebSocket, nobody }) {
      const ws = new WebSocket(nobody, "a");
      const { readyState, bufferedAmount, protocol, extensions, binaryType } = ws;
      const { onopen, onmessage, onerror, onclose } = ws;
      return [
        [readyState, bufferedAmount, protocol, extensions, binaryType],
        [onopen, onmessage, onerror, onclose],
      ];
    },
    expected: [
      [0, 0, "", "", "blob"],
      [null, null, null, null],
    ],
  },
  {
    name: "opens in a task of its own",
    async run({ WebSocket, server }) {
      const ws = new WebSocket(`${server}/echo`);
      const { readyState } = ws;
      const event = await next(ws, "open");
      const { type, bubbles, cancelable, target } = event;
      return [readyState, ws.readyState, type, bubbles, cancelable, target === ws];
    },
    expected: [0, 1, "open", false, false, true],
  },
  {
    name: "knows subprotocol and extensions when it is open",
    async run(kit) {
      const ws = new kit.WebSocket(`${kit.server}/echo`, ["chat"]);
      const before = [ws.protocol, ws.extensions];
      await next(ws, "open");
      const compressed = await open(kit, "/compressed");
      return [
        before,
        [ws.protocol, ws.extensions],
        [compressed.protocol, compressed.extensions.split(";")[0]],
      ];
    },
    expected: [
      ["", ""],
      ["chat", ""],
      ["", "permessage-deflate"],
    ],
  },
  {
    name: "fails where the server refuses, redirects, is none, or speaks no HTTP",
    async run({ WebSocket, server, raw, nobody }) {
      const urls = [
        `${server}/refused`,
        `${server}/redirect`,
        `${server}/nowhere`,
        `${raw}/ok`,
        `${raw}/no-http`,
        `${raw}/bad-accept`,
        nobody,
      ];
      const seen = await Promise.all(urls.map((url) => untilClosed(new WebSocket(url))));
      return seen.map((lines) => lines.join());
    },
    expected: Array(7).fill('error,close 1006 "" false'),
  },
  {
    name: "fails where the server chooses no subprotocol of those that were offered",
    async run({ WebSocket, server, raw }) {
      const none = await untilClosed(new WebSocket(`${server}/no-protocol`, "chat"));
      const other = await untilClosed(new WebSocket(`${raw}/wrong-protocol`, "chat"));
      const unasked = await untilClosed(new WebSocket(`${raw}/wrong-protocol`));
      return [none.join(), other.join(), unasked.join()];
    },
    expected: Array(3).fill('error,close 1006 "" false'),
  },
  {
    name: "makes instances of its subclasses",
    async run(kit) {
      class Own extends kit.WebSocket {
        constructor(path: string) {
          super(kit.server + path);
          (this as any).mark = path;
        }
        close(): void {
          super.close(4321, "own");
        }
      }
      const ws: any = new Own("/echo");
      await next(ws, "open");
      const closed = next(ws, "close");
      ws.close();
      return [ws.mark, ws instanceof kit.WebSocket, ws.readyState, closeLine(await closed)];
    },
    expected: ["/echo", true, 2, 'close 4321 "own" true'],
  },
];
