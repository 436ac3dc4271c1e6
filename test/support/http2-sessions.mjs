/**
 * Twenty sessions of HTTP/2, each with WebSockets that nobody reads and neighbours that go on: at a moment by chance
 * (seeded) a GOAWAY is sent by one side, later the session ends in one of four ways. It prints what each has seen.
 */

import { connect as connectHttp2, createServer } from "node:http2";
import process from "node:process";
import { serve } from "framewire/auto";
import { connect } from "framewire/http2";

const rounds = 20;
const neighbours = 3;
const messages = 30;
const inARow = 5;
const chunk = new Uint8Array(16 * 1024);
const ways = ["shutdown", "terminate", "destroy", "close"];
const ignore = () => {};
const never = () => new Promise(ignore);
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const http2MayCrash = process.argv[2] === "http2MayCrash";

/** Numbers below `n`, the same ones for the same seed (xorshift32). */
function chance(seed) {
  let state = Math.imul(seed, 2654435761) >>> 0 || 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

/** Sends until the other side takes no more. */
async function flood(ws) {
  while (ws.state === "open" && ws.bufferedAmount < 2 ** 20) {
    ws.send(chunk).catch(ignore);
    await turn();
  }
}

async function round(seed) {
  const random = chance(seed);
  const http2 = createServer();
  let serverSession;
  http2.on("session", (session) => {
    serverSession = session;
    session.on("error", ignore);
  });
  const closings = [];
  const full = [];
  const server = await serve(
    { server: http2, http2MayCrash },
    {
      open: (ws) => {
        closings.push(ws.closed);
        if (ws.target === "/down") full.push(ws);
      },
      message: (ws, data) => (ws.target === "/up" ? never() : void ws.send(data).catch(ignore)),
    },
  );
  await new Promise((resolve) => http2.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${http2.address().port}`;
  const session = connectHttp2(url);
  session.on("error", ignore);
  const open = (path, handlers) => connect(`${url}${path}`, { session, http2MayCrash }, handlers);
  // One way, the other, or both.
  const stalled = [];
  if (seed % 3 !== 0) {
    const up = await open("/up", {});
    stalled.push(up);
    await flood(up);
  }
  if (seed % 3 !== 1) {
    stalled.push(await open("/down", { message: never }));
    await flood(full[0]);
  }
  const others = await Promise.all(Array.from({ length: neighbours }, (_, i) => open(`/${i}`)));
  closings.push(...[...stalled, ...others].map((ws) => ws.closed));

  const [goawayAt, isServers] = [random(messages), random(2) === 1];
  let heard = 0;
  let isInOrder = true;
  for (let i = 0; i < messages; i++) {
    // NO_ERROR: what is open goes on.
    if (i === goawayAt) (isServers ? serverSession : session).goaway(0);
    for (const ws of others) await ws.send(`${i}`);
    await turn();
    // Several in a row, each a write of its own, before the answers are looked at.
    if (i % inARow < inARow - 1) continue;
    for (const ws of others) {
      for (let j = i - inARow + 1; j <= i; j++) {
        isInOrder &&= (await ws.receive()) === `${j}`;
        heard++;
      }
    }
  }

  const way = ways[random(ways.length)];
  const ended = way === "shutdown" ? server.shutdown({ deadline: 1 }) : undefined;
  if (way === "terminate") for (const ws of [...stalled, ...others]) ws.terminate();
  if (way === "destroy") session.destroy();
  // The session is closed as soon as one that nobody read is dropped, in the middle of the others' end.
  await Promise.race(stalled.map((ws) => (ways.indexOf(way) < 3 ? ws.closed : undefined)));
  session.close();
  if (way === "close") for (const ws of server.connections) ws.terminate();
  await Promise.all(closings);
  await (ended ?? server.shutdown({ deadline: 0 }));
  session.destroy();
  http2.close();
  console.log(`${seed}: ${heard} heard${isInOrder ? " in order" : ""}, ${closings.length} closed`);
}

try {
  for (let seed = 1; seed <= rounds; seed++) await round(seed);
  console.log("all rounds");
  process.exit(0);
} catch (error) {
  console.log(`${error.name}: ${error.message}`);
  process.exit(3);
}
