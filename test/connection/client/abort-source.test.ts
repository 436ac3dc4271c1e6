import { describe, expect, it } from "vitest";
import { AbortSource } from "../../../src/connection/client/abort-source.ts";

describe("AbortSource", () => {
  it("calls its listeners once, with the first reason", () => {
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

  it("follows another signal until that is enough", () => {
    const other = new AbortSource();
    const [following, released, late] = [new AbortSource(), new AbortSource(), new AbortSource()];
    const unfollow = following.follow(other);
    released.follow(other)();
    new AbortSource().follow(undefined)();
    other.abort("enough");
    unfollow();
    late.follow(other);
    expect([following.reason, released.aborted, late.reason]).toEqual(["enough", false, "enough"]);
  });

  it("races work: gives its outcome, or the reason as soon as it is aborted", async () => {
    const stop = new AbortSource();
    expect(await stop.race(Promise.resolve(1))).toBe(1);
    await expect(stop.race(Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    const waiting = stop.race(new Promise(() => {}));
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(stop.race(Promise.resolve(2))).rejects.toThrow("enough");
    await expect(stop.race(Promise.reject(new Error("late")))).rejects.toThrow("enough");
  });

  it("throws its reason when it is checked", () => {
    const stop = new AbortSource();
    stop.check();
    stop.abort(new Error("enough"));
    expect(() => {
      stop.check();
    }).toThrow("enough");
  });
});
