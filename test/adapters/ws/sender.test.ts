import { describe, expect, it } from "vitest";
import { Sender } from "../../../adapters/ws/sender.ts";
import { cipher } from "../../../src/frame/cipher.ts";
import { decodeHeader, newHeader } from "../../../src/frame/header.ts";
import { shapes } from "../../support/ws-shape.ts";

interface Framing {
  Sender: { frame(data: Buffer, options: object): Buffer[] };
}

describe.each(shapes)("Sender.frame() of %s", (_, shape) => {
  const { frame } = (shape as unknown as Framing).Sender;

  it.each([0, 1, 125, 126, 65_535, 65_536])("encodes a server's frame of %i bytes", (length) => {
    const payload = Buffer.alloc(length, 7);
    const list = frame(payload, {
      fin: true,
      opcode: 2,
      mask: false,
      rsv1: false,
      readOnly: false,
    });
    const bytes = Buffer.concat(list);
    const header = newHeader();
    const size = decodeHeader(header, bytes, 0, bytes.length);
    expect(header).toMatchObject({ fin: true, opcode: 2, rsv: 0, masked: false, length });
    expect(bytes.subarray(size).equals(payload)).toBe(true);
  });

  it("sets RSV1, and omits FIN", () => {
    const [head] = frame(Buffer.from("a"), { fin: false, opcode: 1, rsv1: true });
    expect(head![0]).toBe(0x41);
  });

  it("masks a client's frame, and a payload that must stay as it is stays so", () => {
    const payload = Buffer.from("Hello");
    const list = frame(payload, { fin: true, opcode: 1, mask: true, readOnly: true });
    const bytes = Buffer.concat(list);
    const header = newHeader();
    const size = decodeHeader(header, bytes, 0, bytes.length);
    expect(header.masked).toBe(true);
    const body = bytes.subarray(size);
    cipher(body, header.maskKey);
    expect(String(body)).toBe("Hello");
    expect(String(payload)).toBe("Hello");
  });
});

describe("A Sender", () => {
  it("gives frames to its connection", () => {
    const told: unknown[] = [];
    const sender = new Sender({ sendFrames: (frames, callback) => told.push(frames, callback) });
    const list = [Buffer.from("a")];
    const callback = (): void => {};
    sender.sendFrame(list, callback);
    expect(told).toEqual([list, callback]);
  });
});
