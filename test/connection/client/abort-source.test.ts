import { describe, expect, it } from "vitest";
import { AbortSource } from "../../../src/connection/client/abort-source.ts";

describe("AbortSource", () => {
  it("tells those who listen once, with the first reason", () => {
    const stop = new AbortSource();
    const lines: string[] = [];
    const gone = (): void => void lines.push("gone");
    stop.addEventListener("abort", gone);
    stop.addEventListener("abort", () => lines.push(String(stop.reason)));
    stop.removeEventListener("abort", gone);
    expect(stop.aborted).toBe(false);
    stop.abort("first");
    stop.abort("second");
    expect(lines).toEqual(["first"]);
    expect(stop).toMatchObject({ aborted: true, reason: "first" });
  });
});
