/**
 * The server's part of a handshake without its socket: a browser's request of 13 headers parsed, checked and answered,
 * as it is, and with every header made a string, as parsers usually do. Run it with node, `deno run -A` or bun; the
 * package must be built.
 */

import { checkRequest, checkUpgrade, writeUpgrade } from "framewire/handshake";
import { HeadParser } from "framewire/http";
import { bench, do_not_optimize, run, summary } from "mitata";

const request = new TextEncoder().encode(
  [
    "GET /chat?room=1 HTTP/1.1",
    "Host: 127.0.0.1:8080",
    "Connection: Upgrade",
    "Pragma: no-cache",
    "Cache-Control: no-cache",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Upgrade: websocket",
    "Origin: http://127.0.0.1:8080",
    "Sec-WebSocket-Version: 13",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "\r\n",
  ].join("\r\n"),
);

function answer(makesStrings) {
  const parser = new HeadParser("request");
  parser.feed(request);
  const { head } = parser;
  checkRequest(head);
  checkUpgrade(head);
  const strings = makesStrings ? [...head.entries()] : undefined;
  return [writeUpgrade(head, []), strings];
}

summary(() => {
  bench("parse, check, answer", () => do_not_optimize(answer(false)));
  bench("the same, and all headers as strings", () => do_not_optimize(answer(true)));
});

await run();
