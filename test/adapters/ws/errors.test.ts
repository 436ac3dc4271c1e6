import { afterEach, describe, expect, it } from "vitest";
import { errorOf } from "../../../adapters/ws/errors.ts";
import {
  ClosedError,
  LimitError,
  ProtocolError,
  TimeoutError,
  TransportError,
} from "../../../src/errors.ts";
import { cleanUp, ended, pair, shapes } from "../../support/ws-shape.ts";

afterEach(cleanUp);

/** Bytes of a masked frame whose payload is zeros, whatever its length is said to be. */
function frame(first: number, ...rest: number[]): Buffer {
  return Buffer.from([first, ...rest]);
}

const mask = [0, 0, 0, 0];

/** What a server is sent, and what it tells of it; the bytes go behind one another. */
const rows: readonly (readonly [string, Buffer, string, string, number])[] = [
  [
    "a reserved opcode",
    frame(0x83, 0x80, ...mask),
    "WS_ERR_INVALID_OPCODE",
    "Invalid WebSocket frame: invalid opcode 3",
    1002,
  ],
  [
    "a reserved control opcode",
    frame(0x8b, 0x80, ...mask),
    "WS_ERR_INVALID_OPCODE",
    "Invalid WebSocket frame: invalid opcode 11",
    1002,
  ],
  [
    "a continuation of nothing",
    frame(0x80, 0x80, ...mask),
    "WS_ERR_INVALID_OPCODE",
    "Invalid WebSocket frame: invalid opcode 0",
    1002,
  ],
  [
    "a message inside of another",
    frame(0x01, 0x80, ...mask, 0x82, 0x80, ...mask),
    "WS_ERR_INVALID_OPCODE",
    "Invalid WebSocket frame: invalid opcode 2",
    1002,
  ],
  [
    "RSV1 without compression",
    frame(0xc1, 0x80, ...mask),
    "WS_ERR_UNEXPECTED_RSV_1",
    "Invalid WebSocket frame: RSV1 must be clear",
    1002,
  ],
  [
    "RSV2",
    frame(0xa1, 0x80, ...mask),
    "WS_ERR_UNEXPECTED_RSV_2_3",
    "Invalid WebSocket frame: RSV2 and RSV3 must be clear",
    1002,
  ],
  [
    "RSV3",
    frame(0x91, 0x80, ...mask),
    "WS_ERR_UNEXPECTED_RSV_2_3",
    "Invalid WebSocket frame: RSV2 and RSV3 must be clear",
    1002,
  ],
  [
    "a fragmented ping",
    frame(0x09, 0x80, ...mask),
    "WS_ERR_EXPECTED_FIN",
    "Invalid WebSocket frame: FIN must be set",
    1002,
  ],
  [
    "a ping that is too long",
    frame(0x89, 0xfe, 0, 126, ...mask),
    "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    "Invalid WebSocket frame: invalid payload length 126",
    1002,
  ],
  [
    "a frame without a mask",
    frame(0x81, 0x00),
    "WS_ERR_EXPECTED_MASK",
    "Invalid WebSocket frame: MASK must be set",
    1002,
  ],
  [
    "a length beyond 2^53",
    frame(0x82, 0xff, 0, 0x20, 0, 0, 0, 0, 0, 0, ...mask),
    "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
    "Unsupported WebSocket frame: payload length > 2^53 - 1",
    1009,
  ],
  [
    "a message that is too long",
    frame(0x82, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, ...mask),
    "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
    "Max payload size exceeded",
    1009,
  ],
  [
    "text that is no UTF-8",
    frame(0x81, 0x81, ...mask, 0xff),
    "WS_ERR_INVALID_UTF8",
    "Invalid WebSocket frame: invalid UTF-8 sequence",
    1007,
  ],
  [
    "a close frame of one byte",
    frame(0x88, 0x81, ...mask, 3),
    "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    "Invalid WebSocket frame: invalid payload length 1",
    1002,
  ],
  [
    "a close code that is none",
    frame(0x88, 0x82, ...mask, 0, 0),
    "WS_ERR_INVALID_CLOSE_CODE",
    "Invalid WebSocket frame: invalid status code 0",
    1002,
  ],
  [
    "a close code that is never sent",
    frame(0x88, 0x82, ...mask, 3, 237),
    "WS_ERR_INVALID_CLOSE_CODE",
    "Invalid WebSocket frame: invalid status code 1005",
    1002,
  ],
  [
    "a reason that is no UTF-8",
    frame(0x88, 0x83, ...mask, 3, 232, 0xff),
    "WS_ERR_INVALID_UTF8",
    "Invalid WebSocket frame: invalid UTF-8 sequence",
    1007,
  ],
];

describe.each(shapes)("A WebSocket of %s", (_, shape) => {
  it.each(rows)(
    "reports %s by code and message, and closes",
    async (_name, bytes, code, text, status) => {
      const { client, peer } = await pair(shape, {}, { perMessageDeflate: false });
      const told: [string, unknown, number][] = [];
      peer.on("error", (error) =>
        told.push([error.message, (error as { code?: string }).code, peer.readyState]),
      );
      const both = Promise.all([ended(client), ended(peer)]);
      (client as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(bytes);
      expect(await both).toEqual([
        [status, ""],
        [1006, ""],
      ]);
      expect(told).toEqual([[text, code, 2]]);
    },
  );

  it("reports a masked frame to a client", async () => {
    const { client, peer } = await pair(shape);
    const told: unknown[] = [];
    client.on("error", ({ message, code }: Error & { code?: string }) =>
      told.push([message, code]),
    );
    const over = ended(client);
    (peer as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
      frame(0x81, 0x80, ...mask),
    );
    await over;
    expect(told).toEqual([
      ["Invalid WebSocket frame: MASK must be clear", "WS_ERR_UNEXPECTED_MASK"],
    ]);
  });

  it("closes with 1006 and no error if the network resets the connection, or ends it without a close frame", async () => {
    for (const how of ["resetAndDestroy", "destroy", "end"] as const) {
      const { client, peer } = await pair(shape);
      const told: unknown[] = [];
      peer.on("error", (error) => told.push(error));
      client.on("error", (error) => told.push(error));
      const both = Promise.all([ended(client), ended(peer)]);
      (client as unknown as { _socket: Record<string, () => void> })._socket[how]!();
      expect(await both).toEqual([
        [1006, ""],
        [1006, ""],
      ]);
      expect(told).toEqual([]);
    }
  });
});

describe("errorOf()", () => {
  it.each([
    ["the network", new TransportError("RESET")],
    ["a deadline", new TimeoutError("CLOSE_TIMEOUT", 1)],
    ["the end", new ClosedError({ status: 1006, reason: "", clean: false, initiator: "peer" })],
  ])("gives nothing for %s", (_, error) => {
    expect(errorOf(error)).toBeUndefined();
  });

  it("gives what the core has said as the cause", () => {
    const error = new ProtocolError("MASK_REQUIRED");
    expect(errorOf(error)?.cause).toBe(error);
    const limit = new LimitError("TOO_MANY_FRAGMENTS", 1, 2);
    expect(errorOf(limit)).toMatchObject({
      name: "RangeError",
      message: "Too many message fragments",
      code: "WS_ERR_TOO_MANY_BUFFERED_PARTS",
      cause: limit,
    });
  });

  it("gives zlib's own error if there is one", () => {
    const cause = Object.assign(new Error("invalid distance"), { code: "Z_DATA_ERROR" });
    expect(errorOf(new ProtocolError("INVALID_DEFLATE", { cause }))).toBe(cause);
    expect(errorOf(new ProtocolError("INVALID_DEFLATE"))).toMatchObject({ code: "Z_DATA_ERROR" });
  });
});
