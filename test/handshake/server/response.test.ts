import { describe, expect, it } from "vitest";
import { encodeUtf8, latin1 } from "../../../src/bytes.ts";
import {
  DialError,
  HandshakeError,
  type HeaderPairs,
  LimitError,
  ProtocolError,
  TimeoutError,
} from "../../../src/errors.ts";
import {
  toHandshakeError,
  writeRefusal,
  writeReply,
  writeUpgrade,
} from "../../../src/handshake/server/response.ts";
import type { Head } from "../../../src/http/head.ts";
import type { Option } from "../../../src/http/option.ts";
import { HeadParser } from "../../../src/http/parser.ts";
import { undated } from "../../support/undated.ts";

/** A handshake's head, behind three bytes of something else. */
function request(): Head {
  const parser = new HeadParser("request");
  const text = "...GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  parser.feed(encodeUtf8(text), 3);
  return parser.head;
}

/** A response's lines, its body last. */
function lines(bytes: Uint8Array): string[] {
  return latin1(bytes, 0, bytes.length).split("\r\n");
}

const switching = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

describe("writeUpgrade()", () => {
  it("answers the key of RFC 6455, 1.3", () => {
    expect(lines(writeUpgrade(request(), []))).toEqual([...switching, "", ""]);
  });

  it("names the subprotocol chosen, and adds headers", () => {
    const response = { protocol: "chat", headers: [["Set-Cookie", "a=\u00E9"]] } as const;
    expect(lines(writeUpgrade(request(), ["superchat", "chat"], response))).toEqual([
      ...switching,
      "Sec-WebSocket-Protocol: chat",
      "Set-Cookie: a=\u00E9",
      "",
      "",
    ]);
  });

  it("treats undefined as no subprotocol", () => {
    const response = { protocol: undefined, headers: undefined };
    expect(lines(writeUpgrade(request(), ["chat"], response))).toEqual([...switching, "", ""]);
  });

  it("names the agreed extensions, after the subprotocol", () => {
    const extensions: Option[] = [
      { name: "a", parameters: [["b"], ["c", "1"]] },
      { name: "d", parameters: [["e", 'f "g"']] },
    ];
    const response = { protocol: "chat", extensions, headers: [["A", "b"]] } as const;
    expect(lines(writeUpgrade(request(), ["chat"], response)).slice(4)).toEqual([
      "Sec-WebSocket-Protocol: chat",
      'Sec-WebSocket-Extensions: a; b; c=1, d; e="f \\"g\\""',
      "A: b",
      "",
      "",
    ]);
    expect(lines(writeUpgrade(request(), [], { extensions: [] }))).toEqual([...switching, "", ""]);
  });

  it.each<[extension: Option]>([
    [{ name: "a b", parameters: [] }],
    [{ name: "a", parameters: [["b", "\r\nC: d"]] }],
  ])("refuses the extension %j", (extension) => {
    expect(() => writeUpgrade(request(), [], { extensions: [extension] })).toThrow(TypeError);
  });

  it.each([["chat"], [""], ["CHAT"]])("refuses the subprotocol %j, not offered", (protocol) => {
    expect(() => writeUpgrade(request(), ["Chat"], { protocol })).toThrow(TypeError);
  });

  it("refuses a subprotocol that is no token, even if it is said to be offered", () => {
    expect(() => writeUpgrade(request(), ["a b"], { protocol: "a b" })).toThrow(TypeError);
  });

  it.each([
    "Upgrade",
    "connection",
    "SEC-WEBSOCKET-ACCEPT",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Content-Length",
    "Transfer-Encoding",
  ])("refuses the header %s, its own to write", (name) => {
    const headers: HeaderPairs = [
      ["A", "b"],
      [name, "1"],
    ];
    expect(() => writeUpgrade(request(), [], { headers })).toThrow(TypeError);
  });

  it.each<[name: string, value: string]>([
    ["A B", "c"],
    ["A", "b\r\nC: d"],
  ])("refuses the header %j: %j", (name, value) => {
    expect(() => writeUpgrade(request(), [], { headers: [[name, value]] })).toThrow(TypeError);
  });
});

describe("writeReply()", () => {
  it("writes an empty page by default", () => {
    expect(undated(lines(writeReply({})))).toEqual([
      "HTTP/1.1 200 OK",
      "Connection: close",
      "Content-Length: 0",
      "Content-Type: text/plain; charset=utf-8",
      "",
      "",
    ]);
  });

  it("writes status, headers and a text in UTF-8", () => {
    const reply = { status: 404, headers: [["A", "b"]], body: "\u20AC" } as const;
    expect(undated(lines(writeReply(reply)))).toEqual([
      "HTTP/1.1 404 Not Found",
      "Connection: close",
      "Content-Length: 3",
      "A: b",
      "",
      "\xe2\x82\xac",
    ]);
  });

  it("keeps a given Date header", () => {
    const date = "Sun, 06 Nov 1994 08:49:37 GMT";
    const written = lines(writeReply({ headers: [["date", date]] }));
    expect(written.filter((line) => /^date:/i.test(line))).toEqual([`date: ${date}`]);
  });

  it("writes a body of bytes", () => {
    const written = lines(writeReply({ body: Uint8Array.of(0xff, 0x41) }));
    expect(written[2]).toBe("Content-Length: 2");
    expect(written.at(-1)).toBe("\xffA");
  });

  it.each([204, 304])("omits body and length for %i", (status) => {
    const written = writeReply({ status, headers: [], body: "lost" });
    expect(undated(lines(written)).slice(1)).toEqual(["Connection: close", "", ""]);
  });

  it("names Upgrade as a connection option if that header is sent", () => {
    const reply = { status: 426, headers: [["UPGRADE", "websocket"]] } as const;
    expect(lines(writeReply(reply))[1]).toBe("Connection: Upgrade, close");
  });

  it.each([100, 101, 199, 600, 200.5, NaN])("refuses a status of %d", (status) => {
    expect(() => writeReply({ status })).toThrow(RangeError);
  });

  it.each(["connection", "Content-Length", "TRANSFER-ENCODING"])(
    "refuses the header %s, its own to write",
    (name) => {
      expect(() => writeReply({ headers: [[name, "1"]] })).toThrow(TypeError);
    },
  );

  it.each(["X-Content-Length", "Content-Length-2", "X-Connection"])(
    "takes the header %s, whose name holds that of one it writes",
    (name) => {
      expect(lines(writeReply({ headers: [[name, "1"]] }))).toContain(`${name}: 1`);
    },
  );

  it("refuses headers that may not be sent", () => {
    expect(() => writeReply({ headers: [["A", "b\n"]] })).toThrow(TypeError);
  });
});

const internal = [
  "HTTP/1.1 500 Internal Server Error",
  "Connection: close",
  "Content-Length: 15",
  "Content-Type: text/plain; charset=utf-8",
  "",
  "Internal error\n",
];

describe("writeRefusal()", () => {
  it("says what the error says", () => {
    const headers: HeaderPairs = [["Retry-After", "1"]];
    const error = new HandshakeError("REJECTED", { status: 503, message: "Full", headers });
    expect(undated(lines(writeRefusal(error)))).toEqual([
      "HTTP/1.1 503 Service Unavailable",
      "Connection: close",
      "Content-Length: 5",
      "Content-Type: text/plain; charset=utf-8",
      "Retry-After: 1",
      "",
      "Full\n",
    ]);
  });

  it.each<[body: string | Uint8Array, sent: string]>([
    ["{}", "{}"],
    ["", ""],
    [Uint8Array.of(0xff), "\xff"],
  ])("sends the error's body %j as it is, with its type", (body, sent) => {
    const headers: HeaderPairs = [["CONTENT-TYPE", "application/json"]];
    expect(undated(lines(writeRefusal(new HandshakeError("REJECTED", { headers, body }))))).toEqual(
      [
        "HTTP/1.1 403 Forbidden",
        "Connection: close",
        `Content-Length: ${sent.length}`,
        "CONTENT-TYPE: application/json",
        "",
        sent,
      ],
    );
  });

  it.each([
    ["an error that is not framewire's own", new Error("password")],
    ["something that is no error", "password"],
    ["undefined", undefined],
    ["a refusal whose headers may not be sent", refusal({ headers: [["A", "b\r\n"]] })],
    ["a refusal with a header of the server's own", refusal({ headers: [["Connection", "a"]] })],
    ["a refusal with a status that is none", refusal({ status: 101 })],
  ])("shows nothing of %s", (_, error) => {
    expect(undated(lines(writeRefusal(error)))).toEqual(internal);
  });
});

function refusal(options: { status?: number; headers?: HeaderPairs }): HandshakeError {
  return new HandshakeError("REJECTED", { message: "password", ...options });
}

describe("toHandshakeError()", () => {
  it("gives a HandshakeError as it is", () => {
    const error = new HandshakeError("BAD_HOST");
    expect(toHandshakeError(error)).toBe(error);
  });

  it.each([
    [new LimitError("HEAD_TOO_LARGE", 10, 11), "REJECTED", 431],
    [new LimitError("TARGET_TOO_LONG", 10, 11), "REJECTED", 414],
    [new TimeoutError("HANDSHAKE_TIMEOUT", 10), "REJECTED", 408],
  ])("keeps the message of %s → %s %i", (error, code, status) => {
    const made = toHandshakeError(error);
    expect(made).toMatchObject({ code, status, message: error.message });
    expect(made.cause).toBe(error);
  });

  it.each([
    [new Error("password")],
    [new ProtocolError("INVALID_UTF8")],
    ["password"],
    [new TimeoutError("DIAL_TIMEOUT", 10)],
    [new DialError("BAD_STATUS", { status: 401 })],
  ])("hides the message of %s", (error) => {
    const made = toHandshakeError(error);
    expect(made).toMatchObject({ code: "INTERNAL", status: 500, message: "Internal error" });
    expect(made.cause).toBe(error);
  });
});
