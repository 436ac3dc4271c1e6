import { X509Certificate } from "node:crypto";
import process from "node:process";
import type { PeerCertificate } from "node:tls";
import { describe, expect, it } from "vitest";
import {
  demandsTrust,
  identityError,
  nameError,
  peerName,
  sniOf,
} from "../../adapters/peer-identity.ts";
import { certificate } from "../support/certificate.ts";

describe("peerName()", () => {
  it.each([
    [{}, "example.org", "example.org"],
    [{}, "example.org.", "example.org"],
    [{ serverName: "other.test" }, "example.org", "other.test"],
    [{ serverName: "other.test." }, "example.org", "other.test"],
    [{ serverName: "192.0.2.1" }, "example.org", "192.0.2.1"],
  ])("takes of %o and %s the name %s, without the root's dot", (tls, hostname, name) => {
    expect(peerName(tls, hostname)).toBe(name);
  });
});

describe("sniOf()", () => {
  it.each([
    ["example.org", "example.org"],
    ["192.0.2.1", undefined],
    ["::1", undefined],
    ["fe80::1%eth0", undefined],
  ])("gives for %s the name %s", (name, sni) => {
    expect(sniOf(name)).toBe(sni);
  });
});

describe("demandsTrust()", () => {
  it("follows rejectUnauthorized, and Node's variable if that is not given", () => {
    const name = "NODE_TLS_REJECT_UNAUTHORIZED";
    const before = process.env[name];
    try {
      Reflect.deleteProperty(process.env, name);
      expect(demandsTrust({})).toBe(true);
      expect(demandsTrust({ rejectUnauthorized: undefined })).toBe(true);
      expect(demandsTrust({ rejectUnauthorized: false })).toBe(false);
      process.env[name] = "0";
      expect(demandsTrust({})).toBe(false);
      expect(demandsTrust({ rejectUnauthorized: true })).toBe(true);
    } finally {
      if (before === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before;
    }
  });
});

describe("nameError()", () => {
  const shown = new X509Certificate(certificate).toLegacyObject() as PeerCertificate;
  const wrong = new Error("not in the list");
  const refusing = (): Error => wrong;

  it.each(["::1", "0:0:0:0:0:0:0:1", "::0.0.0.1"])(
    "accepts %s by the certificate itself, although the runtime refuses it",
    (address) => {
      expect(nameError(address, shown, refusing)).toBeUndefined();
    },
  );

  it.each(["::2", "2001:db8::1", "::1%lo", "::ffff:127.0.0.1"])(
    "refuses %s, which the certificate is not for",
    (address) => {
      expect(nameError(address, shown, refusing)).toBe(wrong);
    },
  );

  it.each(["localhost", "127.0.0.1", "[::1]"])("leaves %s to the runtime", (name) => {
    expect(nameError(name, shown, refusing)).toBe(wrong);
    expect(nameError(name, shown, () => undefined)).toBeUndefined();
  });
});

/** A certificate as runtimes show it. */
const shown = {
  raw: new Uint8Array(1),
  subject: { CN: "example.org" },
  subjectaltname: "DNS:example.org, DNS:*.wild.test, IP Address:192.0.2.1",
};

describe("identityError()", () => {
  const itself = new X509Certificate(certificate).toLegacyObject() as object;

  it("finds nothing wrong with an IPv6 address that the certificate is for", () => {
    expect(identityError({}, "::1", itself)).toBeUndefined();
    expect(identityError({}, "::2", itself)).toMatchObject({
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });

  it.each(["example.org", "chat.wild.test", "192.0.2.1"])("finds nothing wrong with %s", (name) => {
    expect(identityError({}, name, shown)).toBeUndefined();
  });

  it.each(["example.com", "wild.test", "a.b.wild.test", "192.0.2.2"])(
    "says that the certificate is not for %s",
    (name) => {
      expect(identityError({}, name, shown)).toMatchObject({
        code: "ERR_TLS_CERT_ALTNAME_INVALID",
      });
    },
  );

  it.each([undefined, null, {}])("refuses a certificate that is not shown (%o)", (none) => {
    expect(identityError({}, "example.org", none)?.message).toMatch(
      /cannot be checked: this runtime does not show it\. Bun 1\.4\.5 or later does$/,
    );
  });

  it("asks the application's own check if there is one", () => {
    const error = new Error("pinned");
    const own = (name: string, certificate: unknown): Error | undefined =>
      name === "example.com" && certificate === shown ? undefined : error;
    expect(identityError({ checkServerIdentity: own }, "example.com", shown)).toBeUndefined();
    expect(identityError({ checkServerIdentity: own }, "example.org", shown)).toBe(error);
  });
});
