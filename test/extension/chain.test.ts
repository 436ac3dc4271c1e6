import { describe, expect, it } from "vitest";
import { finish, recvChain, sendChain } from "../../src/extension/chain.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import { newHeader } from "../../src/frame/header.ts";
import { OpContinuation, OpText } from "../../src/frame/opcode.ts";
import { counted } from "../support/frames.ts";
import { openSessions, ShiftExtension, shifted } from "../support/shift-extension.ts";

const message = { opcode: OpText, size: 4, compress: true, cache: undefined };

describe("the chain of a connection's extensions", () => {
  it("is undefined if they do nothing", () => {
    expect(recvChain([{}])).toBeUndefined();
    expect(sendChain([])).toBeUndefined();
    expect(recvChain([{ send: { setBits: () => {} } }])).toBeUndefined();
    expect(sendChain([{ recv: { unsetBits: () => {} } }])).toBeUndefined();
  });

  it("takes what is sent through the first one first, and what is received through the last one first", () => {
    const seen: string[] = [];
    const sessions = ["a", "b"].map((name) => ({
      send: {
        setBits: () => seen.push(`set ${name}`),
        beginMessage: () => {
          seen.push(`send ${name}`);
          return undefined;
        },
      },
      recv: {
        unsetBits: () => seen.push(`unset ${name}`),
        beginMessage: () => {
          seen.push(`receive ${name}`);
          return undefined;
        },
      },
    }));
    sendChain(sessions)!.beginMessage(message);
    sendChain(sessions)!.setBits(newHeader());
    recvChain(sessions)!.unsetBits(newHeader());
    recvChain(sessions)!.beginMessage();
    expect(seen).toEqual([
      "send a",
      "send b",
      "set a",
      "set b",
      "unset b",
      "unset a",
      "receive b",
      "receive a",
    ]);
  });

  it("undoes on one side what it did on the other, with both bits set in between", () => {
    const extensions = [
      new ShiftExtension({ by: 3, rsv: 4 }),
      new ShiftExtension({ by: 5, rsv: 1 }),
    ];
    const sending = sendChain(openSessions(...extensions))!;
    const sent = new BoundedBuffer();
    sending.beginMessage(message)!.write(counted(4), 0, 4, true, sent);
    const header = newHeader(OpText, sent.size);
    sending.setBits(header);
    expect(header.rsv).toBe(5);
    const wire = sent.take();
    expect(wire).toEqual(shifted(counted(4), 8));

    const receiving = recvChain(openSessions(...extensions))!;
    receiving.unsetBits(header);
    expect(header.rsv).toBe(0);
    const received = new BoundedBuffer();
    receiving.beginMessage()!.write(wire, 0, wire.length, true, received);
    expect(received.take()).toEqual(counted(4));
  });

  it("leaves a message as it is if no extension wants it", () => {
    const sending = sendChain(openSessions(new ShiftExtension()))!;
    expect(sending.beginMessage({ ...message, compress: false })).toBeUndefined();
  });

  it("asks only extensions that do something", () => {
    const header = newHeader(OpText);
    recvChain([{ recv: { unsetBits: () => {} } }])!.unsetBits(header);
    expect(recvChain([{ recv: { unsetBits: () => {} } }])!.beginMessage()).toBeUndefined();
    expect(sendChain([{ send: { setBits: () => {} } }])!.beginMessage(message)).toBeUndefined();
  });

  it.each([
    ["a first frame", OpText],
    ["a continuation", OpContinuation],
  ])("refuses a bit that none of them knows, on %s", (_, opcode) => {
    const header = newHeader(opcode);
    header.rsv = 4;
    const receiving = recvChain(openSessions(new ShiftExtension({ rsv: 2 })))!;
    expect(() => {
      receiving.unsetBits(header);
    }).toThrow(expect.objectContaining({ code: "RSV_NOT_ZERO" }));
  });
});

describe("finish()", () => {
  it("makes no promise if all is done", () => {
    const extension = new ShiftExtension();
    const transform = sendChain(openSessions(extension))!.beginMessage(message)!;
    expect(finish(transform, true, new BoundedBuffer())).toBeUndefined();
  });

  it("goes on slice by slice, each in a turn of its own", async () => {
    const extension = new ShiftExtension({ slice: 2 });
    const transform = sendChain(openSessions(extension))!.beginMessage(message)!;
    const into = new BoundedBuffer();
    const done = finish(transform, transform.write(counted(6), 0, 6, true, into), into);
    const sizes: number[] = [];
    while (extension.waiting.length > 0) {
      sizes.push(into.size);
      extension.next();
      await Promise.resolve();
      await Promise.resolve();
    }
    await done;
    expect(sizes).toEqual([2, 4]);
    expect(into.take()).toEqual(shifted(counted(6), 1));
  });
});
