import { afterEach, describe, expect, it, vi } from "vitest";
import { listenOptionsOf, urlOf } from "../../../adapters/crossws/port.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("listenOptionsOf()", () => {
  it("uses the given host and port", () => {
    const tls = { cert: "c", key: "k" };
    expect(listenOptionsOf({ port: "81", hostname: "a", reusePort: true, tls })).toEqual({
      port: 81,
      hostname: "a",
      reusePort: true,
      tls,
    });
    expect(listenOptionsOf({ port: 0, tls: { ...tls, passphrase: "p" } })).toMatchObject({
      port: 0,
      tls: { passphrase: "p" },
    });
  });

  it("uses port and host of the environment, and otherwise port 3000 on all addresses", () => {
    vi.stubEnv("PORT", undefined);
    vi.stubEnv("HOST", undefined);
    expect(listenOptionsOf({})).toMatchObject({ port: 3000, hostname: undefined });
    vi.stubEnv("PORT", "82");
    vi.stubEnv("HOST", "b");
    expect(listenOptionsOf({})).toMatchObject({ port: 82, hostname: "b" });
  });

  it("uses TLS only with both certificate and key", () => {
    expect(listenOptionsOf({ port: 0, tls: { cert: undefined, key: "k" } })).not.toHaveProperty(
      "tls",
    );
  });

  it.each(["x", -1, 65_536, NaN])("throws for the port %s", (port) => {
    expect(() => listenOptionsOf({ port })).toThrow(RangeError);
  });
});

describe("urlOf()", () => {
  it("writes the URL of a server", () => {
    expect(urlOf("127.0.0.1", 80, false)).toBe("http://127.0.0.1:80/");
    expect(urlOf("::1", 80, true)).toBe("https://[::1]:80/");
  });
});
