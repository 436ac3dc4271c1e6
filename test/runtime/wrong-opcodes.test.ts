import { describe, expect, it } from "vitest";
import * as frame from "../../src/frame/index.ts";
import * as stream from "../../src/stream/index.ts";
import { runtime } from "../support/runtime.ts";
import { failure, TestStream } from "../support/streams.ts";

/*
 * What plain JavaScript may give where an opcode or a side belongs: a name of it, or one in the place of the other. As bits such
 * a value would be another opcode, or no side at all: a client's frames would leave unmasked.
 */

const { OpBinary, OpClose, OpContinuation, OpPing, OpText, StateServerSide } = frame;
const bytes = Uint8Array.of(1);
const source = new stream.BytesReader(new Uint8Array(0));

interface Call {
  readonly call: string;
  act(dest: TestStream, value: never): unknown;
}

const opcodes: readonly Call[] = [
  { call: "writeMessage()", act: (d, op) => stream.writeMessage(d, StateServerSide, op, bytes) },
  { call: "new Writer()", act: (dest, opcode) => new stream.Writer(dest, StateServerSide, opcode) },
  {
    call: "Writer.reset()",
    act: (dest, opcode) => {
      new stream.Writer(dest, StateServerSide, OpText).reset(dest, StateServerSide, opcode);
    },
  },
  {
    call: "Writer.resetOp()",
    act: (dest, opcode) => {
      new stream.Writer(dest, StateServerSide, OpText).resetOp(opcode);
    },
  },
  {
    call: "new ControlWriter()",
    act: (dest, opcode) => new stream.ControlWriter(dest, StateServerSide, opcode),
  },
  { call: "newFrame()", act: (_, opcode) => frame.newFrame(opcode, true, bytes) },
];

const states: readonly Call[] = [
  { call: "writeMessage()", act: (dest, s) => stream.writeMessage(dest, s, OpText, bytes) },
  { call: "new Writer()", act: (dest, state) => new stream.Writer(dest, state, OpText) },
  {
    call: "Writer.reset()",
    act: (dest, state) => {
      new stream.Writer(dest, StateServerSide, OpText).reset(dest, state, OpText);
    },
  },
  { call: "new Reader()", act: (_, state) => new stream.Reader(source, state) },
  { call: "readMessage()", act: (_, state) => stream.readMessage(source, state) },
  { call: "new ControlWriter()", act: (d, state) => new stream.ControlWriter(d, state, OpPing) },
  {
    call: "new ControlHandler()",
    act: (dst, state) => new stream.ControlHandler({ src: source, dst, state }),
  },
];

const texts: readonly unknown[] = ["text", "server", undefined, null, [1], {}];

describe(`an opcode on ${runtime}`, () => {
  it.each(opcodes)("is a number of four bits: $call", async ({ act }) => {
    const dest = new TestStream();
    for (const value of texts) {
      const error = await failure(() => act(dest, value as never));
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(/^opcode must be a number: /);
    }
    for (const value of [-1, 16, 0x1f, 1000, 0.5, NaN]) {
      const error = await failure(() => act(dest, value as never));
      expect(error).toEqual(new RangeError(`opcode must be from 0 to 15: ${value}`));
    }
    expect(dest.writes).toEqual([]);
  });

  it("of a Writer is one of a data frame, of a ControlWriter one of a control frame", () => {
    const dest = new TestStream();
    for (const opcode of [OpContinuation, OpText, OpBinary, 0x3]) {
      expect(new stream.Writer(dest, StateServerSide, opcode).buffered).toBe(0);
      expect(() => new stream.ControlWriter(dest, StateServerSide, opcode)).toThrow(
        new TypeError(`opcode must be a control frame's: ${opcode}. Use a Writer`),
      );
    }
    for (const opcode of [OpClose, OpPing, 0xb]) {
      expect(new stream.ControlWriter(dest, StateServerSide, opcode).buffered).toBe(0);
      expect(() => new stream.Writer(dest, StateServerSide, opcode)).toThrow(
        new TypeError(`opcode must be a data frame's: ${opcode}. Use a ControlWriter`),
      );
    }
  });
});

describe(`a state on ${runtime}`, () => {
  it.each(states)("is a number of the bits that there are: $call", async ({ act }) => {
    const dest = new TestStream();
    for (const value of texts) {
      const error = await failure(() => act(dest, value as never));
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(/^state must be a number: /);
    }
    for (const value of [-1, 16, 1000, 0.5, NaN]) {
      const error = await failure(() => act(dest, value as never));
      expect(error).toEqual(new RangeError(`state must be from 0 to 15: ${value}`));
    }
    expect(dest.writes).toEqual([]);
  });
});
