import { describe, expect, it } from "vitest";
import { CallSite } from "../src/call-site.ts";

function calledFromHere(): CallSite {
  return new CallSite();
}

/** Makes an error as a socket does: in a turn that nobody's call led to. */
function laterError(): Promise<Error> {
  return new Promise((resolve) => {
    setTimeout(() => {
      resolve(new Error("Later"));
    });
  });
}

describe("CallSite", () => {
  it("appends the caller's lines to those of an error", async () => {
    const site = calledFromHere();
    const error = await laterError();
    const own = error.stack;
    expect(own).not.toContain("calledFromHere");
    site.addTo(error);
    expect(error.stack!.startsWith(own!)).toBe(true);
    expect(error.stack).toContain("calledFromHere");
  });

  it("adds ten lines at the most", () => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 100;
    try {
      const deep = (depth: number): CallSite => (depth === 0 ? new CallSite() : deep(depth - 1));
      const error = new Error("Short");
      error.stack = "Error: Short";
      deep(50).addTo(error);
      expect(error.stack.split("\n")).toHaveLength(11);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  });

  it("leaves an error as it is if its stack cannot be written, or if it has none", async () => {
    const site = calledFromHere();
    const sealed = await laterError();
    Object.defineProperty(sealed, "stack", { value: "Error: Sealed", writable: false });
    site.addTo(sealed);
    expect(sealed.stack).toBe("Error: Sealed");
    const without = await laterError();
    Object.defineProperty(without, "stack", { value: undefined, writable: true });
    site.addTo(without);
    expect(without.stack).toBeUndefined();
  });

  it("adds nothing if the runtime keeps no stacks", () => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const site = new CallSite();
    Error.stackTraceLimit = stackTraceLimit;
    const error = new Error("Alone");
    const { stack } = error;
    site.addTo(error);
    expect(error.stack).toBe(stack);
  });
});
