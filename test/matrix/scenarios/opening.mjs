/**
 * Opening a connection, or not.
 */

import { rejectConnection } from "framewire";
import { told } from "../trace.mjs";

/** The client connects and closes: what comes before is what a scenario is about. */
function connecting(options) {
  return async (stage) => {
    const ws = await stage.connect(options);
    await ws?.close();
  };
}

const openAndClosed = {
  client: ["open", "close 1000 clean by local"],
  server: ["open", "close 1000 clean by peer"],
};

/** A server whose hook does something. */
function upgrading(upgrade) {
  return { handlers: (t) => ({ upgrade: (request) => upgrade(request, t) }) };
}

/** What a client is told that is refused: status, chosen headers, body. */
function refusal(error) {
  const { status, headers, body } = error;
  const chosen = headers.filter(([name]) => /^(www-authenticate|x-why|location)$/i.test(name));
  const lines = chosen.map(([name, value]) => `${name}: ${value}`);
  return [status, ...lines, new TextDecoder().decode(body)].join(", ");
}

/** The client connects, and notes what the response says. */
function refused(options) {
  return async (stage, t) => {
    try {
      await stage.connectOrThrow(options);
    } catch (error) {
      t.note(told(error));
      t.note(refusal(error));
    }
  };
}

export const opening = [
  {
    name: "the subprotocol is the one that the server chooses",
    server: upgrading(({ protocols }, t) => {
      t.note(`offered ${protocols.join(", ")}`);
      return { protocol: protocols[1] };
    }),
    client: connecting({ protocols: ["chat.v2", "chat.v1"] }),
    expected: {
      client: ["open with chat.v1", "close 1000 clean by local"],
      server: ["offered chat.v2, chat.v1", "open with chat.v1", "close 1000 clean by peer"],
    },
  },
  {
    name: "there is no subprotocol where the server chooses none",
    server: {},
    client: connecting({ protocols: ["chat.v2", "chat.v1"] }),
    expected: openAndClosed,
  },
  {
    name: "a subprotocol that was not offered cannot be chosen",
    server: upgrading(() => ({ protocol: "chat.v3" })),
    client: refused({ protocols: ["chat.v2"] }),
    expected: {
      client: ["DialError BAD_STATUS 500", "500, Internal error\n"],
      server: ['refused INTERNAL 500, TypeError: Subprotocol was not offered: "chat.v3"'],
    },
  },
  {
    name: "target and headers of the request reach the hook, its context the connection",
    server: {
      handlers: (t) => ({
        async upgrade(request) {
          t.note(request.target);
          for (const name of ["X-Token", "Origin", "Host"]) {
            t.note(`${name}: ${request.get(name)?.replace(/\d+$/, "port")}`);
          }
          const context = { token: request.get("X-Token") };
          await Promise.resolve();
          return { context, headers: [["X-Seen", "yes"]] };
        },
        open: (ws) => t.note(`context ${told(ws.context)}`),
      }),
    },
    async client(stage, t) {
      const ws = await stage.connect(
        {
          target: "/rooms/blue",
          headers: [["X-Token", "secret"]],
          origin: "http://example.org",
          context: { mine: 1 },
        },
        { open: (ws) => t.note(`context ${told(ws.context)}, target ${ws.target}`) },
      );
      await ws.close();
    },
    expected: {
      client: ["open", 'context {"mine":1}, target /rooms/blue', "close 1000 clean by local"],
      server: [
        "/rooms/blue",
        "X-Token: secret",
        "Origin: http://example.org",
        "Host: 127.0.0.1:port",
        "open",
        'context {"token":"secret"}',
        "close 1000 clean by peer",
      ],
    },
  },
  {
    name: "a hook refuses by status, headers and body",
    server: upgrading(() => ({
      status: 401,
      headers: [
        ["WWW-Authenticate", "Bearer"],
        ["X-Why", "no token"],
      ],
      body: "Who are you?",
    })),
    client: refused(),
    expected: {
      client: [
        "DialError BAD_STATUS 401",
        "401, WWW-Authenticate: Bearer, X-Why: no token, Who are you?",
      ],
      server: ["refused REJECTED 401"],
    },
  },
  {
    name: "a hook refuses by throwing",
    server: upgrading(async () => {
      await Promise.resolve();
      throw rejectConnection({ status: 403, message: "Not today" });
    }),
    client: refused(),
    expected: {
      client: ["DialError BAD_STATUS 403", "403, Not today\n"],
      server: ["refused REJECTED 403"],
    },
  },
  {
    name: "what else a hook throws is a 500 that does not tell it",
    server: upgrading(() => {
      throw new RangeError("the password is 1234");
    }),
    client: refused(),
    expected: {
      client: ["DialError BAD_STATUS 500", "500, Internal error\n"],
      server: ["refused INTERNAL 500, RangeError: the password is 1234"],
    },
  },
  {
    name: "a path without a route is a 404",
    server: { handlers: () => ({ routes: { "/chat": {} } }) },
    client: refused({ target: "/nowhere" }),
    expected: {
      client: ["DialError BAD_STATUS 404", "404, Nothing is served at this path\n"],
      server: ["refused REJECTED 404"],
    },
  },
  {
    name: "a route has handlers and parameters of its own",
    server: {
      handlers: (t) => ({
        routes: {
          "/rooms/:room": {
            upgrade: ({ params }) => ({ context: params.room }),
            message: (ws, data) => ws.send(`${ws.context}: ${data}`),
          },
          "/other": { open: () => t.note("wrong") },
        },
      }),
    },
    async client(stage) {
      const ws = await stage.connect(
        { target: "/rooms/blue" },
        {
          message: (ws) => {
            void ws.close();
          },
        },
      );
      await ws.send("hello");
      await ws.closed;
    },
    expected: {
      client: ["open", 'message "blue: hello"', "close 1000 clean by local"],
      server: ["open", 'message "hello"', "close 1000 clean by peer"],
    },
  },
  {
    name: "one connection too many is a 503",
    server: { options: { maxConnections: 1 } },
    async client(stage, t) {
      const first = await stage.connect();
      await refused()(stage, t);
      await first.close();
    },
    expected: {
      client: [
        "open",
        "DialError BAD_STATUS 503",
        "503, More than maxConnections: 2 > 1\n",
        "close 1000 clean by local",
      ],
      server: [
        "open",
        "refused REJECTED 503, LimitError TOO_MANY_CONNECTIONS",
        "close 1000 clean by peer",
      ],
    },
  },
  {
    name: "a redirect that is not followed is a failure that tells where to",
    server: upgrading(() => ({ status: 302, headers: [["Location", "/there"]], body: "" })),
    client: refused(),
    expected: {
      client: ["DialError BAD_STATUS 302", "302, Location: /there, "],
      server: ["refused REJECTED 302"],
    },
  },
  {
    name: "a redirect that may be followed leads on",
    server: upgrading(({ path }, t) => {
      t.note(path);
      return path === "/there" ? {} : { status: 302, headers: [["Location", "/there"]] };
    }),
    async client(stage, t) {
      const ws = await stage.connect({ target: "/here", redirects: 1 });
      t.note(ws.target);
      await ws.close();
    },
    expected: {
      client: ["open", "/there", "close 1000 clean by local"],
      server: ["/here", "refused REJECTED 302", "/there", "open", "close 1000 clean by peer"],
    },
  },
  {
    name: "a client that gives up while the server decides is gone once it has decided",
    server: {
      handlers: (t) => ({
        async upgrade({ target }) {
          if (target === "/?side") {
            t.mark("given up");
          } else {
            t.note("asked");
            await t.marked("given up");
          }
        },
      }),
    },
    async client(stage) {
      const controller = new globalThis.AbortController();
      const connected = stage.connect({ signal: controller.signal });
      // Nothing tells that the server has been asked: a moment is enough, and too short a one is harmless.
      setTimeout(() => controller.abort(new TypeError("waited for long enough")), 100);
      await connected;
      const side = await stage.connect({ target: "/?side" });
      await side.close();
    },
    expected: {
      client: [
        "connect fails: TypeError: waited for long enough",
        "side: open",
        "side: close 1000 clean by local",
      ],
      server: [
        "asked",
        "open",
        "error TransportError UNEXPECTED_END",
        "close 1006 unclean by transport, TransportError UNEXPECTED_END",
        "side: open",
        "side: close 1000 clean by peer",
      ],
    },
  },
  {
    name: "a signal that is aborted already does not even knock",
    server: {},
    async client(stage) {
      const controller = new globalThis.AbortController();
      controller.abort(new TypeError("never mind"));
      await stage.connect({ signal: controller.signal });
    },
    expected: { client: ["connect fails: TypeError: never mind"], server: [] },
  },
  {
    name: "a port where nobody listens refuses",
    server: {},
    async client(stage) {
      await stage.connect({ port: 1 });
    },
    expected: { client: ["connect fails: TransportError REFUSED"], server: [] },
  },
  {
    name: "a server that says nothing is given up",
    server: {
      async stream(stream) {
        const into = new Uint8Array(4096);
        while ((await stream.read(into)) > 0);
        await stream.close();
      },
    },
    async client(stage) {
      await stage.connect({ timeout: 100 });
    },
    expected: {
      client: ["connect fails: TimeoutError DIAL_TIMEOUT"],
      server: [],
    },
  },
  {
    name: "a server that hangs up is no server",
    server: {
      async stream(stream) {
        await stream.read(new Uint8Array(1));
        await stream.close();
      },
    },
    async client(stage) {
      await stage.connect();
    },
    expected: {
      client: ["connect fails: TransportError UNEXPECTED_END"],
      server: [],
    },
  },
  {
    name: "a client that begins a request and stops is answered 408",
    server: { options: { handshakeTimeout: 100 } },
    async client(stage, t) {
      const stream = await stage.stream();
      await stream.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: "));
      const into = new Uint8Array(4096);
      const count = await stream.read(into);
      t.note(new TextDecoder().decode(into.subarray(0, count)).split("\r\n")[0]);
      await stream.close();
    },
    expected: {
      client: ["HTTP/1.1 408 Request Timeout"],
      server: ["refused REJECTED 408, TimeoutError HANDSHAKE_TIMEOUT"],
    },
  },
  {
    name: "a request that asks for no upgrade is the page's",
    server: {
      handlers: (t) => ({
        http: ({ target }) => {
          t.note(`page ${target}`);
          return { status: 200, body: "all is well" };
        },
      }),
    },
    async client(stage, t) {
      const stream = await stage.stream();
      await stream.write(
        new TextEncoder().encode("GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
      );
      const into = new Uint8Array(4096);
      let text = "";
      for (;;) {
        const count = await stream.read(into);
        if (count === 0) break;
        text += new TextDecoder().decode(into.subarray(0, count));
      }
      t.note(text.split("\r\n")[0]);
      t.note(text.split("\r\n\r\n")[1]);
      await stream.close();
    },
    expected: { client: ["HTTP/1.1 200 OK", "all is well"], server: ["page /health"] },
  },
];
