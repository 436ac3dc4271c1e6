import { afterEach, describe, expect, it } from "vitest";
import { reconnecting } from "../../src/connection/client/reconnect.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import { DialError } from "../../src/errors.ts";
import { adapter } from "../support/adapter.ts";

/** What a client learns of the server's answer to its handshake, and what it says of itself in the request. */

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.shutdown({ deadline: 0 });
});

/** Starts a server that sets two cookies, the second of them with the number of the connection. */
async function start(): Promise<{ url: string; server: Server }> {
  let count = 0;
  const server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1" },
    {
      upgrade: () => ({
        headers: [
          ["Set-Cookie", "a=1; Path=/"],
          ["Set-Cookie", `count=${++count}`],
        ],
      }),
    },
  );
  servers.push(server);
  return { url: `ws://127.0.0.1:${server.port}/`, server };
}

describe("the response to a client's handshake", () => {
  it("is on the connection, with all its cookies, and on no server's", async () => {
    const { url, server } = await start();
    const ws = await adapter.connect(url);
    expect(ws.response?.status).toBe(101);
    expect(ws.response?.getAll("set-cookie")).toEqual(["a=1; Path=/", "count=1"]);
    expect(ws.response?.get("upgrade")).toBe("websocket");
    expect(server.connections[0]!.response).toBeUndefined();
    await ws.close();
    expect(ws.response?.getAll("set-cookie")).toEqual(["a=1; Path=/", "count=1"]);
  });

  it("is on a dialled stream", async () => {
    const { url } = await start();
    const stream = await adapter.dial(url);
    expect(stream.response?.getAll("Set-Cookie")).toEqual(["a=1; Path=/", "count=1"]);
    await stream.close();
  });

  it("is there at each opening of a client that reconnects", async () => {
    const { url, server } = await start();
    const seen: string[] = [];
    const twice = newDeferred<void>();
    const feed = reconnecting(({ signal }) => adapter.connect(url, { signal }), {
      initialDelay: 1,
      connected(ws) {
        seen.push(...ws.response!.getAll("set-cookie").slice(1));
        if (seen.length === 2) twice.resolve();
        else for (const other of server.connections) void other.close(1012);
      },
      random: () => 0,
    });
    await twice.promise;
    expect(seen).toEqual(["count=1", "count=2"]);
    await feed.close();
  });
});

describe("credentials of a client", () => {
  /** Starts a server that lets in who says so. */
  async function startGuarded(): Promise<string> {
    const server = await adapter.serve(
      { port: 0, hostname: "127.0.0.1" },
      {
        upgrade: (request) =>
          request.get("authorization") === "Basic bWU6cMOkc3M="
            ? undefined
            : { status: 401, headers: [["WWW-Authenticate", 'Basic realm="a", charset="UTF-8"']] },
      },
    );
    servers.push(server);
    return `127.0.0.1:${server.port}/`;
  }

  it("are sent where they are given, or asked for in the URL", async () => {
    const place = await startGuarded();
    const auth = { user: "me", password: "p\u00E4ss" };
    const given = await adapter.connect(`ws://${place}`, { auth });
    const asked = await adapter.connect(`ws://me:p%C3%A4ss@${place}`, { auth: "url" });
    expect([given.state, asked.state]).toEqual(["open", "open"]);
    await Promise.all([given.close(), asked.close()]);
  });

  it("are missed where there are none", async () => {
    const place = await startGuarded();
    const error: unknown = await adapter
      .connect(`ws://${place}`, { auth: "url" })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DialError);
    expect((error as DialError).status).toBe(401);
  });

  it("in a URL are refused where nobody has asked for them, and not repeated", async () => {
    const place = await startGuarded();
    const error: unknown = await adapter
      .connect(`ws://me:secret@${place}`)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(/option auth, "url"/);
    expect((error as Error).message).not.toContain("secret");
  });
});
