import { describe, expect, it } from "vitest";
import { TransportError } from "../../../src/errors.ts";
import { ProxyError, proxyTunnel } from "../../../src/handshake/proxy/proxy-error.ts";
import { runTunnel } from "../../support/tunnel-stream.ts";

describe("ProxyError", () => {
  it("gives the proxy's answer", () => {
    const headers = [["Proxy-Authenticate", "Basic"]] as const;
    const error = new ProxyError("Proxy refused the way: 407", { status: 407, headers });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "ProxyError",
      message: "Proxy refused the way: 407",
      status: 407,
      headers,
    });
  });

  it("has the status 0 if there was no answer", () => {
    expect(new ProxyError("Proxy closed")).toMatchObject({ status: 0, headers: [] });
  });
});

describe("proxyTunnel()", () => {
  it("lets a tunnel do its work", async () => {
    const tunnel = proxyTunnel((stream) => stream.write(Uint8Array.of(1)));
    const { stream, error } = await runTunnel(tunnel, []);
    expect(error).toBeUndefined();
    expect([...stream.written]).toEqual([1]);
  });

  it("turns every failure into a ProxyError, with its cause", async () => {
    const cause = new TransportError("RESET");
    const tunnel = proxyTunnel(async (stream) => {
      await stream.read(new Uint8Array(1));
    });
    const { error } = await runTunnel(tunnel, [], cause);
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: "PROXY_FAILED", cause });
    expect((error as Error).cause).toBe(cause);
  });
});
