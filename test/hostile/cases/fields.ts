import { createHash } from "node:crypto";
import { accepted, type Row, exampleKey, type Outcome, refused, request, row } from "../support.ts";

/** Section C of the battery: the fields of the handshake. */

type Values = Readonly<Record<string, string | undefined>>;

function withFields(headers: Values, ...more: readonly string[]): Uint8Array {
  return request({ headers, more });
}

/** Rows that differ in the value of one header. */
function rows(
  id: string,
  name: string,
  header: string,
  values: readonly string[],
  outcome: Outcome,
): Row[] {
  return values.map((value) =>
    row(`${id} ${JSON.stringify(value)}`, name, withFields({ [header]: value }), outcome),
  );
}

const badHost = refused(400, "BAD_HOST");
const localhostAgain = "Host: localhost";

const host: Row[] = [
  row("C-38", "no Host", withFields({ Host: undefined }), badHost),
  row("C-39a", "two equal Hosts", withFields({}, localhostAgain), badHost),
  row("C-39b", "two different Hosts", withFields({}, "Host: evil.example"), badHost),
  row("C-39c", "a second Host that is empty", withFields({}, "host:"), badHost),
  row("C-40", "an empty Host", withFields({ Host: "" }), badHost),
  ...rows(
    "C-41",
    "a malformed Host",
    "Host",
    [
      "user@localhost",
      "user:secret@localhost",
      "local host",
      "localhost/ws",
      "localhost:65536",
      "localhost:99999999",
      "localhost:80x",
      "localhost:-1",
      "a:b:c",
      "[::1",
      "::1",
      "[::1]x",
      "http://localhost",
      "localhost?a",
      "localhost#a",
      '"localhost"',
      "localh\xf6st",
      ":80",
    ],
    badHost,
  ),
  ...rows(
    "C-41",
    "a well-formed Host",
    "Host",
    [
      "localhost:",
      "localhost:65535",
      "127.0.0.1:1",
      "[::1]:8080",
      "[::ffff:1.2.3.4]",
      "a-b.example.org.",
    ],
    accepted(),
  ),
];

const badUpgrade = refused(400, "BAD_UPGRADE");
const badConnection = refused(400, "BAD_CONNECTION");

const upgrade: Row[] = [
  row(
    "C-42",
    "no Upgrade",
    withFields({ Upgrade: undefined }),
    refused(426, "BAD_UPGRADE", { upgrade: "websocket", connection: "Upgrade, close" }),
  ),
  ...rows(
    "C-43",
    "another Upgrade",
    "Upgrade",
    [
      "h2c",
      "websockets",
      "xwebsocket",
      "web socket",
      "websocket/13",
      "",
      '"websocket"',
      "websocket;q=1",
    ],
    badUpgrade,
  ),
  ...rows("C-44", "Upgrade in other letters", "Upgrade", ["WebSocket", "WEBSOCKET"], accepted()),
  ...rows(
    "C-45",
    "a list of Upgrades",
    "Upgrade",
    ["h2c, websocket", "websocket,h2c", ",websocket ,"],
    accepted(),
  ),
  row(
    "C-45a",
    "two Upgrade headers",
    withFields({ Upgrade: "h2c" }, "Upgrade: websocket"),
    accepted(),
  ),
  row("C-46", "no Connection", withFields({ Connection: undefined }), badConnection),
  ...rows(
    "C-46",
    "another Connection",
    "Connection",
    [
      "close",
      "keep-alive",
      "xUpgradex",
      "Up grade",
      "Upgrade-Insecure-Requests",
      "Upgrade;q=1",
      '"Upgrade"',
      "Upgrade:",
      "",
    ],
    badConnection,
  ),
  ...rows(
    "C-47",
    "a list of connection options",
    "Connection",
    ["keep-alive, Upgrade", "keep-alive,\tUPGRADE\t,x", ", ,upgrade,"],
    accepted(),
  ),
  row(
    "C-48a",
    "two Connection headers, Upgrade last",
    withFields({ Connection: "keep-alive" }, "Connection: Upgrade"),
    accepted(),
  ),
  row(
    "C-48b",
    "two Connection headers, Upgrade first",
    withFields({}, "Connection: keep-alive"),
    accepted(),
  ),
];

const badVersion = refused(400, "BAD_SEC_VERSION");
const otherVersion = refused(426, "UPGRADE_REQUIRED", {
  "sec-websocket-version": "13",
  upgrade: "websocket",
  connection: "Upgrade, close",
});

const version: Row[] = [
  row("C-49", "no version", withFields({ "Sec-WebSocket-Version": undefined }), badVersion),
  ...rows(
    "C-50",
    "another version",
    "Sec-WebSocket-Version",
    [
      "8",
      "99",
      "0",
      "255",
      "256",
      "13, 8",
      "8, 13",
      "013",
      "+13",
      "-13",
      "13.0",
      "1 3",
      "0x0d",
      '"13"',
      "\xb1\xb3",
      "",
    ],
    otherVersion,
  ),
  row("C-50a", "two equal versions", withFields({}, "Sec-WebSocket-Version: 13"), badVersion),
  row("C-50b", "two different versions", withFields({}, "Sec-WebSocket-Version: 8"), badVersion),
];

const badKey = refused(400, "BAD_SEC_KEY");

/** The proof for a key, by somebody else's SHA-1. */
function acceptedWith(key: string): Outcome {
  const proof = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  return accepted({ headers: { "sec-websocket-accept": proof.digest("base64") } });
}

function keyRow(id: string, name: string, key: string): Row {
  return row(id, name, withFields({ "Sec-WebSocket-Key": key }), acceptedWith(key.trim()));
}

const key: Row[] = [
  row("C-51", "no key", withFields({ "Sec-WebSocket-Key": undefined }), badKey),
  ...rows("C-51", "an empty key", "Sec-WebSocket-Key", ["", "=="], badKey),
  ...rows(
    "C-52",
    "a key of another size",
    "Sec-WebSocket-Key",
    [
      btoa("a".repeat(15)),
      btoa("a".repeat(17)),
      btoa("a".repeat(18)),
      `${exampleKey}${exampleKey}`,
      exampleKey.slice(0, -1),
      exampleKey.slice(0, -2),
      `${exampleKey}=`,
    ],
    badKey,
  ),
  ...rows(
    "C-53",
    "a key that is no base64",
    "Sec-WebSocket-Key",
    [
      "dGhlIHNhbXBsZSBub25jZ!==",
      "dGhlIHNhbXBs SBub25jZQ==",
      "dGhlIHNhbXBs=SBub25jZQ==",
      "dGhlIHNhbXB-_SBub25jZQ==",
      "dGhlIHNhbXBsZSBub25jZQ=a",
      "dGhlIHNhbXBsZSBub25jZQa=",
      "dGhlIHNhbXBsZSBub25jZ===",
      "dGhlIHNhbXBsZSBub25j\xe9Q==",
      "........................",
    ],
    badKey,
  ),
  keyRow("C-54a", "a key with trailing bits", "dGhlIHNhbXBsZSBub25jZR=="),
  keyRow("C-54b", "a key with all trailing bits", "//////////////////////=="),
  row(
    "C-55a",
    "two different keys",
    withFields({}, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
    badKey,
  ),
  row("C-55b", "two equal keys", withFields({}, `Sec-WebSocket-Key: ${exampleKey}`), badKey),
  row("C-55c", "a second key that is empty", withFields({}, "Sec-WebSocket-Key:"), badKey),
  keyRow("C-56", "a key with blanks around it", ` \t ${exampleKey} \t`),
  row(
    "C-57",
    "an accept in the request",
    withFields({}, "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    accepted(),
  ),
];

export const fieldCases: readonly Row[] = [...host, ...upgrade, ...version, ...key];
