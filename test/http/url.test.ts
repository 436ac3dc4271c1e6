import { expect, it } from "vitest";
import { parsedUrl } from "../../src/http/url.ts";

it("parsedUrl() parses URLs, and gives nothing for other texts", () => {
  expect(parsedUrl("ws://a.example:1/b?c")!.href).toBe("ws://a.example:1/b?c");
  expect(["", "a", "ws://", "ws://a b/", "ws://a:99999/"].map(parsedUrl)).toEqual(
    Array.from({ length: 5 }),
  );
});

it("parsedUrl() accepts letters outside ASCII, however often it was called", () => {
  let refused = 0;
  // Enough for every runtime to compile it.
  for (let i = 0; i < 30_000; i++) {
    if (parsedUrl("ws://b\u00FCcher.example/\u00FC?\u00FC b") === undefined) refused++;
  }
  expect(refused).toBe(0);
});
