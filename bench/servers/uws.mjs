/**
 * An echo with uWebSockets.js, on Node, as its README has it: with the length that it allows there, since the default,
 * 16 KiB, would refuse the larger messages. Nobody here asks for compression. With the argument "broadcast" a message is
 * published to all clients; with "busy" the handler works on after its echo.
 */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { forOlderGlibc } from "./older-glibc.mjs";
import { ready } from "./ready.mjs";
import { thenWork } from "./work.mjs";

const require = createRequire(import.meta.url);

function load() {
  try {
    return require("@btc-vision/uwebsockets.js");
  } catch (error) {
    if (!String(error).includes("GLIBC_2.38")) throw error;
  }
  const name = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  const copy = join(tmpdir(), `framewire-bench-${process.pid}-${name}`);
  const original = join(require.resolve("@btc-vision/uwebsockets.js"), "..", name);
  writeFileSync(copy, forOlderGlibc(readFileSync(original)));
  try {
    return require(copy);
  } finally {
    rmSync(copy);
  }
}

const { App, us_socket_local_port: portOf } = load();

const app = App();

const echo = {
  message: (ws, message, isBinary) => void ws.send(message, isBinary),
};

const broadcast = {
  open: (ws) => void ws.subscribe("all"),
  message: (_, message, isBinary) => void app.publish("all", message, isBinary),
};

const handlers = { echo, broadcast, busy: { message: thenWork(echo.message) } };

app
  .ws("/*", {
    maxPayloadLength: 16 * 1024 * 1024,
    ...handlers[process.argv[2] ?? "echo"],
  })
  .listen("127.0.0.1", 0, (socket) => {
    if (!socket) throw new Error("uWebSockets.js does not listen");
    ready(portOf(socket));
  });
