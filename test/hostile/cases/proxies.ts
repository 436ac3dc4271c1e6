import {
  accepted,
  latin1Bytes,
  type Outcome,
  refused,
  request,
  row,
  type Row,
  type Setup,
} from "../support.ts";
import { concat } from "../../../src/bytes.ts";
import { binaryHeader, field } from "../../support/proxy-header.ts";

/** Section C of the battery: what proxies and balancers say of their clients, and who else says so. */

const trusts: Setup = { serveOptions: { trustProxy: 1 } };
const trustsOthers: Setup = { serveOptions: { trustProxy: ["203.0.113.0/24"] } };
const wantsHeader: Setup = { serveOptions: { proxyProtocol: true }, fresh: 0 };
const wantsHeaderOfOthers: Setup = { serveOptions: { proxyProtocol: ["203.0.113.0/24"] } };

const malformed: readonly (readonly [id: string, name: string, lines: readonly string[]])[] = [
  ["a", "Forwarded without a value", ["Forwarded: for"]],
  ["b", "an address that is none", ["Forwarded: for=192.0.2.256"]],
  ["c", "IPv6 without quotes", ["Forwarded: for=[2001:db8::1]"]],
  ["d", "a quote that is left open", ['Forwarded: for=6.6.6.6;x=", for=192.0.2.1']],
  ["e", "a parameter twice", ["Forwarded: for=192.0.2.1;for=192.0.2.2"]],
  ["f", "X-Forwarded-For with a name", ["X-Forwarded-For: localhost"]],
  ["g", "X-Forwarded-For with nothing in it", ["X-Forwarded-For: ,"]],
  ["h", "another scheme", ["X-Forwarded-Proto: javascript"]],
  ["i", "a host with a path", ["X-Forwarded-Host: a/b"]],
  [
    "j",
    "two headers that contradict each other",
    ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.2"],
  ],
];

const headers: readonly (readonly [id: string, name: string, bytes: Uint8Array])[] = [
  ["a", "of version 1", latin1Bytes("PROXY TCP4 6.6.6.6 192.0.2.1 1 2\r\n")],
  ["b", "of version 2", binaryHeader()],
];

/** The connection is dropped at once. */
const dropped: Outcome = {
  summary: "dropped without a response",
  status: 0,
  headers: {},
  events: ["refused BAD_PROXY_HEADER"],
  replies: [],
  end: "framewire",
};

const wrongHeaders: readonly (readonly [id: string, name: string, bytes: Uint8Array])[] = [
  ["a", "that is missing", request()],
  ["b", "with an address that is none", latin1Bytes("PROXY TCP4 1.2.3 192.0.2.1 1 2\r\n")],
  ["c", "without an end", latin1Bytes(`PROXY UNKNOWN ${"x".repeat(94)}`)],
  ["d", "of another version", binaryHeader({ versionAndCommand: 0x31 })],
  ["e", "with addresses that are cut off", binaryHeader({ addresses: new Uint8Array(11) })],
  ["f", "with a field that is cut off", binaryHeader({ fields: [Uint8Array.of(1, 0, 9)] })],
  ["g", "with a wrong checksum", binaryHeader({ fields: [field(3, new Uint8Array(4))] })],
  ["h", "of 64 KiB", binaryHeader({ size: 65_535 })],
];

export const proxyCases: readonly Row[] = [
  ...malformed.map(([id, name, more]) =>
    row(
      `C-172${id}`,
      `of a trusted proxy: ${name}`,
      request({ more }),
      refused(400, "BAD_FORWARDED"),
      trusts,
    ),
  ),
  ...malformed.map(([id, name, more]) =>
    row(`C-173${id}`, `of a stranger: ${name}`, request({ more }), accepted(), trustsOthers),
  ),
  ...headers.map(([id, name, header]) =>
    row(
      `C-174${id}`,
      `a PROXY header ${name} of a stranger`,
      concat([header, request()]),
      refused(400, "MALFORMED_REQUEST"),
      wantsHeaderOfOthers,
    ),
  ),
  ...wrongHeaders.map(([id, name, header]) =>
    row(`C-175${id}`, `a PROXY header of a balancer ${name}`, header, dropped, wantsHeader),
  ),
];
