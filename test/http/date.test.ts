import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { httpDate, httpDateLine } from "../../src/http/date.ts";

describe("httpDate()", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("gives the date as RFC 9110, 5.6.7 has it", () => {
    vi.setSystemTime(Date.UTC(1994, 10, 6, 8, 49, 37, 999));
    expect(httpDate()).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  });

  it("is in a line of its own by httpDateLine()", () => {
    vi.setSystemTime(Date.UTC(1994, 10, 6, 8, 49, 37));
    expect(httpDateLine()).toBe("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    vi.setSystemTime(Date.UTC(1994, 10, 6, 8, 49, 38));
    expect(httpDateLine()).toBe("Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
  });

  it("follows the time, and is made once a second", () => {
    const made = vi.spyOn(Date.prototype, "toUTCString");
    vi.setSystemTime(Date.UTC(2031, 0, 1));
    const first = httpDate();
    vi.setSystemTime(Date.UTC(2031, 0, 1, 0, 0, 0, 999));
    expect(httpDate()).toBe(first);
    vi.setSystemTime(Date.UTC(2031, 0, 1, 0, 0, 1));
    expect(httpDate()).toBe("Wed, 01 Jan 2031 00:00:01 GMT");
    expect(made).toHaveBeenCalledTimes(2);
    made.mockRestore();
  });
});
