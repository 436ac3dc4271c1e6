// A server that loses nothing when it stops: it takes no more work, finishes what it has, then closes. On Node, Deno and Bun:
// `node examples/shutdown/server.js`, connect, send something, and stop the server by Ctrl-C within two seconds.
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "framewire/auto";

/** What is under way. @type {Set<Promise<void>>} */
const jobs = new Set();
let isStopping = false;

const server = await serve(
  { port: Number(process.env.PORT ?? 8080) },
  {
    upgrade: () => (isStopping ? { status: 503, headers: [["Retry-After", "1"]] } : undefined),
    message(ws, data) {
      if (isStopping) return void ws.send(`not taken: ${data}`);
      const job = work(data).then((answer) => ws.send(answer));
      jobs.add(job);
      void job.finally(() => jobs.delete(job));
    },
  },
);
console.log(`work on ws://localhost:${server.port}`);

/** @param {import("framewire").Data} data */
async function work(data) {
  await sleep(Number(process.env.WORK ?? 2000));
  return `done: ${data}`;
}

async function stop() {
  if (isStopping) return process.exit(1); // a second Ctrl-C
  isStopping = true;
  console.log(`stopping, ${jobs.size} under way`);
  await Promise.race([Promise.allSettled(jobs), sleep(10_000)]); // your platform kills at some time
  const { closed, dropped } = await server.shutdown({ reason: "The server stops", deadline: 5000 });
  console.log(`${closed} closed, ${dropped} dropped`);
  process.exit(0);
}
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
