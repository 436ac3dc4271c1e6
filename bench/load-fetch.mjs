/**
 * The load of the benchmark of plain requests: raw TCP clients on Bun, each of which keeps its connection, and sends a GET when the
 * one before is answered.
 *
 * `bun bench/load-fetch.mjs '{"port": 1, "clients": 32, "warm": 300, "measure": 1000}'` prints
 * `{"messages": ..., "seconds": ...}`, messages being answers, and seconds of the server's CPU as `cpu` where its `pid` is given.
 */

import { countInWindow } from "./load-window.mjs";

const { port, pid, clients, warm, measure } = JSON.parse(process.argv[2]);

const request = Buffer.from(
  [
    "GET /hello?name=world HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Accept: */*",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
    "\r\n",
  ].join("\r\n"),
);
const body = "\r\n\r\nHello world\n";

let answers = 0;
let failure;
let isOver = false;
let finish;
const failed = new Promise((resolve) => {
  finish = resolve;
});

function fail(reason) {
  failure ??= reason;
  finish();
}

const socket = {
  open(client) {
    client.data = "";
    client.write(request);
  },
  data(client, chunk) {
    client.data += chunk.toString("latin1");
    if (!client.data.endsWith(body)) return;
    if (!client.data.startsWith("HTTP/1.1 200 ")) fail(client.data);
    client.data = "";
    answers++;
    client.write(request);
  },
  close() {
    if (!isOver) fail("the server closed a connection");
  },
  error(_, error) {
    fail(String(error));
  },
};

await Promise.all(
  Array.from({ length: clients }, () => Bun.connect({ hostname: "127.0.0.1", port, socket })),
).catch((error) => {
  fail(String(error));
});
const count = () => ({ messages: answers });
const result = await countInWindow({ pid, warm, measure }, count, failed);
isOver = true;
console.log(JSON.stringify(failure === undefined ? result : { failure }));
process.exit(0);
