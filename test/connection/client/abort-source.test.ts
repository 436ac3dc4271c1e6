import { describe, expect, it } from "vitest";
import { Stop } from "../../../src/connection/client/abort-source.ts";

describe("Stop", () => {
  it("tells those who listen once, with the first reason", () => {
    const stop = new Stop();
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
