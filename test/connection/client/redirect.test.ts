import { describe, expect, it } from "vitest";
import { follow, nextStep, type RedirectStep } from "../../../src/connection/client/redirect.ts";
import { DialError } from "../../../src/errors.ts";
import type { UpgradedStream } from "../../../src/handshake/upgraded-stream.ts";

const first: RedirectStep = {
  url: "wss://example.org/a/b?x=1",
  headers: [
    ["Authorization", "Bearer 1"],
    ["user-agent", "tests"],
    ["X-Api-Key", "2"],
  ],
  protocols: [],
  host: "inner.example",
  tls: { ca: "authority", cert: "mine", key: "secret", serverName: "inner.example" },
  path: "/run/socket",
};

function redirect(location: string | undefined, status = 302): DialError {
  const headers = location === undefined ? [] : [["location", location] as const];
  return new DialError("BAD_STATUS", { status, headers });
}

describe("nextStep()", () => {
  it.each([301, 302, 303, 307, 308])("follows %d", (status) => {
    expect(nextStep(redirect("/c", status), first)?.url).toBe("wss://example.org/c");
  });

  it.each([
    ["/c?y=2", "wss://example.org/c?y=2"],
    ["c", "wss://example.org/a/c"],
    ["https://example.org/c", "wss://example.org/c"],
    ["wss://example.org/c", "wss://example.org/c"],
    ["https://example.org:443/c#part", "wss://example.org/c"],
    ["//example.org/c", "wss://example.org/c"],
    ["?y=2", "wss://example.org/a/b?y=2"],
  ])("reads %s, and keeps everything for the same origin", (location, url) => {
    expect(nextStep(redirect(location), first)).toEqual({ ...first, url });
  });

  it.each(["https://other.example/c", "wss://example.org:8443/c", "//www.example.org/"])(
    "takes nothing of the caller's to another origin: %s",
    (location) => {
      const step = nextStep(redirect(location), first)!;
      expect(step.headers).toEqual([["user-agent", "tests"]]);
      expect(step).toMatchObject({ host: undefined, path: undefined });
      expect(step.tls).toEqual({ ca: "authority" });
    },
  );

  it("takes of the options of TLS only those that say nothing about the caller", () => {
    const tls = {
      ca: "authority",
      rejectUnauthorized: true,
      ALPNProtocols: ["http/1.1"],
      alpnProtocols: ["http/1.1"],
      pfx: "certificate and key",
      passphrase: "secret",
      secureContext: {},
      servername: "inner.example",
      key: "secret",
    };
    const step = nextStep(redirect("https://other.example/"), { ...first, tls })!;
    expect(step.tls).toEqual({
      ca: "authority",
      rejectUnauthorized: true,
      ALPNProtocols: ["http/1.1"],
      alpnProtocols: ["http/1.1"],
    });
  });

  it("makes no options of TLS if there are none", () => {
    const step = nextStep(redirect("https://other.example/"), { ...first, tls: undefined })!;
    expect(step.tls).toBeUndefined();
  });

  it("uses the default port if none is named", () => {
    for (const [from, to] of [
      ["ws://example.org:80/", "http://example.org/"],
      ["wss://example.org/", "wss://example.org:443/"],
      ["ws://EXAMPLE.org/", "ws://example.org/"],
    ] as const) {
      expect(nextStep(redirect(to), { ...first, url: from })?.headers).toEqual(first.headers);
    }
  });

  it("reads the first of several Locations, however it is written", () => {
    const error = new DialError("BAD_STATUS", {
      status: 302,
      headers: [
        ["X-Other", "/x"],
        ["LOCATION", "/one"],
        ["Location", "/two"],
      ],
    });
    expect(nextStep(error, first)?.url).toBe("wss://example.org/one");
  });

  it.each([
    ["wss://example.org/a", "https://other.example/c"],
    ["wss://example.org/a", "wss://example.org:8443/c"],
    ["ws://example.org/a", "ws://example.org:8080/c"],
    ["ws://example.org/a", "wss://other.example/c"],
  ])("takes subprotocols, which may be tokens, not from %s to %s", (url, location) => {
    expect(nextStep(redirect(location), { ...first, url, protocols: ["chat"] })).toBeUndefined();
  });

  it.each([
    ["wss://example.org/a", "/c"],
    ["ws://example.org/a", "https://example.org/c"],
    ["ws://example.org:8080/a", "wss://example.org:8443/c"],
  ])("takes subprotocols from %s to %s", (url, location) => {
    const step = nextStep(redirect(location), { ...first, url, protocols: ["chat"] });
    expect(step?.protocols).toEqual(["chat"]);
  });

  it("goes from ws to wss, as to another origin", () => {
    const step = nextStep(redirect("https://example.org/"), { ...first, url: "ws://example.org/" });
    expect(step).toMatchObject({ url: "wss://example.org/", host: undefined });
  });

  it.each([
    ["from wss to ws", redirect("http://example.org/")],
    ["to another scheme", redirect("ftp://example.org/")],
    ["to nowhere", redirect(undefined)],
    ["to what is no URL", redirect("http://[")],
    ["where it would have to say who it is", redirect("https://user:secret@example.org/")],
    ["with a name alone", redirect("https://user@other.example/")],
    ["to port 0", redirect("https://example.org:0/")],
    ["for another status", redirect("/c", 304)],
    ["for what is no answer", new Error("reset")],
  ])("does not go %s", (_, error) => {
    expect(nextStep(error, first)).toBeUndefined();
  });
});

describe("follow()", () => {
  /** A server that redirects so many times. */
  function server(times: number): {
    dial: (step: RedirectStep) => Promise<UpgradedStream>;
    urls: string[];
  } {
    const urls: string[] = [];
    return {
      urls,
      dial: ({ url }) => {
        urls.push(url);
        return urls.length <= times
          ? Promise.reject(redirect(`/${urls.length}`))
          : Promise.resolve({} as UpgradedStream);
      },
    };
  }

  it("follows as many as it may, and says where it arrived", async () => {
    const { dial, urls } = server(2);
    const { step } = await follow(dial, first, 2);
    expect(step.url).toBe("wss://example.org/2");
    expect(urls).toEqual([first.url, "wss://example.org/1", "wss://example.org/2"]);
  });

  it.each([0, 1, 5])("gives up after %d, with the last answer", async (most) => {
    const { dial, urls } = server(Infinity);
    await expect(follow(dial, first, most)).rejects.toMatchObject({ status: 302 });
    expect(urls).toHaveLength(most + 1);
  });
});
