import { describe, expect, it } from "vitest";
import {
  acceptOffers,
  closeSessions,
  openExtensions,
  takeAnswer,
} from "../../src/extension/negotiation.ts";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { newOption, parseOptions, writeOptions } from "../../src/http/option.ts";
import { ShiftExtension } from "../support/shift-extension.ts";

const one = new ShiftExtension({ name: "x-one", rsv: 4, by: 1 });
const two = new ShiftExtension({ name: "x-two", rsv: 2, by: 2 });
const alsoRsv1 = new ShiftExtension({ name: "x-rival", rsv: 4, by: 3 });

function answerTo(offers: string): string {
  const agreed = acceptOffers([one, two, alsoRsv1], parseOptions(offers)!);
  return writeOptions(agreed.map(({ option }) => option));
}

describe("acceptOffers()", () => {
  it.each([
    [
      "all that is known, in the client's order",
      "x-two; by=2, x-one; by=1",
      "x-two; by=2, x-one; by=1",
    ],
    [
      "the first offer of a name that will do",
      "x-one; by=9, x-one; by=1, x-one; by=1",
      "x-one; by=1",
    ],
    ["nothing that is not known", "x-other, x-one; by=1", "x-one; by=1"],
    ["one of those that share a reserved bit", "x-rival; by=3, x-one; by=1", "x-rival; by=3"],
    ["nothing where nothing will do", "x-one; by=7", ""],
  ])("agrees to %s", (_, offers, answer) => {
    expect(answerTo(offers)).toBe(answer);
  });
});

describe("takeAnswer()", () => {
  it("finds the extensions of an answer, in its order", () => {
    const agreed = takeAnswer([one, two], parseOptions("x-two; by=2, x-one; by=1")!)!;
    expect(agreed.map(({ extension }) => extension)).toEqual([two, one]);
  });

  it.each([
    ["one that was not offered", "x-other"],
    ["two that share a reserved bit", "x-one; by=1, x-rival; by=3"],
  ])("refuses an answer with %s", (_, answer) => {
    expect(takeAnswer([one, two, alsoRsv1], parseOptions(answer)!)).toBeUndefined();
  });
});

describe("openExtensions()", () => {
  it("opens all, in their order, and closeSessions() closes them", () => {
    const extensions = [new ShiftExtension({ name: "a" }), new ShiftExtension({ name: "b" })];
    const agreed = extensions.map((extension) => ({ extension, option: extension.offers[0]! }));
    const sessions = openExtensions(agreed, StateServerSide)!;
    expect(sessions).toHaveLength(2);
    closeSessions([...sessions, {}]);
    expect(extensions.map(({ opened, closed }) => [opened, closed])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it("leaves no extension open if the offers do not allow the answer", () => {
    const first = new ShiftExtension({ name: "a" });
    const second = new ShiftExtension({ name: "b" });
    const agreed = [
      { extension: first, option: first.offers[0]! },
      { extension: second, option: newOption("b", { by: "7" }) },
    ];
    expect(openExtensions(agreed, StateClientSide)).toBeUndefined();
    expect([first.opened, first.closed, second.opened]).toEqual([1, 1, 0]);
  });
});

describe("closeSessions()", () => {
  const first = new Error("first");
  const second = new Error("second");

  it.each<[what: string, errors: Error[], thrown: Error]>([
    ["what one throws", [first], first],
    ["all that several throw", [first, second], new AggregateError([first, second])],
  ])("closes each, and then throws %s", (_, errors, thrown) => {
    const closed: number[] = [];
    const sessions = [...errors, undefined].map((error, index) => ({
      close() {
        closed.push(index);
        if (error !== undefined) throw error;
      },
    }));
    let caught: unknown;
    try {
      closeSessions(sessions);
    } catch (error) {
      caught = error;
    }
    expect(closed).toEqual([...sessions.keys()]);
    expect(caught).toBeInstanceOf(thrown.constructor);
    expect((caught as AggregateError).errors).toEqual((thrown as AggregateError).errors);
    if (errors.length === 1) expect(caught).toBe(first);
  });
});
