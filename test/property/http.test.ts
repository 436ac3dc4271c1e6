import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { latin1 } from "../../src/bytes.ts";
import { parseCookies, scanCookie } from "../../src/http/cookie.ts";
import {
  equalOptions,
  intFromAscii,
  newOption,
  type Option,
  type OptionParameter,
  parseOptions,
  ScanContinue,
  scanOptions,
  scanTokens,
  selectOptions,
  writeOptions,
} from "../../src/http/option.ts";
import { fieldBytes } from "../../src/http/option-scanner.ts";
import { headerText } from "../../src/http/view.ts";

const parameters = { seed: 6455, numRuns: 1000 };

const tokenUnits = fc.constantFrom(..."abzABZ019!#$%&'*+-.^_`|~");
const tokens = fc.string({ unit: tokenUnits, minLength: 1, maxLength: 8 });
const values = fc.string({
  unit: fc.constantFrom(...'ab1,;= \t"\\/()\u0080\u00FF'),
  maxLength: 10,
});

function options(value: fc.Arbitrary<string>): fc.Arbitrary<Option[]> {
  const parameter = fc.oneof(
    fc.tuple(tokens).map((pair): OptionParameter => pair),
    fc.tuple(tokens, value).map((pair): OptionParameter => pair),
  );
  const option = fc
    .tuple(tokens, fc.array(parameter, { maxLength: 4 }))
    .map(([name, list]) => newOption(name, list));
  return fc.array(option, { minLength: 1, maxLength: 4 });
}

/** Pieces that lists are made of, right and wrong. */
const pieces = fc
  .array(
    fc.constantFrom(
      ...[
        "a",
        "b",
        ",",
        ";",
        "=",
        '"',
        "\\",
        " ",
        "\t",
        "; c=1",
        '; d="e"',
        '; f=""',
        '; g="h i"',
        '="f"',
        '"\\g"',
      ],
      ...["/", "\0", "\u00FF"],
    ),
    { maxLength: 16 },
  )
  .map((list) => fieldBytes(list.join("")));
const anyBytes = fc.oneof(pieces, fc.uint8Array({ maxLength: 40 }));

/** The grammar of a list as RFC 9110, 5.6 has it, written once more in another way. */
const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const quoted = (text: string): string => `"(?:${text})"`;
const plainText = "(?:[\\t !\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t -\\x7e\\x80-\\xff])*";
const tokenText = "(?:\\\\?[!#$%&'*+\\-.^_`|~0-9A-Za-z])+";

function grammar(text: string): RegExp {
  const option = `${token}(?:[ \\t]*;[ \\t]*${token}(?:=(?:${token}|${quoted(text)}))?)*`;
  return new RegExp(`^[ \\t,]*${option}(?:[ \\t]*,[ \\t,]*${option})*[ \\t]*(?:,[ \\t,]*)?$`);
}

const strictGrammar = grammar(tokenText);
const anyGrammar = grammar(plainText);

describe("writeOptions()", () => {
  it("writes tokens that parse back", () => {
    fc.assert(
      fc.property(options(tokens), (list) => {
        expect(parseOptions(writeOptions(list))).toEqual(list);
      }),
      parameters,
    );
  });

  it("writes values of any text that parse back", () => {
    fc.assert(
      fc.property(options(values), (list) => {
        const parsed = selectOptions(writeOptions(list), { anyValue: true });
        expect(parsed).toEqual(list);
        expect(list.every((option, index) => equalOptions(option, parsed![index]!))).toBe(true);
      }),
      parameters,
    );
  });

  it("writes what was parsed so that it parses to the same", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const parsed = selectOptions(bytes, { anyValue: true });
        if (parsed === undefined) return;
        expect(selectOptions(writeOptions(parsed), { anyValue: true })).toEqual(parsed);
      }),
      parameters,
    );
  });
});

describe("parseOptions()", () => {
  it("accepts what the grammar accepts, and never throws", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const text = latin1(bytes, 0, bytes.length);
        const parsed = parseOptions(bytes);
        expect(parsed !== undefined).toBe(strictGrammar.test(text));
        expect(parseOptions(text)).toEqual(parsed);
        const any = selectOptions(bytes, { anyValue: true });
        expect(any !== undefined).toBe(anyGrammar.test(text));
        if (parsed !== undefined) expect(any).toEqual(parsed);
      }),
      { ...parameters, numRuns: 5000 },
    );
  });

  it("reads nothing outside its range", () => {
    fc.assert(
      fc.property(anyBytes, fc.constantFrom(...'",;=\\a '), (bytes, other) => {
        const padded = new Uint8Array(bytes.length + 10).fill(other.charCodeAt(0));
        padded.set(bytes, 5);
        expect(parseOptions(padded, 5, 5 + bytes.length)).toEqual(parseOptions(bytes));
      }),
      parameters,
    );
  });
});

describe("scanOptions()", () => {
  it("shows what selectOptions() gives", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const scanned: { name: string; parameters: OptionParameter[] }[] = [];
        const isWellFormed = scanOptions(
          bytes,
          (index, name, attribute, value) => {
            scanned[index] ??= { name: headerText(name), parameters: [] };
            if (attribute === undefined) return ScanContinue;
            const key = headerText(attribute);
            scanned[index].parameters.push(value === undefined ? [key] : [key, headerText(value)]);
            return ScanContinue;
          },
          { anyValue: true },
        );
        const selected = selectOptions(bytes, { anyValue: true });
        expect(isWellFormed ? scanned : undefined).toEqual(selected);
      }),
      parameters,
    );
  });
});

describe("scanTokens()", () => {
  it("shows the options of a list that has no parameters", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const seen: string[] = [];
        const isWellFormed = scanTokens(bytes, (view) => seen.push(headerText(view)) > 0);
        const parsed = parseOptions(bytes);
        const isPlain = parsed?.every((option) => option.parameters.length === 0) ?? false;
        expect(isWellFormed).toBe(isPlain);
        if (isPlain) expect(seen).toEqual(parsed?.map((option) => option.name));
      }),
      parameters,
    );
  });
});

describe("intFromAscii()", () => {
  it("reads back every safe integer", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (number) => {
        const bytes = fieldBytes(`${number}`);
        expect(intFromAscii(bytes, 0, bytes.length)).toBe(number);
      }),
      parameters,
    );
  });
});

const octets = "[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]*";
const cookiePair = `${token}=(?:${octets}|"${octets}")`;
/** RFC 6265, 4.2.1. */
const cookieGrammar = new RegExp(`^${cookiePair}(?:; ${cookiePair})*$`);

/** What stands between two semicolons where that is read without `strict`: nothing, or a name, "=" and a value. */
const laxPairGrammar = /^[ \t]*(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*=[\t\x20-\x7e\x80-\xff]*)?$/;

describe("scanCookie()", () => {
  const cookieValues = fc.string({ unit: fc.constantFrom(..."abz09=/:%()[]{}"), maxLength: 10 });
  const quotedToo = fc.oneof(
    cookieValues,
    cookieValues.map((value) => `"${value}"`),
  );
  const pairs = fc.array(fc.tuple(tokens, quotedToo), { minLength: 1, maxLength: 6 });

  it("reads back cookies of RFC 6265, 4.2.1, strict or not", () => {
    fc.assert(
      fc.property(pairs, fc.boolean(), (list, strict) => {
        const header = list.map(([name, value]) => `${name}=${value}`).join("; ");
        const seen: [string, string][] = [];
        const visit = (name: Uint8Array, value: Uint8Array): boolean =>
          seen.push([headerText(name), headerText(value)]) > 0;
        expect(scanCookie(header, visit, { strict })).toBe(true);
        expect(seen).toEqual(list);
        expect(parseCookies(header)).toEqual(new Map(list.toReversed()));
      }),
      parameters,
    );
  });

  it("never throws, and shows without strict all that it shows with it", () => {
    fc.assert(
      fc.property(anyBytes, fc.boolean(), (bytes, unquote) => {
        const seen = [false, true].map((strict) => {
          const lines: string[] = [];
          const visit = (name: Uint8Array, value: Uint8Array): boolean =>
            lines.push(`${headerText(name)}=${headerText(value)}`) > 0;
          const isWellFormed = scanCookie(bytes, visit, { strict, unquote });
          return { lines, isWellFormed };
        });
        const [lax, strict] = seen as [(typeof seen)[0], (typeof seen)[0]];
        const parts = latin1(bytes, 0, bytes.length).split(";");
        expect(lax.isWellFormed).toBe(parts.every((part) => laxPairGrammar.test(part)));
        expect(strict.isWellFormed).toBe(cookieGrammar.test(latin1(bytes, 0, bytes.length)));
        if (strict.isWellFormed) expect(strict.lines).toEqual(lax.lines);
        else expect(lax.lines).toEqual(expect.arrayContaining(strict.lines));
      }),
      parameters,
    );
  });
});
