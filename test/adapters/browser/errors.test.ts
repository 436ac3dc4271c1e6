import { describe, expect, it } from "vitest";
import * as browser from "../../../adapters/browser/errors.ts";
import * as core from "../../../src/errors.ts";

describe("the errors of framewire/browser", () => {
  it.each([
    [new browser.LimitError(5, 7), new core.LimitError("TOO_MUCH_BUFFERED", 5, 7)],
    [new browser.TimeoutError("DIAL_TIMEOUT", 7), new core.TimeoutError("DIAL_TIMEOUT", 7)],
    [new browser.TransportError("FAILED"), new core.TransportError("FAILED")],
  ])("have the name, the code and the numbers of all others: %s", (error, like) => {
    expect(error).toBeInstanceOf(Error);
    const { name, code, limit, actual } = like as Partial<core.LimitError>;
    expect(error).toMatchObject(
      JSON.parse(JSON.stringify({ name, code, limit, actual })) as object,
    );
  });
});
