import { describe, expect, it } from "vitest";
import { Traffic } from "../../src/endpoint/traffic.ts";
import { newHeader } from "../../src/frame/header.ts";

describe("Traffic", () => {
  it("counts frames and messages, and reports each frame", () => {
    const opcodes: number[] = [];
    const traffic = new Traffic(({ opcode }) => opcodes.push(opcode));
    const header = newHeader();
    for (const opcode of [1, 0, 9]) traffic.addFrame(Object.assign(header, { opcode }));
    traffic.addMessage(10);
    traffic.addMessage(0);
    expect(opcodes).toEqual([1, 0, 9]);
    expect({ ...traffic }).toEqual({ messages: 2, payload: 10, frames: 3, bytes: 0 });
  });

  it("counts even if there is no tracer", () => {
    const traffic = new Traffic();
    traffic.addFrame(newHeader());
    expect(traffic.frames).toBe(1);
  });
});
