import process from "node:process";
import { describe, expect, it } from "vitest";
import { checkUnixPath } from "../../adapters/unix-path.ts";

/** Runs `act` as if on another system. */
function on(platform: string, act: () => void): void {
  const own = Object.getOwnPropertyDescriptor(process, "platform")!;
  Object.defineProperty(process, "platform", { configurable: true, get: () => platform });
  try {
    act();
  } finally {
    Object.defineProperty(process, "platform", own);
  }
}

describe("checkUnixPath()", () => {
  it.each([
    ["linux", 107],
    ["android", 107],
    ["darwin", 103],
    ["freebsd", 103],
  ])("on %s lets %d bytes pass, and refuses one more", (platform, most) => {
    on(platform, () => {
      expect(() => {
        checkUnixPath("x".repeat(most));
      }).not.toThrow();
      expect(() => {
        checkUnixPath("x".repeat(most + 1));
      }).toThrow(
        new RangeError(
          `path of a Unix socket has at most ${most} bytes on ${platform}, and this one has ${most + 1}: ${"x".repeat(most + 1)}`,
        ),
      );
    });
  });

  it("counts bytes, not characters", () => {
    on("linux", () => {
      expect(() => {
        checkUnixPath("ü".repeat(54));
      }).toThrow(/has 108:/);
    });
  });

  it("accepts no path, and the pipes of Windows", () => {
    on("win32", () => {
      checkUnixPath(`\\\\.\\pipe\\${"x".repeat(200)}`);
      checkUnixPath(undefined);
    });
  });
});
