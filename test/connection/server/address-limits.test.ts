import { describe, expect, it } from "vitest";
import {
  type AddressOptions,
  resolveAddressLimits,
} from "../../../src/connection/server/address-limits.ts";

const none = {
  maxConnections: Infinity,
  handshakes: undefined,
  messages: undefined,
  ipv6Prefix: 64,
};

describe("resolveAddressLimits()", () => {
  it.each<[AddressOptions]>([
    [{}],
    [{ ipv6Prefix: 48 }],
    [{ maxConnectionsPerAddress: 0, handshakesPerAddress: 0, messagesPerAddress: Infinity }],
  ])("gives nothing if there is no limit: %j", (options) => {
    expect(resolveAddressLimits(options)).toBeUndefined();
  });

  it.each<[AddressOptions, object]>([
    [
      { maxConnectionsPerAddress: 5, ipv6Prefix: 48 },
      { ...none, maxConnections: 5, ipv6Prefix: 48 },
    ],
    [{ handshakesPerAddress: 5 }, { ...none, handshakes: { perSecond: 5, burst: 5 } }],
    [{ handshakesPerAddress: 0.5 }, { ...none, handshakes: { perSecond: 0.5, burst: 1 } }],
    [
      { handshakesPerAddress: { perSecond: 0.5, burst: 9 } },
      { ...none, handshakes: { perSecond: 0.5, burst: 9 } },
    ],
    [{ messagesPerAddress: 5 }, { ...none, messages: { perSecond: 5, burst: 5, excess: "wait" } }],
    [
      { messagesPerAddress: { perSecond: 5, excess: "close" } },
      { ...none, messages: { perSecond: 5, burst: 5, excess: "close" } },
    ],
  ])("fills in defaults: %j", (options, limits) => {
    expect(resolveAddressLimits(options)).toEqual(limits);
  });

  it.each<[AddressOptions, string]>([
    [{ maxConnectionsPerAddress: -1 }, "maxConnectionsPerAddress must be"],
    [{ handshakesPerAddress: -1 }, "handshakesPerAddress must be a number from 0 on: -1"],
    [{ handshakesPerAddress: NaN }, "handshakesPerAddress must be a number from 0 on: NaN"],
    [
      { handshakesPerAddress: { perSecond: 0 } },
      "handshakesPerAddress.perSecond must be a number above 0: 0",
    ],
    [
      { messagesPerAddress: { perSecond: Infinity } },
      "messagesPerAddress.perSecond must be a number above 0: Infinity",
    ],
    [
      { messagesPerAddress: { perSecond: 1, burst: 0.5 } },
      "messagesPerAddress.burst must be a whole number from 1 to",
    ],
    [{ ipv6Prefix: 0 }, "ipv6Prefix must be a whole number from 1 to 128: 0"],
    [{ ipv6Prefix: 129 }, "ipv6Prefix must be a whole number from 1 to 128: 129"],
  ])("refuses what is out of range: %j", (options, message) => {
    let error: unknown;
    try {
      resolveAddressLimits(options);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toContain(message);
  });
});
