import { describe, expect, it } from "vitest";
import { dictionariesWork } from "../../../adapters/zlib/engine.ts";
import { OneShotDeflater, OneShotInflater } from "../../../adapters/zlib/one-shot.ts";
import { OpenDeflater } from "../../../adapters/zlib/open-deflater.ts";
import { OpenInflater } from "../../../adapters/zlib/open-inflater.ts";
import { type TriedWay, wayWorks } from "../../../adapters/zlib/trial.ts";
import type { Deflater, Inflater } from "../../../src/flate/engine.ts";

const open: TriedWay = {
  keepsWindow: true,
  newDeflater: (settings) => new OpenDeflater(settings, Infinity),
  newInflater: (settings) => new OpenInflater(settings, Infinity),
};
const oneShot: TriedWay = {
  keepsWindow: dictionariesWork(),
  newDeflater: (settings) => new OneShotDeflater(settings, Infinity, dictionariesWork()),
  newInflater: (settings) => new OneShotInflater(settings),
};

/** A way whose compressors, or decompressors, are made worse after they are made. */
function worse(change: {
  readonly deflater?: (deflater: Deflater, windowBits: number) => void;
  readonly inflater?: (inflater: Inflater, windowBits: number) => void;
}): TriedWay {
  return {
    keepsWindow: true,
    newDeflater(settings) {
      const deflater = open.newDeflater(settings);
      change.deflater?.(deflater, settings.windowBits);
      return deflater;
    },
    newInflater(settings) {
      const inflater = open.newInflater(settings);
      change.inflater?.(inflater, settings.windowBits);
      return inflater;
    },
  };
}

describe("wayWorks()", () => {
  it("is true of both ways on this runtime", () => {
    expect([wayWorks(open), wayWorks(oneShot)]).toEqual([true, true]);
  });

  it.each<[what: string, way: TriedWay]>([
    [
      "makes no compressor",
      {
        ...open,
        newDeflater() {
          throw new Error("no such class");
        },
      },
    ],
    ["keeps no window where it should", { ...open, newDeflater: forgetful }],
    [
      "is never done",
      worse({
        deflater(deflater) {
          deflater.deflate = () => false;
        },
      }),
    ],
    [
      "goes wrong with one window alone",
      worse({
        inflater(inflater, windowBits) {
          if (windowBits === 15) inflater.inflate = () => true;
        },
      }),
    ],
    [
      "forgets nothing when it is reset",
      worse({
        deflater(deflater) {
          deflater.reset = () => {};
        },
      }),
    ],
    [
      "loses the window behind a last block",
      worse({
        inflater(inflater) {
          const inflate = inflater.inflate.bind(inflater);
          inflater.inflate = (bytes, start, end, isLast, into) => {
            const isDone = inflate(bytes, start, end, isLast, into);
            if (bytes[start] === 0xf3) inflater.reset();
            return isDone;
          };
        },
      }),
    ],
    [
      "takes what is too large",
      worse({
        inflater(inflater) {
          const inflate = inflater.inflate.bind(inflater);
          inflater.inflate = (bytes, start, end, isLast, into) => {
            try {
              return inflate(bytes, start, end, isLast, into);
            } catch (error) {
              if ((error as Error).name === "LimitError") return true;
              throw error;
            }
          };
        },
      }),
    ],
    [
      "takes what is wrong",
      worse({
        inflater(inflater) {
          const inflate = inflater.inflate.bind(inflater);
          inflater.inflate = (bytes, start, end, isLast, into) =>
            bytes[start] === 0xff || inflate(bytes, start, end, isLast, into);
        },
      }),
    ],
  ])("is false if it %s", (_, way) => {
    expect(wayWorks(way)).toBe(false);
  });
});

function forgetful(settings: Parameters<TriedWay["newDeflater"]>[0]): Deflater {
  const deflater = open.newDeflater(settings);
  const deflate = deflater.deflate.bind(deflater);
  deflater.deflate = (bytes, start, end, isLast, into) => {
    const isDone = deflate(bytes, start, end, isLast, into);
    if (isLast) deflater.reset();
    return isDone;
  };
  return deflater;
}
