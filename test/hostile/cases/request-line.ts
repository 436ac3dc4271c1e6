import { concat } from "../../../src/bytes.ts";
import {
  accepted,
  bytesFrom,
  type Row,
  hex,
  latin1Bytes,
  refused,
  request,
  row,
  type Setup,
  text,
  unfinished,
} from "../support.ts";

/** Section A of the battery: the request line. */

/** Tells in the response what routing would see. */
const showTarget: Setup = {
  handlers: () => ({
    upgrade: ({ target, path }) => ({
      headers: [
        ["X-Target", target],
        ["X-Path", path],
      ],
    }),
  }),
};

const malformed = refused(400, "MALFORMED_REQUEST");
const tooLong = refused(414, "REJECTED TARGET_TOO_LONG");
const notHttp11 = refused(505, "BAD_PROTOCOL");

/** A request that is decent but for its first line. */
function line(firstLine: string, host = "localhost"): Uint8Array {
  return request({ line: firstLine, headers: { Host: host } });
}

const methods: Row[] = [
  ...["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "GETS", "G"].map((method) =>
    row(
      `A-1 ${method}`,
      "another method",
      line(`${method} / HTTP/1.1`),
      refused(405, "BAD_METHOD", { allow: "GET" }),
    ),
  ),
  ...["get", "Get", "gET"].map((method) =>
    row(
      `A-2 ${method}`,
      "the method in other letters",
      line(`${method} / HTTP/1.1`),
      refused(405, "BAD_METHOD", { allow: "GET" }),
    ),
  ),
];

const versions: Row[] = [
  row("A-3a", "HTTP/1.0", line("GET / HTTP/1.0"), notHttp11),
  row("A-3b", "HTTP/0.9 that says so", line("GET / HTTP/0.9"), notHttp11),
  row("A-4a", "HTTP/1.2", line("GET / HTTP/1.2"), accepted()),
  row("A-4b", "HTTP/1.9", line("GET / HTTP/1.9"), accepted()),
  row("A-5a", "HTTP/2.0 as text", line("GET / HTTP/2.0"), notHttp11),
  row("A-5b", "HTTP/2.1 as text", line("GET / HTTP/2.1"), notHttp11),
  row("A-5c", "HTTP/3.0 as text", line("GET / HTTP/3.0"), notHttp11),
  row("A-5d", "the preface of HTTP/2", latin1Bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), notHttp11),
  row("A-6a", "no version", line("GET /"), malformed),
  row("A-6b", "a blank instead of a version", line("GET / "), malformed),
  row("A-6c", "no target either", line("GET"), malformed),
  ...[
    "HTTP/1.:",
    "HTTP/1./",
    "HTTP/1.",
    "HTTP/1",
    "HTTP/.1",
    "HTTP/01.1",
    "HTTP/1.10",
    "HTTP/11.1",
    "HTTP/1,1",
    "HTTP/1.1a",
    "HTTP/1.1 ",
    "HTTP /1.1",
    "HTTP/+1.1",
    "http/1.1",
    "Http/1.1",
    "HTTPS/1.1",
    "ICY/1.1",
    "HTTP/\xb1.1",
  ].map((version) =>
    row(`A-7 ${version}`, "a malformed version", line(`GET / ${version}`), malformed),
  ),
];

/** What routing has to see. */
function routed(target: string, path: string = target): ReturnType<typeof accepted> {
  return accepted({ headers: { "x-target": target, "x-path": path } });
}

const forms: Row[] = [
  row(
    "A-8a",
    "an absolute form",
    line("GET http://localhost/ws HTTP/1.1"),
    routed("/ws"),
    showTarget,
  ),
  row("A-8b", "HTTP://", line("GET HTTP://LOCALHOST/Ws HTTP/1.1"), routed("/Ws"), showTarget),
  row(
    "A-8c",
    "ws://",
    line("GET ws://localhost/ws?a=1 HTTP/1.1"),
    routed("/ws?a=1", "/ws"),
    showTarget,
  ),
  row("A-8d", "wss://", line("GET wss://localhost/ HTTP/1.1"), routed("/"), showTarget),
  row("A-8e", "no path", line("GET http://localhost HTTP/1.1"), routed("/"), showTarget),
  row(
    "A-8f",
    "a query without a path",
    line("GET http://localhost?a HTTP/1.1"),
    routed("/?a", "/"),
    showTarget,
  ),
  row("A-8g", "a port", line("GET http://a:81/ws HTTP/1.1", "a:81"), routed("/ws"), showTarget),
  ...[
    ["A-8h", "another host", "http://evil.example/ws"],
    ["A-8i", "another port", "http://localhost:81/ws"],
    ["A-8j", "userinfo", "http://user@localhost/ws"],
    ["A-8k", "no authority", "http:///ws"],
    ["A-8l", "nothing but a scheme", "http://"],
  ].map(([id, name, target]) =>
    row(
      id!,
      `an absolute form with ${name}`,
      line(`GET ${target} HTTP/1.1`),
      refused(400, "BAD_HOST"),
    ),
  ),
  ...["ftp://localhost/ws", "file:///ws", "http:/ws", "http:ws", "://localhost/"].map((target) =>
    row(
      `A-8 ${target}`,
      "an absolute form of another kind",
      line(`GET ${target} HTTP/1.1`),
      malformed,
    ),
  ),
  row(
    "A-8m",
    "a path that begins with two slashes",
    line("GET //evil/ws HTTP/1.1"),
    routed("//evil/ws"),
    showTarget,
  ),
  row(
    "A-8n",
    "dots and escapes as they are",
    line("GET /a/../%00?%23 HTTP/1.1"),
    routed("/a/../%00?%23", "/a/../%00"),
    showTarget,
  ),
  ...["*", "localhost:80", "localhost", "ws", "?a", "\\ws", ".", "%2Fws"].map((target) =>
    row(`A-9 ${target}`, "a target that is neither", line(`GET ${target} HTTP/1.1`), malformed),
  ),
  row("A-10a", "two blanks before the target", line("GET  / HTTP/1.1"), malformed),
  row("A-10b", "two blanks behind the target", line("GET /  HTTP/1.1"), malformed),
  row("A-10c", "a tab before the target", line("GET\t/ HTTP/1.1"), malformed),
  row("A-10d", "a tab behind the target", line("GET /\tHTTP/1.1"), malformed),
  row("A-10e", "a blank inside the target", line("GET /a b HTTP/1.1"), malformed),
  row("A-10f", "a tab inside the target", line("GET /a\tb HTTP/1.1"), malformed),
  row("A-10g", "a blank in front of the method", line(" GET / HTTP/1.1"), malformed),
  ...[0x00, 0x01, 0x0a, 0x0b, 0x0d, 0x1b, 0x1f, 0x7f, 0x80, 0xa0, 0xc3, 0xff].map((byte) =>
    row(
      `A-11 0x${byte.toString(16).padStart(2, "0")}`,
      "a byte that no target has",
      line(`GET /a${String.fromCharCode(byte)}b HTTP/1.1`),
      malformed,
    ),
  ),
  row("A-12a", "a fragment", line("GET /a#x HTTP/1.1"), malformed),
  row("A-12b", "an empty fragment", line("GET /a# HTTP/1.1"), malformed),
  row("A-12c", "a fragment in absolute form", line("GET http://localhost#x HTTP/1.1"), malformed),
];

const sizes: Row[] = [
  row("A-13a", "a target of 8192 bytes", line(`GET /${"a".repeat(8191)} HTTP/1.1`), accepted()),
  row("A-13b", "a target of 8193 bytes", line(`GET /${"a".repeat(8192)} HTTP/1.1`), tooLong),
  row(
    "A-13c",
    "a target past 8192 bytes, and nothing behind it",
    latin1Bytes(`GET /${"a".repeat(8192)}`),
    tooLong,
  ),
  row("A-16a", "a target that never ends", latin1Bytes(`GET /${"a".repeat(100_000)}`), tooLong),
  row(
    "A-16b",
    "a method that never ends",
    latin1Bytes("A".repeat(100_000)),
    refused(431, "REJECTED HEAD_TOO_LARGE"),
  ),
  row(
    "A-16c",
    "a method one byte past the limit",
    latin1Bytes("A".repeat(16_385)),
    refused(431, "REJECTED HEAD_TOO_LARGE"),
  ),
  row(
    "A-16d",
    "a method up to the limit, then the end",
    latin1Bytes("A".repeat(16_384)),
    unfinished,
  ),
];

const beginnings: Row[] = [
  row(
    "A-14a",
    "an empty line in front",
    bytesFrom("client", hex("0d 0a"), request(), text("Hi")),
    accepted({ messages: ["Hi"] }),
  ),
  row("A-14b", "two empty lines in front", concat([hex("0d 0a 0d 0a"), request()]), malformed),
  row("A-14c", "a bare LF in front", concat([hex("0a"), request()]), malformed),
  row("A-14d", "a bare CR in front", concat([hex("0d"), request()]), malformed),
  row("A-14e", "a CR and two LF in front", concat([hex("0d 0a 0a"), request()]), malformed),
  row("A-15a", "the ClientHello of TLS", hex("16 03 01 02 00 01 00 01 fc 03 03 5b 90"), malformed),
  row("A-15b", "one byte of a ClientHello", hex("16"), malformed),
  row("A-15c", "a NUL", hex("00"), malformed),
  row("A-15d", "the banner of SSH", latin1Bytes("SSH-2.0-OpenSSH_9.0\r\n"), malformed),
  row("A-15e", "a greeting of SOCKS 5", hex("05 01 00"), malformed),
  row("A-15f", "a frame without a handshake", text("Hi").from("client"), malformed),
  row("A-15g", "an HTTP response", latin1Bytes("HTTP/1.1 200 OK\r\n\r\n"), malformed),
  row("A-15h", "a redis command", latin1Bytes("*1\r\n$4\r\nPING\r\n"), malformed),
  row("A-15i", "random bytes", hex("f0 9e 3c 00 ff 0a 0d 0a 7f 80 16 03"), malformed),
  row("A-15j", "UTF-16 with a byte order mark", hex("ff fe 47 00 45 00 54 00"), malformed),
  row("A-15k", "a UTF-8 byte order mark in front", concat([hex("ef bb bf"), request()]), malformed),
];

export const requestLineCases: readonly Row[] = [
  ...methods,
  ...versions,
  ...forms,
  ...sizes,
  ...beginnings,
];
