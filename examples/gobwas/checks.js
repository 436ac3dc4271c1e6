// An upgrade with conditions: the right host, a session cookie, one of two subprotocols; and headers of one's own in the
// answer. What was learned on the way is the connection's typed context. The same file runs on Node, Deno and Bun.
// Try it: with "Cookie: session=secret" it says who you are, without it answers 401.
import process from "node:process";
import { listen } from "framewire/auto";
import { rejectConnection, selectFromSlice, Upgrader } from "framewire/handshake";
import { headerIs, headerText, scanCookie } from "framewire/http";
import { writeServerText } from "framewire/stream";

const upgrader = new Upgrader({
  newContext: () => ({ session: "" }),
  header: [["X-Served-By", "framewire"]],
  protocol: selectFromSlice(["chat.v2", "chat.v1"]),
  onHost(host) {
    if (!headerText(host).startsWith("localhost")) {
      throw rejectConnection({ status: 403, message: "Wrong host" });
    }
  },
  onHeader(name, value, context) {
    if (!headerIs(name, "Cookie")) return;
    const isWellFormed = scanCookie(value, (name, value) => {
      if (headerText(name) === "session") context.session = headerText(value);
      return true;
    });
    if (!isWellFormed) throw rejectConnection({ status: 400, message: "bad cookie" });
  },
  onBeforeUpgrade(context) {
    if (context.session !== "secret") {
      throw rejectConnection({ status: 401, message: "Who are you?" });
    }
    return [["X-Session", "known"]];
  },
});

const listener = await listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`checks on ws://localhost:${listener.port}`);

for await (const conn of listener) void greet(conn);

/** @param {import("framewire/stream").TransportStream} conn */
async function greet(conn) {
  try {
    const stream = await upgrader.upgrade(conn);
    await writeServerText(stream, `hello ${stream.context.session}, over ${stream.protocol}`);
  } catch (error) {
    console.log("refused:", String(error));
  } finally {
    await conn.close();
  }
}
