import { afterEach, describe, expect, it } from "vitest";
import { deflateOf } from "../../../adapters/ws/deflate.ts";
import {
  cleanUp,
  dial,
  ended,
  listen,
  message,
  next,
  pair,
  shapes,
} from "../../support/ws-shape.ts";

afterEach(cleanUp);

interface Counted {
  _socket: { bytesWritten: number };
}

describe.each(shapes)("perMessageDeflate of %s", (_, shape) => {
  it("compresses both ways, unless a message says otherwise", async () => {
    const { client, peer } = await pair(shape, { perMessageDeflate: true });
    const text = "again and again ".repeat(4096);
    const bytes = async (options: object): Promise<number> => {
      const before = (client as unknown as Counted)._socket.bytesWritten;
      const came = message(peer);
      client.send(text, options);
      expect(await came).toEqual([text, false]);
      return (client as unknown as Counted)._socket.bytesWritten - before;
    };
    expect(await bytes({})).toBeLessThan(text.length / 20);
    expect(await bytes({ compress: false })).toBeGreaterThan(text.length);
    const back = message(client);
    peer.send(Buffer.from(text));
    expect(await back).toEqual([text, true]);
  });

  it("brings a large answer to a client that has closed behind its question", async () => {
    const { client, peer } = await pair(shape, { perMessageDeflate: true });
    const text = "again and again ".repeat(65_536);
    peer.on("message", () => peer.send(text));
    const lines: unknown[] = [];
    client.on("message", (data) => lines.push((data as Buffer).toString() === text));
    const over = ended(client);
    client.send("question");
    client.close(1000);
    expect([await over, lines]).toEqual([[1000, ""], [true]]);
  });

  it("is off on a server, unless it is asked for", async () => {
    const { client, peer } = await pair(shape);
    expect([client.extensions, peer.extensions]).toEqual(["", ""]);
  });

  it("agrees on what its options say", async () => {
    const { server, url } = await listen(shape, {
      perMessageDeflate: {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 10,
        clientMaxWindowBits: 11,
      },
    });
    const lines: string[] = [];
    server.on("headers", (all) =>
      lines.push(...all.filter((line) => line.startsWith("Sec-WebSocket-Ext"))),
    );
    await next(dial(shape, url), "open");
    const said = lines[0]!
      .split(":")[1]!
      .split(";")
      .map((part) => part.trim());
    expect(said.sort()).toEqual([
      "client_max_window_bits=11",
      "client_no_context_takeover",
      "permessage-deflate",
      "server_max_window_bits=10",
      "server_no_context_takeover",
    ]);
  });

  it("refuses a message that grows beyond maxPayload with 1009", async () => {
    const { client, peer } = await pair(shape, { perMessageDeflate: true, maxPayload: 1024 });
    const codes: unknown[] = [];
    peer.on("error", ({ message: text, code }: Error & { code?: string }) =>
      codes.push([text, code]),
    );
    const over = ended(client);
    client.send("x".repeat(1025));
    expect(await over).toEqual([1009, ""]);
    expect(codes).toEqual([["Max payload size exceeded", "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"]]);
  });

  it("tells zlib's code where what comes is no deflate, and closes with 1007", async () => {
    const { client, peer } = await pair(shape, { perMessageDeflate: true });
    const codes: unknown[] = [];
    peer.on("error", ({ code }: Error & { code?: string }) => codes.push(code));
    const over = ended(client);
    const frame = Buffer.from([0xc2, 0x84, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    (client as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(frame);
    expect(await over).toEqual([1007, ""]);
    expect(codes).toEqual(["Z_DATA_ERROR"]);
  });
});

describe("deflateOf()", () => {
  it("gives nothing where it is off, and one extension for all that say no more than true", () => {
    expect(deflateOf(false)).toBeUndefined();
    expect(deflateOf(undefined)).toBeUndefined();
    expect(deflateOf(true)).toBeDefined();
    expect(deflateOf(true)).toBe(deflateOf(true));
  });

  it("gives one extension for each object of options", () => {
    const options = { zlibDeflateOptions: { level: -1, memLevel: 7 }, threshold: 0 };
    expect(deflateOf(options)).toBe(deflateOf(options));
    expect(deflateOf({ ...options })).not.toBe(deflateOf(options));
  });
});
