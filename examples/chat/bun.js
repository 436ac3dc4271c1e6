// The chat server on Bun: `bun examples/chat/bun.js`, then open the address that it prints in two tabs.
import { readFile } from "node:fs/promises";
import process from "node:process";
import { serve } from "framewire/bun";
import { chatRoom } from "./chat.js";

const page = await readFile(new URL("page.html", import.meta.url), "utf8");
const port = Number(process.env.PORT ?? 8080);
const server = await serve({ port, maxMessageSize: 4096 }, chatRoom(page));
console.log(`chat on http://localhost:${server.port}`);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    await server.shutdown({ reason: "The server stops", deadline: 2000 });
    process.exit(0);
  });
}
