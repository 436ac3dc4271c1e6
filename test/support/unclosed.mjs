/** Compresses by every means, closes nothing, and has nothing left to do. What idles is to be freed in an hour. */

import process from "node:process";
import { Endpoint } from "framewire/endpoint";
import { FlateReader, FlateWriter, Helper, PermessageDeflate } from "framewire/flate";
import { StateServerSide } from "framewire/frame";
import { BytesReader } from "framewire/stream";
import { zlibEngine } from "framewire/zlib";

const engine = zlibEngine({ way: process.argv[2] });
const payload = new Uint8Array(300_000).fill(7);
const compression = new PermessageDeflate({ engine, idleTimeout: 3_600_000 });
const session = compression.open(compression.accept(compression.offers[0]), StateServerSide);
const nothing = () => {};
const events = {
  onText: nothing,
  onBinary: nothing,
  onPing: nothing,
  onPong: nothing,
  onFail: nothing,
  onResume: nothing,
  onOutput: nothing,
};
const endpoint = new Endpoint("server", events, { extensions: [session] });
endpoint.sendBinary(payload);

const helper = new Helper({ engine });
const compressed = await helper.compress(payload);
const writer = new FlateWriter({ write: (from) => from.length }, { engine });
await writer.write(payload);
const reader = new FlateReader(new BytesReader(compressed), { engine });
await reader.read(new Uint8Array(100));
console.log("all is sent");

// Nobody may free them before the end.
globalThis.unclosed = { endpoint, helper, writer, reader };
