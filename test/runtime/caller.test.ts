import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { DialError, TimeoutError, TransportError } from "../../src/errors.ts";
import { adapter } from "../support/adapter.ts";

/** What a client's failed attempt tells of the place that made it. */

const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** Starts a server that does with each connection what a test wants; gives its URL. */
async function start(serve: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}/`;
}

/** The application's function, whose name a stack has to show. */
async function connectOfTheApplication(
  url: string,
  options?: Parameters<typeof adapter.connect>[1],
): Promise<unknown> {
  try {
    return await adapter.connect(url, options);
  } catch (error) {
    return error;
  }
}

describe("the stack of a rejected connect()", () => {
  it("names the caller where nobody listens", async () => {
    const url = await start(() => {});
    await new Promise((resolve) => servers.pop()!.close(resolve));
    const error = await connectOfTheApplication(url);
    expect(error).toBeInstanceOf(TransportError);
    expect((error as Error).stack).toContain("connectOfTheApplication");
    expect((error as Error).stack).toContain("caller.test.ts");
  });

  it("names the caller where the server refuses", async () => {
    const url = await start((socket) => {
      socket.once("data", () => {
        socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      });
    });
    const error = await connectOfTheApplication(url);
    expect(error).toBeInstanceOf(DialError);
    expect((error as Error).stack).toContain("connectOfTheApplication");
  });

  it("names the caller where the server says nothing", async () => {
    const url = await start(() => {});
    const error = await connectOfTheApplication(url, { timeout: 50 });
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as Error).stack).toContain("connectOfTheApplication");
  });

  it("names the caller where the URL is wrong", async () => {
    const error = await connectOfTheApplication("ftp://127.0.0.1/");
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).stack).toContain("connectOfTheApplication");
  });

  it("leaves the reason of a signal as it is, which is the caller's own", async () => {
    const url = await start(() => {});
    const reason = new TimeoutError("DIAL_TIMEOUT", 1);
    const { stack } = reason;
    expect(await connectOfTheApplication(url, { signal: AbortSignal.abort(reason) })).toBe(reason);
    expect(reason.stack).toBe(stack);
  });
});
