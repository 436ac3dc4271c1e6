import { afterEach, describe, expect, it } from "vitest";
import { route, type RouteOptions, type ServerHandlers } from "../../src/connection/handlers.ts";
import { adapter } from "../support/adapter.ts";
import { Ends } from "../support/ends.ts";
import { runtime } from "../support/runtime.ts";

/** Options of one path, or of one connection, over real sockets. */

const ends = new Ends();

afterEach(() => ends.finish());

const echo = {
  message: (ws: { send(data: string | Uint8Array): unknown }, data: string | Uint8Array) =>
    ws.send(data),
};

describe(`options of a route, on ${runtime}`, () => {
  it("hold for its connections, and the server's for those of others", async () => {
    const { url } = await ends.serve(
      {
        routes: {
          "/json": route(echo),
          "/upload": route({ ...echo, options: { maxMessageSize: 200_000, compression: false } }),
        },
      },
      { maxMessageSize: 16 * 1024, compression: true },
    );
    const big = "x".repeat(100_000);
    const upload = await ends.connect(`${url}upload`, { compression: true });
    expect(upload.extensions).toBe("");
    await upload.send(big);
    expect(await upload.receive()).toBe(big);
    const json = await ends.connect(`${url}json`, { compression: true });
    expect(json.extensions).toContain("permessage-deflate");
    void json.send(big);
    expect(await json.closed).toMatchObject({ status: 1009 });
  });

  it("are time-outs and back-pressure, too", async () => {
    const { url } = await ends.serve({
      routes: {
        "/short": route({ ...echo, options: { maxLifetime: 1 } }),
        "/long": route(echo),
      },
    });
    const long = await ends.connect(`${url}long`);
    const short = await ends.connect(`${url}short`);
    expect(await short.closed).toMatchObject({ status: 1001 });
    expect(long.state).toBe("open");
  });

  it("may come from the upgrade hook, for one connection", async () => {
    const large: RouteOptions = { maxMessageSize: 200_000 };
    const { url } = await ends.serve(
      {
        ...echo,
        upgrade: ({ query }) => ({ options: query.has("paid") ? large : undefined }),
      },
      { maxMessageSize: 1000 },
    );
    const paid = await ends.connect(`${url}?paid`);
    await paid.send("x".repeat(2000));
    expect(await paid.receive()).toHaveLength(2000);
    const free = await ends.connect(url);
    void free.send("x".repeat(2000));
    expect(await free.closed).toMatchObject({ status: 1009 });
  });

  it("are whose pages may connect", async () => {
    const { url } = await ends.serve(
      {
        routes: {
          "/widget": route({ ...echo, options: { origins: ["https://a.example"] } }),
          "/any": route({ ...echo, options: { origins: "any" } }),
          "/own": route(echo),
        },
      },
      { origins: "same" },
    );
    const openedFrom = async (path: string, origin: string): Promise<number> =>
      ends.connect(`${url}${path}`, { origin }).then(
        () => 101,
        ({ status }: { status: number }) => status,
      );
    expect(await openedFrom("widget", "https://a.example")).toBe(101);
    expect(await openedFrom("widget", "https://b.example")).toBe(403);
    expect(await openedFrom("any", "https://b.example")).toBe(101);
    expect(await openedFrom("own", "https://a.example")).toBe(403);
    expect(await openedFrom("own", url.replace("ws", "http").slice(0, -1))).toBe(101);
  });

  it("are how many topics a connection may have, also from the upgrade hook", async () => {
    const subscribed: number[] = [];
    const handlers: ServerHandlers = {
      open(ws) {
        let count = 0;
        try {
          for (; count < 10; count++) void ws.subscribe(String(count));
        } catch (error) {
          expect(error).toMatchObject({ code: "TOO_MANY_TOPICS", limit: count });
        }
        subscribed.push(count);
      },
    };
    const { url } = await ends.serve(
      {
        routes: {
          "/few": route({ ...handlers, options: { maxTopics: 2 } }),
          "/all": route({ ...handlers, options: { maxTopics: 0 } }),
          "/hook": route({ ...handlers, upgrade: () => ({ options: { maxTopics: 4 } }) }),
          "/": route(handlers),
        },
      },
      { maxTopics: 3 },
    );
    for (const path of ["few", "all", "hook", ""]) await ends.connect(`${url}${path}`);
    expect(subscribed).toEqual([2, 10, 4, 3]);
  });

  it("are what becomes of a connection that does not keep up", async () => {
    const slow = { highWaterMark: 1, maxBufferedAmount: 0 };
    const { server, url } = await ends.serve({
      routes: {
        "/drop": route({ options: { ...slow, slowReceivers: "drop" } }),
        "/close": route({ options: { ...slow, slowReceivers: "close" } }),
        "/buffer": route({ options: slow }),
        "/hook": route({ upgrade: () => ({ options: { ...slow, slowReceivers: "drop" } }) }),
      },
    });
    for (const path of ["drop", "close", "buffer", "hook"]) await ends.connect(`${url}${path}`);
    // More than the kernel takes in the turn in which nobody reads.
    expect(server.broadcast(new Uint8Array(16 * 1024 ** 2))).toEqual({
      sent: 4,
      dropped: 0,
      closed: 0,
    });
    expect(server.broadcast("b")).toEqual({ sent: 1, dropped: 2, closed: 1 });
    expect(server.broadcast("c", { slow: "buffer" })).toEqual({ sent: 3, dropped: 0, closed: 0 });
  });

  it("from the upgrade hook are no origins: those were asked before it", async () => {
    const errors: unknown[] = [];
    const { url } = await ends.serve(
      { upgrade: () => ({ options: { origins: "any" } as object }) },
      { unhandledErrors: (error) => errors.push(error) },
    );
    await expect(ends.connect(url)).rejects.toMatchObject({ status: 500 });
    expect(errors).toEqual([
      new TypeError(
        "upgrade().options.origins come too late: they were asked before upgrade. " +
          "Return { status: 403 }, or give them to the route",
      ),
    ]);
  });

  it("are checked when the server is made", async () => {
    const serve = (options: unknown): Promise<unknown> =>
      adapter.serve({ port: 0 }, { routes: { "/upload": { options: options as RouteOptions } } });
    await expect(serve({ maxMessageSize: "1" })).rejects.toThrow(
      'routes["/upload"].options.maxMessageSize must be a number: "1" is a string; write 1',
    );
    await expect(serve({ maxMessageSize: -1 })).rejects.toThrow(RangeError);
    await expect(serve({ handshakeTimeout: 5 })).rejects.toThrow(
      'routes["/upload"].options.handshakeTimeout counts before the path is known',
    );
    await expect(adapter.serve({ port: 0 }, { options: {} } as ServerHandlers)).rejects.toThrow(
      "Unknown handler options",
    );
  });
});

describe(`protocols, on ${runtime}`, () => {
  it("choose the first one offered that is known, and none where none is", async () => {
    const { url } = await ends.serve(
      {
        routes: {
          "/": route(echo),
          "/v3": route({ ...echo, options: { protocols: ["v3"] } }),
          "/own": route({ ...echo, upgrade: ({ protocols }) => ({ protocol: protocols.at(-1) }) }),
        },
      },
      { protocols: ["chat", "v2"] },
    );
    const chosen = async (path: string, protocols: string[]): Promise<string> =>
      (await ends.connect(`${url}${path}`, { protocols })).protocol;
    expect(await chosen("", ["v1", "v2", "chat"])).toBe("v2");
    expect(await chosen("", [])).toBe("");
    expect(await chosen("v3", ["chat", "v3"])).toBe("v3");
    expect(await chosen("own", ["chat", "other"])).toBe("other");
    await expect(chosen("", ["v1"])).resolves.toBe("");
  });
});

describe(`an upgrade hook that returns what is no decision, on ${runtime}`, () => {
  it.each([false, true, null, "chat"])(
    "answers 500 for %j, and says what to return",
    async (decision) => {
      const errors: unknown[] = [];
      const { url } = await ends.serve(
        { upgrade: () => decision as never },
        { unhandledErrors: (error) => errors.push(error) },
      );
      await expect(ends.connect(url)).rejects.toMatchObject({ status: 500 });
      expect(errors).toEqual([
        new TypeError(
          "upgrade must return nothing or an object such as { protocol, context } to let in, " +
            `and { status: 403 } to refuse: ${String(decision)}`,
        ),
      ]);
    },
  );
});
