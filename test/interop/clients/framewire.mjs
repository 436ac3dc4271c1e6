/**
 * The client of this package, against servers that nobody here wrote: the same file on every runtime. `framewire.mjs CASES`
 * prints one JSON object per case and line. A case says whether compression is offered.
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { connect } from "framewire/auto";

const [cases] = process.argv.slice(2);
const timeout = 15_000;
const normal = { status: 1000, reason: "" };

function contentOf(one) {
  if (one.type === "text") return one.text.repeat(one.times);
  const bytes = new Uint8Array(one.size);
  for (let at = 0; at < bytes.length; at++) bytes[at] = at % 251;
  return bytes;
}

function check(what, actual, expected) {
  if (actual === expected) return;
  throw new Error(`Expected ${what} ${expected}, got ${String(actual).slice(0, 80)}`);
}

async function checkMessage(ws, content) {
  const data = await ws.receive({ timeout });
  check("type", typeof data, typeof content);
  check("length", data.length, content.length);
  const isSame = typeof data === "string" ? data === content : Buffer.compare(data, content) === 0;
  check("the same content", isSame, true);
}

function* pieces(content, size) {
  for (let at = 0; at < content.length; at += size) yield content.slice(at, at + size);
}

async function run(one) {
  let onPong;
  const pong = new Promise((resolve) => (onPong = resolve));
  const target = one.action === "closed" ? `${one.url}close` : one.url;
  const compression = one.compressed && { threshold: 0 };
  const options = { protocols: one.offered, compression, timeout };
  const ws = await connect(target, options, { pong: (_, payload) => onPong(payload) });
  try {
    if (one.action === "closed") {
      await ws.receive({ timeout }).catch(() => undefined);
      await checkClosed(ws.closed, one);
      return;
    }
    await act(ws, one, pong);
    const { status, reason, answered } = one.action === "close" ? one : normal;
    await checkClosed(ws.close(status, reason), answered ?? { status, reason });
  } finally {
    ws.terminate();
  }
}

async function act(ws, one, pong) {
  switch (one.action) {
    case "echo":
      void ws.send(contentOf(one));
      return checkMessage(ws, contentOf(one));
    case "fragments":
      void ws.sendStream(pieces(contentOf(one), one.chunk));
      return checkMessage(ws, contentOf(one));
    case "ping":
      void ws.ping(one.payload);
      return check("pong", new TextDecoder().decode(await pong), one.payload);
    case "subprotocol":
      return check("subprotocol", ws.protocol, one.agreed);
    case "extensions":
      return check("extension", ws.extensions.split(";")[0], one.agreed);
    case "many":
      for (let n = 0; n < one.count; n++) void ws.send(String(n));
      for (let n = 0; n < one.count; n++) await checkMessage(ws, String(n));
  }
}

async function checkClosed(closed, { status, reason }) {
  const closure = await closed;
  check("status", closure.status, status);
  check("reason", closure.reason, reason);
  check("clean", closure.clean, true);
}

for (const one of JSON.parse(cases)) {
  const result = { case: one.name, ok: true, detail: "" };
  try {
    await run(one);
  } catch (error) {
    result.ok = false;
    result.detail = `${error.name}: ${error.message}`;
  }
  console.log(JSON.stringify(result));
}
process.exit(0);
