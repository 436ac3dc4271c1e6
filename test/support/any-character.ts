import fc from "fast-check";

const firstSurrogate = 0xd800;
const surrogates = 0x800;
const lastPoint = 0x10ffff;

/**
 * Every character but surrogates, as the unit of a string.
 *
 * fast-check's own, "binary", makes a table of a million characters when it is loaded, which takes seconds in each process.
 */
export const anyCharacter: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: lastPoint - surrogates })
  .map(
    (index) => String.fromCodePoint(index < firstSurrogate ? index : index + surrogates),
    (character) => {
      const point = typeof character === "string" ? character.codePointAt(0) : undefined;
      if (point === undefined || String.fromCodePoint(point) !== character)
        throw new Error("It is not one character");
      if (point < firstSurrogate) return point;
      if (point < firstSurrogate + surrogates) throw new Error("It is a surrogate");
      return point - surrogates;
    },
  );
