import type { Places } from "./case-server.ts";

/* oxlint-disable typescript/no-explicit-any -- the same cases are played with classes of different libraries */

/** What a case is played with: in the process of the tests, or in a page. Nothing here is of a runtime. */
export interface Kit extends Places {
  readonly WebSocket: any;
  readonly CloseEvent: any;
}

/** Opens a WebSocket, and resolves when it is open. */
export async function open(kit: Kit, path = "/echo", protocols?: unknown): Promise<any> {
  const ws = new kit.WebSocket(kit.server + path, protocols);
  ws.binaryType = "arraybuffer";
  await next(ws, "open");
  return ws;
}

/** Waits for the next event of a type. */
export function next(ws: any, type: string): Promise<any> {
  return new Promise((resolve) => {
    ws.addEventListener(type, resolve, { once: true });
  });
}

/** Waits for so many messages, and gives their data. */
export function messages(ws: any, count: number): Promise<any[]> {
  return new Promise((resolve) => {
    const all: any[] = [];
    ws.addEventListener("message", ({ data }: any) => {
      if (all.push(data) === count) resolve(all);
    });
  });
}

/** Writes down all events, as words. */
export function eventsOf(ws: any): string[] {
  const lines: string[] = [];
  ws.addEventListener("open", () => lines.push("open"));
  ws.addEventListener("message", ({ data }: any) => lines.push(`message ${data}`));
  ws.addEventListener("error", () => lines.push("error"));
  ws.addEventListener("close", (event: any) => lines.push(closeLine(event)));
  return lines;
}

/** Waits until it is closed, and gives all events from now on. */
export async function untilClosed(ws: any): Promise<string[]> {
  const lines = eventsOf(ws);
  await next(ws, "close");
  return lines;
}

export function closeLine({ code, reason, wasClean }: any): string {
  return `close ${code} "${reason}" ${wasClean}`;
}

/** Names what is thrown. */
export function thrown(task: () => unknown): string {
  try {
    task();
  } catch (error: any) {
    return error instanceof DOMException ? `DOMException ${error.name}` : error.name;
  }
  return "nothing";
}

/** Waits for a task of the event loop. */
export function task(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

/** Gives bytes as an array. */
export function bytesOf(data: any): number[] {
  return [...new Uint8Array(data)];
}

/** Asks what a server saw of the connection to /log/`id`, when that is over. */
export async function report(kit: Kit, id: string): Promise<string[]> {
  const ws = new kit.WebSocket(`${kit.server}/report/${id}`);
  const { data } = await next(ws, "message");
  ws.close();
  return JSON.parse(data);
}

let ids = 0;

/** Makes the name of a log that nobody else has. */
export function newId(): string {
  return `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}${++ids}`;
}
