// Notes that all who have the page open see, by framewire/browser: `node examples/browser/server.js`, then open the address that it
// prints. Stop the server, write a note, start it again: the note is sent then. On Node, Deno and Bun.
import { readFile } from "node:fs/promises";
import process from "node:process";
import { serve } from "framewire/auto";

const page = await readFile(new URL("page.html", import.meta.url), "utf8");
// The page loads the package's own files. What is to be loaded by many is bundled: it is less than 6 KiB then.
const entry = import.meta.resolve("framewire/browser");
const file = /^\/framewire\/((?:shared\/)?[\w.-]+\.mjs)$/;

/** The last hundred. @type {{ number: number, text: string }[]} */
const notes = [];
let last = Date.now(); // goes on after a restart, as from a database

const server = await serve(
  { port: Number(process.env.PORT ?? 8080), maxMessageSize: 4096, origins: "same" },
  {
    async http({ path }) {
      if (path === "/") return { headers: [["Content-Type", "text/html"]], body: page };
      const name = file.exec(path)?.[1];
      const script = name && (await readFile(new URL(name, entry), "utf8").catch(() => undefined));
      return script
        ? { headers: [["Content-Type", "text/javascript"]], body: script }
        : { status: 404 };
    },
    routes: {
      "/notes": {
        async message(ws, data) {
          const { after, text } = JSON.parse(String(data));
          if (after !== undefined) {
            for (const note of notes) if (note.number > after) await ws.send(JSON.stringify(note));
            ws.subscribe("notes");
            return;
          }
          notes.push({ number: ++last, text: String(text) });
          if (notes.length > 100) notes.shift();
          await server.publish("notes", JSON.stringify(notes.at(-1)));
        },
      },
    },
  },
);
console.log(`notes on http://localhost:${server.port}`);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await server.shutdown({ reason: "The server restarts", deadline: 2000 });
    process.exit(0);
  });
}
