import { describe, expect, it } from "vitest";
import { Deadlines } from "../../../src/clock.ts";
import { Inbox, type Waiter } from "../../../src/connection/receive/inbox.ts";
import { Unread } from "../../../src/connection/receive/unread.ts";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { nameOf } from "../../support/server.ts";

/** An inbox, and what it has told. */
function newInbox(mark = 1000): { inbox: Inbox; clock: FakeClock; lines: string[] } {
  const clock = new FakeClock();
  const lines: string[] = [];
  const inbox = new Inbox(
    {
      isHeld: true,
      onGiven: () => lines.push("given"),
      onStreaming: (isWanted) => lines.push(isWanted ? "streaming" : "whole"),
    },
    new Deadlines(clock),
    new Unread({ onFull: () => lines.push("full"), onRoom: () => lines.push("room") }, mark),
  );
  return { inbox, clock, lines };
}

function closed(): Error {
  return new Error("closed");
}

describe("Inbox.receive()", () => {
  it("gives messages in the order of the calls, before they come or after", async () => {
    const { inbox } = newInbox();
    inbox.push("a");
    inbox.push("b");
    expect(inbox.isEmpty).toBe(false);
    const all = [1, 2, 3, 4].map(() => inbox.receive({}));
    expect(inbox.isEmpty).toBe(true);
    inbox.push("c");
    inbox.push("d");
    expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
    expect(inbox.take()).toBeUndefined();
  });

  it("reports when somebody who waited has got a message", () => {
    const { inbox, lines } = newInbox();
    void inbox.receive({});
    void inbox.receiveStream({});
    inbox.push("a");
    expect(lines).toEqual(["streaming", "given"]);
    inbox.push("b");
    inbox.push("kept");
    expect(lines.filter((line) => line === "given")).toEqual(["given", "given"]);
  });

  it("gives up at its time-out, and leaves the message to the next one", async () => {
    const { inbox, clock } = newInbox();
    const late = inbox.receive({ timeout: 500 });
    const next = inbox.receive({});
    clock.advance(600);
    await expect(late).rejects.toMatchObject({ code: "RECEIVE_TIMEOUT", limit: 500 });
    inbox.push("kept");
    expect(await next).toBe("kept");
    expect(clock.running).toBe(0);
  });

  it("gives up when its signal aborts, or at once if it is aborted already", async () => {
    const { inbox } = newInbox();
    const abort = new AbortController();
    const waiting = inbox.receive({ signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(inbox.receive({ signal: abort.signal })).rejects.toThrow("enough");
    inbox.push("kept");
    expect(await inbox.receive({ signal: abort.signal })).toBe("kept");
  });

  it("leaves no timer and no listener behind, however it ends", async () => {
    const { inbox, clock } = newInbox();
    const listeners = new Set<() => void>();
    const signal = {
      aborted: false,
      reason: undefined,
      addEventListener: (_: "abort", listener: () => void) => void listeners.add(listener),
      removeEventListener: (_: "abort", listener: () => void) => void listeners.delete(listener),
    };
    const waiting = inbox.receive({ signal, timeout: 500 });
    expect([clock.running, listeners.size]).toEqual([1, 1]);
    inbox.push("a");
    await waiting;
    expect([clock.running, listeners.size]).toEqual([0, 0]);
    const ended = inbox.receive({ signal, timeout: 500 });
    inbox.end(closed);
    await expect(ended).rejects.toThrow("closed");
    expect([clock.running, listeners.size]).toEqual([0, 0]);
  });
});

describe("an inbox that nobody empties", () => {
  it("is full at the mark, and has room again at half of it", () => {
    const { inbox, lines } = newInbox(1000);
    inbox.push("x".repeat(436));
    expect(lines).toEqual([]);
    inbox.push("x".repeat(436));
    inbox.push("x".repeat(500));
    expect(lines).toEqual(["full"]);
    inbox.take();
    expect(lines).toEqual(["full"]);
    inbox.take();
    inbox.take();
    expect(lines).toEqual(["full", "room"]);
  });

  it("is full of empty messages too", () => {
    const { inbox, lines } = newInbox(1000);
    for (let i = 0; i < 20; i++) inbox.push("");
    expect(lines).toEqual(["full"]);
  });
});

describe("an inbox whose connection is over", () => {
  it("gives what is left, and then its reason", async () => {
    const { inbox } = newInbox();
    inbox.push("left");
    inbox.end(closed);
    inbox.end(() => new Error("another"));
    expect(await inbox.receive({})).toBe("left");
    await expect(inbox.receive({})).rejects.toThrow("closed");
    await expect(inbox.receiveStream({})).rejects.toThrow("closed");
  });

  it("gives nothing any more where this side has closed", async () => {
    const { inbox, lines } = newInbox(100);
    inbox.push("x".repeat(100));
    const stream = inbox.receiveStream({});
    await stream;
    inbox.push("x".repeat(100));
    inbox.clear(closed);
    await expect(inbox.receive({})).rejects.toThrow("closed");
    expect(lines.at(-1)).toBe("room");
  });
});

describe("somebody in the line of an inbox", () => {
  /** Somebody who waits, and notes what is said. */
  function newWaiter(isStreamed = false): { waiter: Waiter; heard: unknown[] } {
    const heard: unknown[] = [];
    const waiter: Waiter = {
      isStreamed,
      give: (data) => void heard.push(data),
      fail: (reason) => void heard.push((reason as Error).message),
    };
    return { waiter, heard };
  }

  it("gets the next message when it is its turn", () => {
    const { inbox } = newInbox();
    const [first, second] = [newWaiter(), newWaiter()];
    inbox.wait(first.waiter);
    inbox.wait(second.waiter);
    inbox.push("a");
    inbox.push("b");
    expect([first.heard, second.heard]).toEqual([["a"], ["b"]]);
  });

  it("may leave it again: its message goes to the next one, or is kept", () => {
    const { inbox } = newInbox();
    const [first, second] = [newWaiter(), newWaiter()];
    inbox.wait(first.waiter);
    inbox.wait(second.waiter);
    inbox.leave(first.waiter);
    inbox.push("a");
    inbox.push("b");
    expect([first.heard, second.heard]).toEqual([[], ["a"]]);
    expect(inbox.take()).toBe("b");
  });

  it("withdraws its wish for pieces when it leaves", () => {
    const { inbox, lines } = newInbox();
    const { waiter } = newWaiter(true);
    inbox.wait(waiter);
    inbox.leave(waiter);
    expect(lines).toEqual(["streaming", "whole"]);
  });

  it("is rejected at once if nothing comes any more", () => {
    const { inbox } = newInbox();
    inbox.end(closed);
    const { waiter, heard } = newWaiter();
    inbox.wait(waiter);
    expect(heard).toEqual(["closed"]);
  });
});

describe("Inbox.receiveStream()", () => {
  it("asks for the next message in pieces while it is the first to wait", async () => {
    const { inbox, lines } = newInbox();
    const whole = inbox.receive({});
    const streamed = inbox.receiveStream({});
    expect(lines).toEqual([]);
    inbox.push("whole");
    expect(await whole).toBe("whole");
    expect(lines).toEqual(["streaming", "given"]);
    inbox.begin(true);
    expect(lines).toEqual(["streaming", "given", "whole"]);
    inbox.add(encodeUtf8("ab"), 0, 2);
    const message = await streamed;
    inbox.complete();
    expect(await message.text()).toBe("ab");
  });

  it("asks for no pieces after it has given up", async () => {
    const { inbox, clock, lines } = newInbox();
    const late = inbox.receiveStream({ timeout: 100 }).catch(nameOf);
    clock.advance(200);
    expect(await late).toBe("RECEIVE_TIMEOUT");
    expect(lines).toEqual(["streaming", "whole"]);
  });

  it("gives a message that has come whole, and one that comes whole", async () => {
    const { inbox } = newInbox();
    inbox.push("kept");
    expect(await (await inbox.receiveStream({})).text()).toBe("kept");
    const waiting = inbox.receiveStream({});
    inbox.push(Uint8Array.of(1));
    const message = await waiting;
    expect(message.isText).toBe(false);
    expect(await message.bytes()).toEqual(Uint8Array.of(1));
  });

  it("counts what is unread of it, and fails it with the connection", async () => {
    const { inbox, lines } = newInbox(100);
    const waiting = inbox.receiveStream({});
    inbox.begin(false);
    const message = await waiting;
    inbox.add(new Uint8Array(100), 0, 100);
    expect(lines.at(-1)).toBe("full");
    const pieces = message[Symbol.asyncIterator]();
    await pieces.next();
    expect(lines.at(-1)).toBe("room");
    inbox.end(closed);
    await expect(pieces.next()).rejects.toThrow("closed");
    inbox.add(new Uint8Array(1), 0, 1);
    inbox.complete();
  });
});
