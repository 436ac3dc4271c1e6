/** The standard's class fits what the libraries of browsers say of theirs. Compiled with those, against the built package; never run. */
import { CloseEvent as OwnCloseEvent, WebSocket as Own } from "framewire/websocket";

globalThis.WebSocket = Own;

/** What a library that takes a class asks for. */
declare function take(made: {
  new (url: string | URL, protocols?: string | string[]): globalThis.WebSocket;
}): void;
take(Own);

const ws = new Own("wss://a.test/", "chat", { headers: { "X-Key": "k" } });
export const fits: globalThis.WebSocket = ws;
ws.onmessage = (event: MessageEvent<string>) => event.data.length;
ws.addEventListener("close", (event: CloseEvent) => event.code);
export const event: CloseEvent = new OwnCloseEvent("close", { code: 4000 });
export class Derived extends Own {
  constructor() {
    super("wss://a.test/");
  }
}
