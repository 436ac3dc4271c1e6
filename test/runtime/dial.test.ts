import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { newSocketStream } from "../../adapters/node/index.ts";
import { newDeferred } from "../../src/deferred.ts";
import { HttpUpgrader } from "../../src/handshake/server/http-upgrader.ts";
import { rejectConnection } from "../../src/handshake/server/reject.ts";
import { selectEqual } from "../../src/handshake/server/select.ts";
import { upgrade, Upgrader } from "../../src/handshake/server/upgrader.ts";
import { headerIs, headerText } from "../../src/http/view.ts";
import type { ByteStream } from "../../src/io/byte-stream.ts";
import type { StreamListener } from "../../src/io/stream-listener.ts";
import {
  readClientData,
  readServerBinary,
  readServerText,
  writeClientBinary,
  writeClientText,
  writeServerMessage,
} from "../../src/stream/helpers.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { runtime } from "../support/runtime.ts";

/** Echoes messages until the peer closes; gives how that ended. */
async function echo(stream: ByteStream): Promise<unknown> {
  try {
    for (;;) {
      const { opcode, payload } = await readClientData(stream);
      await writeServerMessage(stream, opcode, payload);
    }
  } catch (error) {
    return error;
  }
}

async function listening(): Promise<StreamListener> {
  const listener = await adapter.listen({ port: 0, hostname: "127.0.0.1" });
  onTestFinished(() => listener.close());
  return listener;
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Sends a text and binary to an echo and compares; then closes. */
async function expectEcho(
  url: string,
  options?: Parameters<typeof adapter.dial>[1],
): Promise<void> {
  const stream = await adapter.dial(url, options);
  await writeClientText(stream, "Hello");
  expect(await readServerText(stream)).toBe("Hello");
  const large = new Uint8Array(300_000).map((_, i) => i * 7);
  const written = writeClientBinary(stream, large);
  expect(await readServerBinary(stream)).toEqual(large);
  await written;
  await stream.close();
}

describe(`listen() and dial() on ${runtime}`, () => {
  it("open a connection with a say on both sides, and carry messages both ways", async () => {
    const listener = await listening();
    const upgrader = new Upgrader({
      newContext: () => ({ user: "" }),
      protocol: selectEqual("chat.v2"),
      onHeader(name, value, context) {
        if (headerIs(name, "x-user")) context.user = headerText(value);
      },
    });
    const server = listener.accept().then(async (conn) => {
      const stream = await upgrader.upgrade(conn!);
      const { remoteAddress } = conn!;
      const ended = await echo(stream);
      await conn!.close();
      return [stream.context, stream.protocol, remoteAddress, ended];
    });
    const stream = await adapter.dial(`ws://127.0.0.1:${listener.port}/chat`, {
      protocols: ["chat.v3", "chat.v2"],
      header: [["X-User", "ann"]],
    });
    expect(stream.protocol).toBe("chat.v2");
    await writeClientText(stream, "Hello");
    expect(await readServerText(stream)).toBe("Hello");
    await stream.close();
    expect(await server).toEqual([
      { user: "ann" },
      "chat.v2",
      "127.0.0.1",
      expect.objectContaining({ code: "CLOSED", status: 1006 }),
    ]);
  });

  it("tell a refusal with status, headers and body", async () => {
    const listener = await listening();
    const upgrader = new Upgrader({
      onBeforeUpgrade() {
        throw rejectConnection({ status: 401, message: "Who?", headers: [["X-A", "b"]] });
      },
    });
    void listener.accept().then(async (conn) => {
      await upgrader.upgrade(conn!).catch(() => conn!.close());
    });
    const error = await adapter
      .dial(`ws://127.0.0.1:${listener.port}/`)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: "DialError", code: "BAD_STATUS", status: 401 });
    const { headers, body } = error as { headers: unknown; body: Uint8Array };
    expect(headers).toContainEqual(["X-A", "b"]);
    expect(headerText(body)).toBe("Who?\n");
  });

  it("give up after a timeout, and the connection with it", async () => {
    const listener = await listening();
    const accepted = listener.accept();
    const dialing = adapter.dial(`ws://127.0.0.1:${listener.port}/`, { timeout: 50 });
    await expect(dialing).rejects.toMatchObject({ name: "TimeoutError", code: "DIAL_TIMEOUT" });
    const conn = (await accepted)!;
    const bytes = new Uint8Array(4096);
    while ((await conn.read(bytes)) > 0);
    await conn.close();
  });

  it("tell that nobody accepts connections", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const dialing = adapter.dial(`ws://127.0.0.1:${port}/`);
    await expect(dialing).rejects.toMatchObject({ name: "TransportError", code: "REFUSED" });
  });

  it("hold a peer back that is not read from, and lose nothing", async () => {
    const listener = await listening();
    const size = 4 * 1024 ** 2;
    const gate = newDeferred<void>();
    const received = listener.accept().then(async (conn) => {
      const stream = await upgrade(conn!);
      await gate.promise;
      const { payload } = await readClientData(stream);
      return payload.length;
    });
    const stream = await adapter.dial(`ws://127.0.0.1:${listener.port}/`);
    const written = writeClientBinary(stream, new Uint8Array(size));
    gate.resolve();
    expect(await received).toBe(size);
    await written;
    await stream.close();
  });
});

describe(`dial() over TLS on ${runtime}`, () => {
  it("trusts the authority that it is told to trust", async () => {
    const server = createTlsServer({ cert: certificate, key: privateKey }, (socket) => {
      const conn = newSocketStream(socket);
      void upgrade(conn).then(echo);
    });
    const port = await portOf(server);
    await expectEcho(`wss://127.0.0.1:${port}/`, { tlsOptions: { ca: authority } });
    await expectEcho(`wss://127.0.0.1:${port}/`, {
      tlsOptions: { ca: authority, serverName: "framewire.test" },
    });
    const untrusting = adapter.dial(`wss://127.0.0.1:${port}/`);
    await expect(untrusting).rejects.toMatchObject({ code: "TLS_FAILED" });
  });
});

describe(`HttpUpgrader behind node:http on ${runtime}`, () => {
  it("takes over a connection, beside plain HTTP, and refuses others", async () => {
    const upgrader = new HttpUpgrader({
      onRequest(target) {
        if (headerText(target) !== "/chat") throw rejectConnection({ status: 404 });
      },
    });
    const server = createHttpServer((_, response) => response.end("plain"));
    server.on("upgrade", (request, socket, head) => {
      const conn = newSocketStream(socket);
      upgrader.upgrade(request, conn, head).then(echo, () => conn.close());
    });
    const port = await portOf(server);
    await expectEcho(`ws://127.0.0.1:${port}/chat`);
    const refused = adapter.dial(`ws://127.0.0.1:${port}/other`);
    await expect(refused).rejects.toMatchObject({ code: "BAD_STATUS", status: 404 });
    const response = await fetch(`http://127.0.0.1:${port}/chat`);
    expect(await response.text()).toBe("plain");
  });
});
