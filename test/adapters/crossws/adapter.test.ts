import type { Duplex } from "node:stream";
import type { Message, Peer } from "crossws";
import { afterEach, describe, expect, it } from "vitest";
import { crossws } from "../../../adapters/crossws/adapter.ts";
import {
  cleanUpHooks,
  HookClient,
  hookServer,
  hookShapes,
  Journal,
} from "../../support/hooks-shape.ts";
import { macrotask } from "../../support/turns.ts";

afterEach(cleanUpHooks);

/** What each adapter must do, asked of crossws itself on Node. */
describe.each(hookShapes)("an adapter of %s", (name, make) => {
  const isOwn = name === "framewire/crossws";

  it("calls open, message and close with one peer, in this order", async () => {
    const journal = new Journal();
    const peers = new Set<Peer>();
    const { url } = await hookServer(make, {
      hooks: {
        open(peer) {
          peers.add(peer);
          journal.add("open");
          peer.send("hello");
        },
        message(peer, message) {
          peers.add(peer);
          journal.add(`message ${message.text()}`);
        },
        close(peer, { code, reason }) {
          peers.add(peer);
          journal.add(`close ${code} ${reason}`);
        },
      },
    });
    const client = new HookClient(url);
    expect(await client.next()).toBe("open");
    expect(await client.next()).toBe("text hello");
    client.socket.send("a");
    client.socket.close(4001, "enough");
    expect(await journal.next()).toBe("open");
    expect(await journal.next()).toBe("message a");
    expect(await journal.next()).toBe("close 4001 enough");
    expect(peers.size).toBe(1);
  });

  it("gives messages as text, JSON, bytes, buffers and blobs", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        async message(_, message) {
          const { id, rawData } = message;
          const blob = message.blob();
          const lines = [
            message.text(),
            JSON.stringify(message.json()),
            new TextDecoder().decode(message.uint8Array()),
            String(message.arrayBuffer().byteLength >= 7),
            await blob.text(),
            String(message),
            `${message as unknown as string}`,
            typeof rawData === "string" ? "text" : "bytes",
            String(id === message.id && /^[0-9a-f-]{36}$/.test(id)),
          ];
          journal.add(lines.join(" "));
        },
      },
    });
    const client = new HookClient(url);
    await client.next();
    client.socket.send('{"a":1}');
    const same = Array.from({ length: 3 }, () => '{"a":1}').join(" ");
    const rest = ['{"a":1}', '{"a":1}', '{"a":1}'].join(" ");
    expect(await journal.next()).toBe(`${same} true ${rest} text true`);
    client.socket.send(Buffer.from('{"a":1}'));
    expect(await journal.next()).toBe(`${same} true ${rest} bytes true`);
  });

  it.each([
    ["nodebuffer", (data: unknown) => Buffer.isBuffer(data) && data.toString()],
    ["uint8array", (data: unknown) => new TextDecoder().decode(data as Uint8Array)],
    ["text", (data: unknown) => data],
    ["blob", (data: unknown) => (data as Blob).text()],
    ["", (data: unknown) => data],
  ])("gives data as the binaryType %s says", async (binaryType, read) => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        async message(peer, message) {
          // ws takes no type that it does not know.
          if (isOwn) (peer.websocket as { binaryType: string }).binaryType = binaryType;
          else Object.defineProperty(message, "peer", { value: { websocket: { binaryType } } });
          journal.add(String(await read(message.data)));
        },
      },
    });
    const client = new HookClient(url);
    await client.next();
    client.socket.send("four");
    expect(await journal.next()).toBe("four");
  });

  it("gives data as a Buffer by default", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        message(_, { data }) {
          journal.add(`${Buffer.isBuffer(data)} ${String(data)}`);
        },
      },
    });
    const client = new HookClient(url);
    await client.next();
    client.socket.send("text");
    expect(await journal.next()).toBe("true text");
    client.socket.send(Buffer.from("bytes"));
    expect(await journal.next()).toBe("true bytes");
  });

  it.each([
    ["text", "abc", "text abc"],
    ["a number", 12.5, "text 12.5"],
    ["true", true, "text true"],
    ["a bigint", 12n, "text 12"],
    ["null", null, "text "],
    ["nothing", undefined, "text "],
    ["an object", { a: [1] }, 'text {"a":[1]}'],
    ["bytes", new Uint8Array([97, 98]), "binary ab"],
    ["a part of a buffer", Buffer.from("abcd").subarray(1, 3), "binary bc"],
    ["an ArrayBuffer", new Uint8Array([97, 98]).buffer, "binary ab"],
  ])("sends %s", async (_, value, line) => {
    const { url } = await hookServer(make, { hooks: { open: (peer) => void peer.send(value) } });
    const client = new HookClient(url);
    await client.next();
    expect(await client.next()).toBe(line);
  });

  it("tells a peer's id, request, context, namespace, address and topics", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        upgrade: () => ({ context: { user: "ann" } }),
        open(peer) {
          peer.subscribe("a");
          peer.subscribe("b");
          peer.unsubscribe("a");
          const { id, request, context, namespace, remoteAddress, topics, websocket } = peer;
          const parts = [
            id === peer.id && id === String(peer) && /^[0-9a-f-]{36}$/.test(id),
            new URL(request.url).pathname,
            request.headers.get("x-a"),
            context["user"],
            namespace,
            remoteAddress,
            [...topics].join(),
            websocket.readyState,
            peer.peers.has(peer),
            typeof peer.bufferedAmount,
          ];
          journal.add(parts.join(" "));
        },
      },
    });
    const client = new HookClient(`${url}/room?x=1`, [], { "X-A": "yes" });
    await client.next();
    expect(await journal.next()).toBe("true /room yes ann /room 127.0.0.1 b 1 true number");
  });

  it("publishes to the subscribers of a topic, but not to the sender", async () => {
    const { url } = await hookServer(make, {
      hooks: {
        open(peer) {
          if (peer.request.url.endsWith("?in")) peer.subscribe("news");
          peer.send("ready");
        },
        message(peer, message) {
          peer.publish("news", message.text());
          peer.send("done");
        },
      },
    });
    const [a, b, c, other] = [
      new HookClient(`${url}/x?in`),
      new HookClient(`${url}/x?in`),
      new HookClient(`${url}/x`),
      new HookClient(`${url}/y?in`),
    ] as const;
    for (const client of [a, b, c, other]) {
      expect([await client.next(), await client.next()]).toEqual(["open", "text ready"]);
    }
    a.socket.send("one");
    expect(await a.next()).toBe("text done");
    expect(await b.next()).toBe("text one");
    for (const client of [c, other]) {
      client.socket.send("x");
      // Nothing of "one" has come before.
      expect(await client.next()).toBe("text done");
    }
  });

  it("publishes from outside to one namespace, or to all", async () => {
    const { url, ws } = await hookServer(make, {
      hooks: {
        open(peer) {
          peer.subscribe("news");
          peer.send("ready");
        },
      },
    });
    const [a, b] = [new HookClient(`${url}/a`), new HookClient(`${url}/b`)] as const;
    for (const client of [a, b]) {
      expect([await client.next(), await client.next()]).toEqual(["open", "text ready"]);
    }
    ws.publish("news", "to a", { namespace: "/a" });
    ws.publish("news", { to: "all" });
    expect(await b.next()).toBe('text {"to":"all"}');
    expect([await a.next(), await a.next()]).toEqual(["text to a", 'text {"to":"all"}']);
    expect([...ws.peers.keys()].sort()).toEqual(["/a", "/b"]);
  });

  it("carries publications over a backplane, and takes those of others", async () => {
    const sent: unknown[] = [];
    let deliver:
      | ((message: { namespace: string; topic: string; data: string }) => void)
      | undefined;
    const { url, ws } = await hookServer(make, {
      hooks: {
        open(peer) {
          peer.subscribe("t");
          peer.send("ready");
        },
        message(peer) {
          peer.publish("t", { a: 1 });
        },
      },
      sync: () => ({
        subscribe(given) {
          deliver = given;
        },
        publish: (message) => void sent.push(message),
        close: () => void sent.push("closed"),
      }),
    });
    const client = new HookClient(`${url}/n`);
    expect([await client.next(), await client.next()]).toEqual(["open", "text ready"]);
    client.socket.send("go");
    deliver!({ namespace: "/n", topic: "t", data: "from afar" });
    expect(await client.next()).toBe("text from afar");
    deliver!({ namespace: "", topic: "t", data: "to all" });
    expect(await client.next()).toBe("text to all");
    ws.publish("t", new Uint8Array([97]));
    expect(await client.next()).toBe("binary a");
    expect(sent).toEqual([
      { namespace: "/n", topic: "t", data: '{"a":1}' },
      { namespace: "", topic: "t", data: new Uint8Array([97]) },
    ]);
    await ws.close();
    expect(sent.at(-1)).toBe("closed");
  });

  it("calls onError when a backplane fails, and goes on", async () => {
    const stages: string[] = [];
    const { url, ws } = await hookServer(make, {
      hooks: { open: (peer) => peer.subscribe("t") },
      sync: () => ({
        subscribe: () => Promise.reject(new Error("subscribe")),
        publish() {
          throw new Error("publish");
        },
      }),
      onError: (error, { stage }) => stages.push(`${stage} ${(error as Error).message}`),
    });
    const client = new HookClient(url);
    await client.next();
    ws.publish("t", "x");
    expect(await client.next()).toBe("text x");
    expect(stages.sort()).toEqual(["publish publish", "subscribe subscribe"]);
  });

  it.each([
    [
      "returns a Response",
      () => new Response("no", { status: 403, headers: { "x-why": "because" } }),
    ],
    [
      "throws a Response",
      () => {
        throw new Response("no", { status: 403, headers: { "x-why": "because" } });
      },
    ],
    [
      "throws an error with a response",
      () => {
        throw Object.assign(new Error("no"), {
          response: new Response("no", { status: 403, headers: { "x-why": "because" } }),
        });
      },
    ],
    [
      "rejects with a Response",
      async () => {
        throw new Response("no", { status: 403, headers: { "x-why": "because" } });
      },
    ],
  ])("refuses a request whose upgrade hook %s", async (_, upgrade) => {
    const { url } = await hookServer(make, { hooks: { upgrade: upgrade as never } });
    const client = new HookClient(url);
    expect(await client.next()).toBe("refused 403 because no");
  });

  it("answers 500 if the upgrade hook throws anything else", async () => {
    const { url } = await hookServer(make, {
      hooks: {
        upgrade() {
          throw new Error("secret");
        },
      },
      ...(isOwn && { server: { unhandledErrors: "ignore" } }),
    });
    const line = await new HookClient(url).next();
    expect(line).toMatch(/^refused 500/);
    expect(line).not.toContain("secret");
  });

  it("adds the headers of the upgrade hook to the response", async () => {
    const { url } = await hookServer(make, {
      hooks: { upgrade: async () => ({ headers: { "X-A": "1", "Set-Cookie": "b=2" } }) },
    });
    const { socket } = new HookClient(url);
    const headers = await new Promise<Record<string, unknown>>((resolve) => {
      socket.on("upgrade", (response) => {
        resolve(response.headers);
      });
    });
    expect(headers).toMatchObject({ "x-a": "1", "set-cookie": ["b=2"] });
  });

  it.each([
    ["protocol of the upgrade hook", { hooks: { upgrade: () => ({ protocol: "b" }) } }],
    [
      "header of the upgrade hook",
      { hooks: { upgrade: () => ({ headers: { "sec-websocket-protocol": "b" } }) } },
    ],
    ["answer of handleProtocols", { handleProtocols: (all: Set<string>) => [...all][1]! }],
  ])("agrees on the subprotocol by the %s", async (_, options) => {
    const { url } = await hookServer(make, options);
    expect(await new HookClient(url, ["a", "b"]).next()).toBe("open b");
  });

  it("calls handleProtocols only if a subprotocol is offered, and takes false for none", async () => {
    const asked: string[] = [];
    const { url } = await hookServer(make, {
      handleProtocols(protocols) {
        asked.push([...protocols].join());
        return false;
      },
    });
    expect(await new HookClient(url).next()).toBe("open");
    expect(asked).toEqual([]);
    // The client wants one of those that it offers.
    expect(await new HookClient(url, ["a"]).next()).toBe("close 1006");
    expect(asked).toEqual(["a"]);
  });

  it.each([
    ["getNamespace", { getNamespace: () => "ours" }],
    ["the upgrade hook", { hooks: { upgrade: () => ({ namespace: "ours" }) } }],
  ])("uses the namespace that %s gives", async (_, options) => {
    const { url, ws } = await hookServer(make, options);
    await new HookClient(url).next();
    expect([...ws.peers.keys()]).toEqual(["ours"]);
  });

  it("asks resolve once for each connection, and calls its hooks behind the common ones", async () => {
    const journal = new Journal();
    let asked = 0;
    const { url } = await hookServer(make, {
      hooks: {
        open: () => journal.add("common open"),
        message: () => journal.add("common message"),
      },
      async resolve(request) {
        asked++;
        const { pathname } = new URL(request.url);
        return {
          upgrade: () => ({ context: { pathname } }),
          open: () => journal.add("own open"),
          message: (peer: Peer, message: Message) => {
            journal.add(`${peer.context["pathname"]} ${message.text()}`);
          },
        };
      },
    });
    const client = new HookClient(`${url}/p`);
    await client.next();
    client.socket.send("hi");
    expect([await journal.next(), await journal.next()]).toEqual(["common open", "own open"]);
    expect([await journal.next(), await journal.next()]).toEqual(["common message", "/p hi"]);
    expect(asked).toBe(1);
  });

  it("gives the upgrade hook's answer of resolve before that of the common hooks", async () => {
    const { url, ws } = await hookServer(make, {
      hooks: { upgrade: () => ({ namespace: "common" }) },
      resolve: () => ({ upgrade: () => ({ namespace: "own" }) }),
    });
    await new HookClient(url).next();
    expect([...ws.peers.keys()]).toEqual(["own"]);
  });

  it("sends pings, and answers pings", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        open: (peer) => void peer.ping("are you there"),
        ping: (_, data) => journal.add(`ping ${new TextDecoder().decode(data)}`),
        pong: (_, data) => journal.add(`pong ${new TextDecoder().decode(data)}`),
      },
    });
    const client = new HookClient(url);
    expect([await client.next(), await client.next()]).toEqual(["open", "ping are you there"]);
    expect(await journal.next()).toBe("pong are you there");
    client.socket.ping("hey");
    expect(await journal.next()).toBe("ping hey");
    expect(await client.next()).toBe("pong hey");
  });

  it("calls the error hook for a ping that is too long", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        open: (peer) => void peer.ping("x".repeat(126)),
        error: (_, error) => journal.add(`error ${error instanceof Error}`),
      },
    });
    void new HookClient(url);
    expect(await journal.next()).toBe("error true");
  });

  it("calls the error hook for what a peer does wrong, and then the close hook", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        error: (_, error) => journal.add(`error ${error instanceof Error}`),
        close: (_, { code }) => journal.add(`close ${code}`),
      },
    });
    const client = new HookClient(url);
    await client.next();
    // A reserved opcode.
    client.socket._socket!.write(Uint8Array.of(0x83, 0x80, 0, 0, 0, 0));
    expect(await journal.next()).toBe("error true");
    expect(await journal.next()).toMatch(/^close/);
  });

  it("calls only the close hook for a peer that is gone", async () => {
    const journal = new Journal();
    const { url, ws } = await hookServer(make, {
      hooks: {
        error: () => journal.add("error"),
        close: (_, { code }) => journal.add(`close ${code}`),
      },
    });
    const client = new HookClient(url);
    await client.next();
    client.socket.terminate();
    expect(await journal.next()).toBe("close 1006");
    expect([...ws.peers.values()].every((peers) => peers.size === 0)).toBe(true);
  });

  it.each([
    ["close without a code", (peer: Peer) => peer.close(), "close 1005"],
    ["close with one", (peer: Peer) => peer.close(4000, "why"), "close 4000 why"],
    ["terminate", (peer: Peer) => peer.terminate(), "close 1006"],
  ])("ends a connection with %s", async (_, end, line) => {
    const { url } = await hookServer(make, { hooks: { message: end } });
    const client = new HookClient(url);
    await client.next();
    client.socket.send("end");
    expect(await client.next()).toBe(line);
  });

  it.each<
    [string, [code?: number | undefined, reason?: string | undefined, force?: boolean], string]
  >([
    ["closes", [4001, "all"], "close 4001 all"],
    ["drops", [undefined, undefined, true], "close 1006"],
  ])("%s all connections with closeAll, and accepts new ones", async (_, args, line) => {
    const { url, ws } = await hookServer(make, {});
    const clients = [new HookClient(url), new HookClient(`${url}/b`)];
    for (const client of clients) await client.next();
    ws.closeAll(...args);
    for (const client of clients) expect(await client.next()).toBe(line);
    expect(await new HookClient(url).next()).toBe("open");
  });

  it("closes all connections with close", async () => {
    const { url, ws } = await hookServer(make, {});
    const client = new HookClient(url);
    await client.next();
    await ws.close(4002, "over");
    expect(await client.next()).toBe("close 4002 over");
  });

  it("waits for what is unsent to become less", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        async open(peer) {
          peer.send("x".repeat(8 * 1024 * 1024));
          journal.add(`${peer.bufferedAmount > 0}`);
          await peer.waitForDrain({ pollInterval: 1 });
          journal.add(`${peer.bufferedAmount}`);
          const signal = AbortSignal.abort(new Error("given up"));
          peer.send("x".repeat(8 * 1024 * 1024));
          await peer.waitForDrain({ signal }).catch((error: Error) => journal.add(error.message));
        },
      },
    });
    void new HookClient(url);
    expect(await journal.next()).toBe("true");
    expect(await journal.next()).toBe("0");
    expect(await journal.next()).toBe("given up");
  });

  it.each([true, false])("compresses if the upgrade hook says %s", async (perMessageDeflate) => {
    const { url } = await hookServer(make, { hooks: { upgrade: () => ({ perMessageDeflate }) } });
    const client = new HookClient(url);
    await client.next();
    expect(client.socket.extensions).toBe(perMessageDeflate ? "permessage-deflate" : "");
  });

  it("compresses nothing by default", async () => {
    const { url } = await hookServer(make, {});
    const client = new HookClient(url);
    await client.next();
    expect(client.socket.extensions).toBe("");
  });

  it("has functions that work without this", async () => {
    const { handleUpgrade, publish, closeAll } = make();
    expect(() => publish("a", "b")).not.toThrow();
    expect(() => closeAll()).not.toThrow();
    expect(handleUpgrade).toBeTypeOf("function");
  });

  it.each<[string, (socket: Duplex) => void]>([
    ["dropped", (socket) => void socket.destroy()],
    ["answered", (socket) => void socket.end("HTTP/1.1 404 Not Found\r\n\r\n")],
  ])("opens nothing on a socket that other code has %s", async (_, act) => {
    const opened: string[] = [];
    const adapter = make({ hooks: { open: () => void opened.push("open") } });
    const handled = new Journal();
    const { url } = await hookServer(
      () => ({
        ...adapter,
        handleUpgrade: (async (request: never, socket: Duplex, head: never) => {
          act(socket);
          await adapter.handleUpgrade(request, socket as never, head);
          handled.add("handled");
        }) as never,
      }),
      {},
    );
    const client = new HookClient(url);
    expect(await handled.next()).toBe("handled");
    expect(await client.next()).toMatch(/^close 1006|^refused 404/);
    expect(opened).toEqual([]);
  });

  it("refuses to take a socket twice", async () => {
    const adapter = make();
    const journal = new Journal();
    const { url } = await hookServer(
      () => ({
        ...adapter,
        handleUpgrade: (async (...given: never[]) => {
          await adapter.handleUpgrade(...given);
          await adapter.handleUpgrade(...given).catch((error: Error) => journal.add(error.message));
        }) as never,
      }),
      {},
    );
    const client = new HookClient(url);
    expect(await journal.next()).toMatch(/called (more than once|twice) with/);
    expect(await client.next()).toBe("open");
  });

  it("gives hooks the Request that handleUpgrade is given, and its context", async () => {
    const journal = new Journal();
    const adapter = make({
      hooks: {
        upgrade: (request) => void journal.add(request.url),
        open: (peer) => journal.add(String(peer.context["from"])),
      },
    });
    const { url } = await hookServer(
      () => ({
        ...adapter,
        handleUpgrade: ((request: never, socket: never, head: never) => {
          const given = Object.assign(new Request("http://given.example/p"), {
            context: { from: "framework" },
          });
          return adapter.handleUpgrade(request, socket, head, given as never);
        }) as never,
      }),
      {},
    );
    void new HookClient(url);
    expect(await journal.next()).toBe("http://given.example/p");
    expect(await journal.next()).toBe("framework");
  });
});

describe("crossws()", () => {
  it("fails a connection whose hook throws or rejects, with 1011, and tells the error hook", async () => {
    const journal = new Journal();
    const { url } = await hookServer((options) => crossws(options as never), {
      hooks: {
        async message(_, message) {
          if (message.text() === "late") await Promise.resolve();
          throw new Error(message.text());
        },
        error: (_, error) => journal.add(error.message),
      },
    });
    for (const text of ["at once", "late"]) {
      const client = new HookClient(url);
      await client.next();
      client.socket.send(text);
      expect(await journal.next()).toBe(text);
      expect(await client.next()).toBe("close 1011");
    }
  });

  it("gives what a hook throws to unhandledErrors, if there is no error hook", async () => {
    const journal = new Journal();
    const { url } = await hookServer((options) => crossws(options as never), {
      hooks: {
        message() {
          throw new Error("nobody's");
        },
      },
      ...{ server: { unhandledErrors: (error: Error) => journal.add(error.message) } },
    });
    const client = new HookClient(url);
    await client.next();
    client.socket.send("x");
    expect(await journal.next()).toBe("nobody's");
    expect(await client.next()).toBe("close 1011");
  });

  it("lets hooks of one connection overlap: one may wait for what a later message brings", async () => {
    let answer: ((text: string) => void) | undefined;
    const { url } = await hookServer((options) => crossws(options as never), {
      hooks: {
        async message(peer, message) {
          if (message.text() !== "ask") {
            answer?.(message.text());
            return;
          }
          peer.send("and?");
          const text = await new Promise<string>((resolve) => {
            answer = resolve;
          });
          peer.send(`so: ${text}`);
        },
      },
    });
    const client = new HookClient(url);
    await client.next();
    client.socket.send("ask");
    expect(await client.next()).toBe("text and?");
    client.socket.send("yes");
    expect(await client.next()).toBe("text so: yes");
  });

  it("refuses a request that the upgrade hook claims to have handled, since the hook cannot have its socket", async () => {
    const journal = new Journal();
    const { url } = await hookServer((options) => crossws(options as never), {
      hooks: { upgrade: () => ({ handled: true }) },
      ...{ server: { unhandledErrors: (error: Error) => journal.add(error.message) } },
    });
    expect(await new HookClient(url).next()).toMatch(/^refused 500/);
    expect(await journal.next()).toContain("returned handled: true");
  });

  it("leaves out headers of an upgrade hook that the handshake writes itself", async () => {
    const { url } = await hookServer((options) => crossws(options as never), {
      hooks: {
        upgrade: () => ({ headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } }),
      },
    });
    const client = new HookClient(url);
    expect(await client.next()).toBe("open");
    expect(client.socket.extensions).toBe("");
  });

  it("forgets a namespace that has no peers any more", async () => {
    const closed = new Journal();
    const { url, ws } = await hookServer((options) => crossws(options as never), {
      hooks: { close: () => closed.add("closed") },
    });
    const client = new HookClient(`${url}/only`);
    await client.next();
    client.socket.close();
    await closed.next();
    expect(ws.peers.size).toBe(0);
  });

  it("calls no hook for pongs that answer its own pings", async () => {
    const journal = new Journal();
    const { url } = await hookServer((options) => crossws(options as never), {
      idleTimeout: 0.01,
      hooks: { pong: (_, data) => journal.add(new TextDecoder().decode(data)) },
    });
    const client = new HookClient(url);
    await client.next();
    const { socket } = client;
    for (let pings = 0; pings < 3; pings++) {
      await new Promise((resolve) => {
        socket.once("ping", resolve);
      });
    }
    socket.pong("mine");
    expect(await journal.next()).toBe("mine");
  });

  it.each([
    [{ wss: {} }, /wss is for the server of ws/],
    [{ serverOptions: { maxPayload: 1 } }, /serverOptions is for the server of ws/],
    [{ hook: {} }, /hook/],
    [{ server: { maxMesageSize: 1 } }, /maxMesageSize/],
    [{ idleTimeout: "30" }, /idleTimeout/],
  ])("throws for the options %j", (options, message) => {
    expect(() => crossws(options as never)).toThrow(message);
  });

  it("resolves handleUpgrade when the hooks have decided, whatever they decide", async () => {
    const journal = new Journal();
    let decide: ((response: Response) => void) | undefined;
    const adapter = crossws({
      hooks: {
        upgrade: () =>
          new Promise<Response>((resolve) => {
            decide = resolve;
          }),
      },
    });
    const { url } = await hookServer(
      () =>
        ({
          ...adapter,
          handleUpgrade: (async (request: never, socket: never, head: never) => {
            const handled = adapter.handleUpgrade(request, socket, head);
            void handled.then(() => journal.add("handled"));
            await macrotask();
            journal.add("asked");
            decide!(new Response(null, { status: 403 }));
          }) as never,
        }) as never,
      {},
    );
    void new HookClient(url);
    expect([await journal.next(), await journal.next()]).toEqual(["asked", "handled"]);
  });

  it("rejects with a TypeError if it is given no request of node:http", async () => {
    const { handleUpgrade } = crossws();
    const request = new Request("http://localhost/");
    await expect(handleUpgrade(request as never, {}, new Uint8Array())).rejects.toThrow(
      /use plugin\(\) or serve\(\)/,
    );
  });

  it("takes framewire's own options", async () => {
    const journal = new Journal();
    const { url } = await hookServer((options) => crossws(options as never), {
      hooks: { error: (_, error) => journal.add((error as unknown as { code: string }).code) },
      ...{ server: { maxMessageSize: 10, compression: true } },
    });
    const client = new HookClient(url);
    await client.next();
    expect(client.socket.extensions).toBe("permessage-deflate");
    client.socket.send("x".repeat(11));
    expect(await journal.next()).toBe("MESSAGE_TOO_BIG");
    expect(await client.next()).toMatch(/^close 1009/);
  });

  it("accepts pages of other origins, as crossws does, unless told otherwise", async () => {
    const headers = { Origin: "https://elsewhere.example", Cookie: "session=1" };
    const open = await hookServer((options) => crossws(options as never), {});
    expect(await new HookClient(open.url, [], headers).next()).toBe("open");
    const strict = await hookServer(() => crossws({ server: { origins: "cookies" } }), {});
    expect(await new HookClient(strict.url, [], headers).next()).toMatch(/^refused 403/);
  });
});
