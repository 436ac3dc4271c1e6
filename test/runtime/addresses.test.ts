import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { adapter } from "../support/adapter.ts";
import { runtime } from "../support/runtime.ts";

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const listener = await adapter.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener;
  await listener.close();
  return port;
}

async function failure(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe(`an error of an address on ${runtime}`, () => {
  it("names the address that refuses", async () => {
    const port = await closedPort();
    const refused = {
      name: "TransportError",
      code: "REFUSED",
      message: `Connection refused: 127.0.0.1:${port}`,
    };
    const url = `ws://127.0.0.1:${port}/chat?token=secret`;
    expect(await failure(adapter.connect(url))).toMatchObject(refused);
    expect(await failure(adapter.dial(url))).toMatchObject(refused);
    const to = { hostname: "127.0.0.1", port };
    expect(await failure(adapter.connectStream(to))).toMatchObject(refused);
  });

  it("names the Unix socket that is not there", async () => {
    const path = join(tmpdir(), `framewire-nobody-${crypto.randomUUID()}`);
    expect(await failure(adapter.connect("ws://localhost/", { path }))).toMatchObject({
      code: "NOT_FOUND",
      message: `Host or Unix socket is not known: ${path}`,
    });
  });

  it("names the host that is not known", async () => {
    expect(await failure(adapter.connect("ws://nobody.invalid:81/"))).toMatchObject({
      code: "NOT_FOUND",
      message: "Host or Unix socket is not known: nobody.invalid:81",
    });
  });

  it("names the proxy that refuses, and not its credentials", async () => {
    const port = await closedPort();
    const proxy = `http://me:secret@127.0.0.1:${port}`;
    expect(await failure(adapter.connect("ws://example.org/", { proxy }))).toMatchObject({
      code: "PROXY_FAILED",
      cause: { code: "REFUSED", message: `Connection refused: 127.0.0.1:${port}` },
    });
  });

  it("names the address that is in use", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const inUse = {
      code: "ADDRESS_IN_USE",
      message: `Address is already in use: 127.0.0.1:${port}`,
    };
    const place = { port, hostname: "127.0.0.1" };
    expect(await failure(adapter.serve(place, {}))).toMatchObject(inUse);
    expect(await failure(adapter.listen(place))).toMatchObject(inUse);
  });
});
