import { describe, expect, it } from "vitest";
import { PendingInput } from "../../../src/connection/receive/pending-input.ts";
import { Endpoint } from "../../../src/endpoint/endpoint.ts";
import { text } from "../../support/frames.ts";
import { EventTrace } from "../../support/trace.ts";

const masked = { masked: true };

/** An endpoint that stops after each message, and what it has told. */
function newEndpoint(onText: () => void = () => {}): { endpoint: Endpoint; lines: string[] } {
  const trace = new EventTrace();
  const endpoint: Endpoint = new Endpoint("server", {
    onBinary() {},
    onPing() {},
    onPong() {},
    onFail() {},
    onResume() {},
    onOutput() {},
    onText(data) {
      trace.onText(data);
      endpoint.stop();
      onText();
    },
  });
  return { endpoint, lines: trace.lines };
}

describe("PendingInput", () => {
  it("gives an endpoint what was added, as much as it takes", () => {
    const held = new PendingInput();
    const { endpoint, lines } = newEndpoint();
    expect(held.isEmpty).toBe(true);
    for (const letter of ["a", "b", "c"]) held.add(text(letter, masked), 0);
    held.giveTo(endpoint);
    expect(lines).toEqual(["text a"]);
    expect(held.isEmpty).toBe(false);
    held.add(text("d", masked), 0);
    while (!held.isEmpty) held.giveTo(endpoint);
    expect(lines).toEqual(["text a", "text b", "text c", "text d"]);
  });

  it("holds a copy, and only of what was not taken", () => {
    const held = new PendingInput();
    const { endpoint, lines } = newEndpoint();
    const chunk = Uint8Array.of(1, 2, 3, ...text("kept", masked));
    held.add(chunk, 3);
    chunk.fill(0);
    held.giveTo(endpoint);
    expect(lines).toEqual(["text kept"]);
    held.add(chunk, chunk.length);
    expect(held.isEmpty).toBe(true);
  });

  it("grows with what comes, however much has been taken", () => {
    const held = new PendingInput();
    const { endpoint, lines } = newEndpoint();
    for (let i = 0; i < 100; i++) {
      held.add(text(`${i}`.padEnd(700), masked), 0);
      held.add(text(`${i} again`.padEnd(700), masked), 0);
      held.giveTo(endpoint);
    }
    while (!held.isEmpty) held.giveTo(endpoint);
    expect(lines.map((line) => line.trimEnd())).toEqual(
      Array.from({ length: 100 }, (_, i) => [`text ${i}`, `text ${i} again`]).flat(),
    );
  });

  it("is empty if it was dropped by the bytes that it gave", () => {
    const held = new PendingInput();
    const { endpoint, lines } = newEndpoint(() => {
      held.drop();
    });
    held.add(text("one", masked), 0);
    held.add(text("two", masked), 0);
    held.giveTo(endpoint);
    expect(lines).toEqual(["text one"]);
    expect(held.isEmpty).toBe(true);
  });
});
