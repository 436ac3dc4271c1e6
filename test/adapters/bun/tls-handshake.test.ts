import { describe, expect, it } from "vitest";
import {
  HandshakeOwner,
  isTrustedClient,
  serverError,
} from "../../../adapters/bun/tls-handshake.ts";
import type { BunTransport } from "../../../adapters/bun/transport.ts";

/** The owner of a socket in its handshake, which writes down what it does. */
function newOwner(): { owner: HandshakeOwner; lines: string[] } {
  const lines: string[] = [];
  const owner = new HandshakeOwner(
    () => lines.push("drop"),
    (error) => lines.push(`close ${error?.message ?? ""}`.trimEnd()),
  );
  return { owner, lines };
}

/** A transport that writes down what it is told. */
function newTransport(lines: string[]): BunTransport {
  return {
    handler: { onData: (chunk: Uint8Array) => lines.push(`onData ${chunk.length}`) },
    peerEnd: () => lines.push("peerEnd"),
  } as unknown as BunTransport;
}

describe("HandshakeOwner", () => {
  it("keeps bytes that come before the handshake is reported, and passes them on in their order", () => {
    const { owner, lines } = newOwner();
    owner.handler.onData(new Uint8Array(3));
    owner.handler.onData(new Uint8Array(5));
    owner.peerEnd();
    owner.drain();
    expect(lines).toEqual([]);
    owner.passOn(newTransport(lines));
    expect(lines).toEqual(["onData 3", "onData 5", "peerEnd"]);
  });

  it("gives each chunk to the handler that the transport has at that time", () => {
    const { owner, lines } = newOwner();
    owner.handler.onData(new Uint8Array(1));
    owner.handler.onData(new Uint8Array(2));
    const transport = newTransport(lines);
    const link = transport.handler;
    transport.handler = {
      ...link,
      onData(chunk) {
        lines.push(`opening ${chunk.length}`);
        transport.handler = link;
      },
    };
    owner.passOn(transport);
    expect(lines).toEqual(["opening 1", "onData 2"]);
  });

  it("passes nothing on if nothing came", () => {
    const { owner, lines } = newOwner();
    owner.passOn(newTransport(lines));
    expect(lines).toEqual([]);
  });

  it("drops a peer that sends on and on before its handshake is known to be done", () => {
    const { owner, lines } = newOwner();
    for (let i = 0; i < 16; i++) owner.handler.onData(new Uint8Array(65_536));
    expect(lines).toEqual([]);
    owner.handler.onData(new Uint8Array(1));
    expect(lines).toEqual(["drop"]);
  });

  it("tells the end of its socket", () => {
    const { owner, lines } = newOwner();
    owner.close(undefined);
    owner.close(new Error("reset"));
    expect(lines).toEqual(["close", "close reset"]);
  });
});

const shown = { raw: new Uint8Array(1), subject: {}, subjectaltname: "DNS:example.org" };
const showing = { getPeerCertificate: () => shown };
const bare = { getPeerCertificate: () => ({}) };

describe("serverError()", () => {
  it("finds nothing wrong with a certificate that is trusted and for the name", () => {
    expect(serverError(showing, true, null, {}, "example.org")).toBeUndefined();
  });

  it("believes the error, whatever the flag of success says", () => {
    const error = new Error("unable to verify the first certificate");
    expect(serverError(showing, true, error, {}, "example.org")).toBe(error);
    expect(serverError(showing, false, error, {}, "example.org")).toBe(error);
  });

  it("checks the name, whatever the flag of success says", () => {
    expect(serverError(showing, true, null, {}, "example.com")).toMatchObject({
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });

  it("refuses a certificate that it cannot see, and a failure without an error", () => {
    expect(serverError(bare, true, null, {}, "example.org")?.message).toMatch(/cannot be checked/);
    expect(serverError(showing, false, null, {}, "example.org")?.message).toBe(
      "TLS handshake failed",
    );
  });
});

describe("isTrustedClient()", () => {
  it("says yes to a client that was asked, has shown a certificate, and caused no error", () => {
    expect(isTrustedClient(showing, null, true)).toBe(true);
    expect(isTrustedClient(showing, null, false)).toBe(false);
    expect(isTrustedClient(showing, new Error("expired"), true)).toBe(false);
    expect(isTrustedClient(bare, null, true)).toBe(false);
  });
});
