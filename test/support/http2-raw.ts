/**
 * Peers that speak HTTP/2 frame by frame, as those do that want no good (RFC 9113, 4 and 6).
 *
 * @module
 */

import { type AddressInfo, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export const Headers = 1;
export const RstStream = 3;
export const Settings = 4;
export const Ping = 6;
export const Goaway = 7;

export const Ack = 1;
export const EndHeaders = 4;

export const MaxConcurrentStreams = 3;
export const EnableConnectProtocol = 8;

/** What a client begins with (RFC 9113, 3.4). */
export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A frame that has come. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly length: number;
  /** The error code of RST_STREAM. */
  readonly code?: number;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(0),
): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

export function settings(entries: readonly (readonly [id: number, value: number])[] = []): Buffer {
  const bytes = Buffer.alloc(6 * entries.length);
  for (const [i, [id, value]] of entries.entries()) {
    bytes.writeUInt16BE(id, 6 * i);
    bytes.writeUInt32BE(value, 6 * i + 2);
  }
  return frame(Settings, 0, 0, bytes);
}

export function goaway(lastStream: number, code = 0): Buffer {
  return frame(Goaway, 0, 0, numbers(lastStream, code));
}

export function reset(stream: number, code: number): Buffer {
  return frame(RstStream, 0, stream, numbers(code));
}

/** A field that is neither indexed nor compressed (RFC 7541, 6.2.2). */
function field(name: string, value: string): Buffer {
  const of = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  return Buffer.concat([Buffer.from([0]), of(name), of(value)]);
}

/** An extended CONNECT (RFC 8441, 5.1). */
export function extendedConnect(stream: number): Buffer {
  const fields = {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":authority": "localhost",
    ":path": "/",
    "sec-websocket-version": "13",
  };
  const block = Object.entries(fields).map(([name, value]) => field(name, value));
  return frame(Headers, EndHeaders, stream, Buffer.concat(block));
}

/** Takes bytes, and gives the frames in them. */
export function frameReader(onFrame: (frame: RawFrame) => void): (chunk: Uint8Array) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 9) {
      const length = rest.readUIntBE(0, 3);
      if (rest.length < 9 + length) return;
      const [type, flags, stream] = [rest[3]!, rest[4]!, rest.readUInt32BE(5)];
      const code = type === RstStream ? { code: rest.readUInt32BE(9) } : {};
      rest = rest.subarray(9 + length);
      onFrame({ type, flags, stream, length, ...code });
    }
  };
}

/** A server of one connection that does nothing by itself but acknowledge. */
export interface RawServer {
  readonly url: string;
  /** All that has come. */
  readonly frames: readonly RawFrame[];
  /** Waits for the next frame of a type that nobody has waited for. */
  next(
    type: number,
  ): Promise<{ readonly frame: RawFrame; readonly answer: (stream: number) => void }>;
}

/** Starts one, until the test is over. */
export async function rawServer(
  entries: readonly (readonly [id: number, value: number])[],
): Promise<RawServer> {
  const frames: RawFrame[] = [];
  const unseen: RawFrame[] = [];
  const sockets = new Set<Socket>();
  let wake = (): void => {};
  let socket: Socket;
  const server = createServer((connected) => {
    socket = connected;
    sockets.add(connected);
    connected.on("error", () => {});
    connected.write(settings(entries));
    let before: Buffer | undefined = Buffer.alloc(0);
    const read = frameReader((frameRead) => {
      frames.push(frameRead);
      unseen.push(frameRead);
      const isAsking = (frameRead.flags & Ack) === 0;
      if (frameRead.type === Settings && isAsking) connected.write(frame(Settings, Ack, 0));
      if (frameRead.type === Ping && isAsking)
        connected.write(frame(Ping, Ack, 0, Buffer.alloc(8)));
      wake();
    });
    connected.on("data", (chunk) => {
      if (before === undefined) {
        read(chunk);
        return;
      }
      before = Buffer.concat([before, chunk]);
      if (before.length < preface.length) return;
      const behind = before.subarray(preface.length);
      before = undefined;
      read(behind);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const one of sockets) one.destroy();
    server.close();
  });
  // ":status: 200" is one of the table's own (RFC 7541, appendix A).
  const answer = (stream: number): void =>
    void socket.write(frame(Headers, EndHeaders, stream, Buffer.from([0x88])));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    frames,
    async next(type) {
      for (;;) {
        const at = unseen.findIndex((one) => one.type === type);
        if (at !== -1) return { frame: unseen.splice(at, 1)[0]!, answer };
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
