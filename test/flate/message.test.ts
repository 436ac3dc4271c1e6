import { describe, expect, it } from "vitest";
import { isCompressed, MessageState, setBit, unsetBit } from "../../src/flate/message.ts";
import { newHeader } from "../../src/frame/header.ts";
import {
  OpBinary,
  OpClose,
  OpContinuation,
  type Opcode,
  OpPing,
  OpPong,
  OpText,
} from "../../src/frame/opcode.ts";

const first: Opcode[] = [OpText, OpBinary];
const others: Opcode[] = [OpContinuation, OpPing, OpPong, OpClose];

function header(opcode: Opcode, rsv = 0) {
  return { ...newHeader(opcode), rsv };
}

const unexpected = expect.objectContaining({ code: "RSV1_UNEXPECTED", status: 1002 });

describe.each(first)("RSV1 on a first frame with opcode %i", (opcode) => {
  it("is set, read and cleared, and other bits stay", () => {
    const frame = header(opcode, 3);
    expect(isCompressed(frame)).toBe(false);
    setBit(frame);
    expect([frame.rsv, isCompressed(frame)]).toEqual([7, true]);
    expect([unsetBit(frame), frame.rsv]).toEqual([true, 3]);
    expect([unsetBit(frame), frame.rsv]).toEqual([false, 3]);
  });

  it("is not set twice", () => {
    expect(() => {
      setBit(header(opcode, 4));
    }).toThrow(unexpected);
  });
});

describe.each(others)("RSV1 on a frame with opcode %i", (opcode) => {
  it("is refused, and not set", () => {
    for (const act of [isCompressed, unsetBit])
      expect(() => act(header(opcode, 4))).toThrow(unexpected);
    expect(() => {
      setBit(header(opcode));
    }).toThrow(unexpected);
    expect([isCompressed(header(opcode)), unsetBit(header(opcode))]).toEqual([false, false]);
  });
});

describe("MessageState", () => {
  it("begins with messages that are not compressed", () => {
    const state = new MessageState();
    const frame = header(OpText);
    state.setBits(frame);
    expect([state.isCompressed, frame.rsv]).toEqual([false, 0]);
  });

  it("remembers what the first frame said, over control frames and continuations", () => {
    const state = new MessageState();
    const frame = header(OpText, 4);
    state.unsetBits(frame);
    expect([frame.rsv, state.isCompressed]).toEqual([0, true]);
    for (const opcode of others) {
      state.unsetBits(header(opcode));
      expect(state.isCompressed).toBe(true);
    }
    state.unsetBits(header(OpBinary));
    expect(state.isCompressed).toBe(false);
  });

  it.each(others)("refuses the bit on a frame with opcode %i", (opcode) => {
    expect(() => {
      new MessageState().unsetBits(header(opcode, 4));
    }).toThrow(unexpected);
    expect(() => {
      new MessageState().setBits(header(opcode, 4));
    }).toThrow(unexpected);
  });

  it("sets the bit of the first frame if told to", () => {
    const state = new MessageState();
    const frames = [OpText, OpContinuation, OpPing, OpBinary].map((opcode) => header(opcode));
    state.setCompressed(true);
    for (const frame of frames) state.setBits(frame);
    expect(frames.map(({ rsv }) => rsv)).toEqual([4, 0, 0, 4]);
    state.setCompressed(false);
    const plain = header(OpText);
    state.setBits(plain);
    expect(plain.rsv).toBe(0);
  });

  it.each([true, false])("refuses a bit that is set already, compressed or not: %s", (is) => {
    const state = new MessageState();
    state.setCompressed(is);
    expect(() => {
      state.setBits(header(OpText, 4));
    }).toThrow(unexpected);
  });
});
