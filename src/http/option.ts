/**
 * Header options: names with parameters, as in Sec-WebSocket-Extensions (RFC 9110, 5.6; RFC 6455, 9.1).
 *
 * Grammar: `1#( token *( OWS ";" OWS token [ OWS "=" OWS ( token / quoted-string ) ] ) )`. The parser reads each byte once, in
 * place. Strings count as Latin-1; a character above U+00FF is malformed.
 *
 * @module
 */

import { checkSpan } from "../arguments.ts";
import { fieldBytes, OptionScanner, type OptionSyntax } from "./option-scanner.ts";
import { checkFieldValue, checkToken, isToken } from "./token.ts";

/** A parameter of an option. A parameter without a value (`a`) is different from one with an empty value (`a=""`). */
export type OptionParameter = readonly [name: string, value?: string | undefined];

/** A name with its parameters, in their order, including repeated ones. Upper and lower case are different. */
export interface Option {
  /** The name, a token. */
  readonly name: string;
  /** Its parameters. */
  readonly parameters: readonly OptionParameter[];
}

/** Parameters by name. `true` stands for a parameter without a value; undefined for no parameter. */
export type OptionParameters = Readonly<Record<string, string | true | undefined>>;

/** Which options of a list to take. */
export interface OptionSelection extends OptionSyntax {
  /** Tells whether to take an option. Default: every option is taken. */
  readonly check?: ((option: Option) => boolean) | undefined;
  /** Takes only the first option of each name that passes `check`. Default: false. */
  readonly unique?: boolean | undefined;
}

/** The scan continues. */
export const ScanContinue = 0;
/** The scan ends. The rest of the list is not read. */
export const ScanBreak = 1;
/** The scan continues with the next option. The rest of the current one is checked, but not shown. */
export const ScanSkip = 2;

/** How a scan continues after a call of the visitor of {@link scanOptions}. */
export type ScanControl = typeof ScanContinue | typeof ScanBreak | typeof ScanSkip;

/**
 * Gets a parameter, or an option without parameters. The views are valid during the call.
 *
 * @param index Index of the option, from 0.
 * @param attribute Name of the parameter; undefined if the option has none.
 * @param value Value without quotes and escapes; undefined if the parameter has none.
 */
export type OptionVisitor = (
  index: number,
  option: Uint8Array,
  attribute: Uint8Array | undefined,
  value: Uint8Array | undefined,
) => ScanControl;

/** Makes the option at which a scanner stands. The result is complete only if the list is not malformed afterwards. */
function readOption(scanner: OptionScanner): Option {
  const name = scanner.nameText;
  const parameters: OptionParameter[] = [];
  while (scanner.nextParameter()) {
    const value = scanner.valueText;
    parameters.push(value === undefined ? [scanner.nameText] : [scanner.nameText, value]);
  }
  return { name, parameters };
}

/**
 * Makes an option.
 *
 * @param parameters An object; or pairs, if a name is repeated.
 * @throws {TypeError} A name is not a token; a value is not a string, or is not a field value.
 * @see gobwas NewOption
 */
export function newOption(
  name: string,
  parameters: Iterable<OptionParameter> | OptionParameters = [],
): Option {
  const option: Option = {
    name,
    parameters: isIterable(parameters) ? Array.from(parameters) : pairsOf(parameters),
  };
  checkOption(option);
  return option;
}

function isIterable(
  parameters: Iterable<OptionParameter> | OptionParameters,
): parameters is Iterable<OptionParameter> {
  return Symbol.iterator in parameters;
}

function pairsOf(parameters: OptionParameters): OptionParameter[] {
  const pairs: OptionParameter[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) pairs.push(value === true ? [name] : [name, value]);
  }
  return pairs;
}

function checkOption({ name, parameters }: Option): void {
  checkToken("Option", name);
  for (const [parameter, value = ""] of parameters) {
    checkToken(`Parameter of ${name}`, parameter);
    checkFieldValue(`${name}'s ${parameter}`, value);
  }
}

/**
 * Gives a parameter's value; the first one if the name is repeated.
 *
 * @returns true if the parameter has no value; undefined if there is none with that name.
 * @see gobwas Parameters.Get
 */
export function optionParameter(option: Option, name: string): string | true | undefined {
  const found = option.parameters.find(([parameter]) => parameter === name);
  return found && (found[1] ?? true);
}

/**
 * Tells whether two options have the same name and the same parameters in the same order.
 *
 * @see gobwas Option.Equal
 */
export function equalOptions(a: Option, b: Option): boolean {
  return (
    a.name === b.name &&
    a.parameters.length === b.parameters.length &&
    a.parameters.every(([name, value], index) => {
      const [otherName, otherValue] = b.parameters[index];
      return name === otherName && value === otherValue;
    })
  );
}

/**
 * Parses a list of options, as in Sec-WebSocket-Extensions. Empty elements are skipped.
 *
 * Use it for a whole header. If a header has several lines, some of which may be empty, use {@link addOptions}. For values that
 * are not tokens use {@link selectOptions}.
 *
 * @param start Default: 0.
 * @param end Default: the end of `source`.
 * @returns undefined if the list is malformed or has no option.
 * @throws {TypeError} `source` is neither a string nor a Uint8Array.
 * @throws {RangeError} `start` or `end` is not within `source`.
 * @see gobwas ParseOptions
 */
export function parseOptions(
  source: Uint8Array | string,
  start = 0,
  end?: number,
): Option[] | undefined {
  const options: Option[] = [];
  const bytes = fieldBytes(source);
  const isWellFormed = addOptions(options, bytes, start, end ?? bytes.length);
  return isWellFormed && options.length > 0 ? options : undefined;
}

/**
 * Appends the options of one of several header lines to `options`. A line may be empty.
 *
 * @returns false if the line is malformed. Then the options before the error were added.
 * @throws {TypeError} `bytes` is not a Uint8Array, or is detached.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 */
export function addOptions(
  options: Option[],
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const scanner = new OptionScanner(bytes, start, end);
  while (scanner.nextOption()) {
    const option = readOption(scanner);
    if (!scanner.isMalformed) options.push(option);
  }
  return !scanner.isMalformed;
}

/**
 * Parses a list of options and takes some of them.
 *
 * @returns undefined if the list is malformed or has no option; an empty array if none was taken.
 * @throws {TypeError} `source` is neither a string nor a Uint8Array.
 * @see gobwas OptionSelector
 */
export function selectOptions(
  source: Uint8Array | string,
  { check, unique = false, anyValue }: OptionSelection = {},
): Option[] | undefined {
  const selected: Option[] = [];
  const names = new Set<string>();
  const bytes = fieldBytes(source);
  const scanner = new OptionScanner(bytes, 0, bytes.length, anyValue);
  let count = 0;
  for (; scanner.nextOption(); count++) {
    const option = readOption(scanner);
    if (scanner.isMalformed || (unique && names.has(option.name))) continue;
    if (check !== undefined && !check(option)) continue;
    names.add(option.name);
    selected.push(option);
  }
  return scanner.isMalformed || count === 0 ? undefined : selected;
}

/**
 * Scans a list of options without making strings.
 *
 * `visit` gets each parameter once, and an option without parameters once. Only the result tells whether the list is malformed;
 * it may be so after options that `visit` has got.
 *
 * @returns false if the list has no option, or is malformed before its end or a {@link ScanBreak}.
 * @throws {TypeError} `bytes` is not a Uint8Array, or is detached.
 * @see gobwas ScanOptions
 */
export function scanOptions(
  bytes: Uint8Array,
  visit: OptionVisitor,
  { anyValue }: OptionSyntax = {},
): boolean {
  const scanner = new OptionScanner(bytes, 0, bytes.length, anyValue);
  let index = 0;
  for (; scanner.nextOption(); index++) {
    if (visitOption(scanner, index, visit) === ScanBreak) return true;
  }
  return index > 0 && !scanner.isMalformed;
}

/** Shows an option to `visit`, and gives its last result. */
function visitOption(scanner: OptionScanner, index: number, visit: OptionVisitor): ScanControl {
  const option = scanner.nameView;
  if (!scanner.nextParameter()) {
    return scanner.isMalformed ? ScanContinue : visit(index, option, undefined, undefined);
  }
  let control: ScanControl;
  do {
    control = visit(index, option, scanner.nameView, scanner.valueView);
  } while (control === ScanContinue && scanner.nextParameter());
  return control;
}

/**
 * Scans a comma-separated list of tokens without making strings. Empty elements are skipped.
 *
 * @param visit Gets a view that is valid during the call; returns false to end the scan.
 * @returns false if the list has no token, or is malformed in the part that was scanned.
 * @throws {TypeError} `bytes` is not a Uint8Array, or is detached.
 * @see gobwas ScanTokens
 */
export function scanTokens(bytes: Uint8Array, visit: (token: Uint8Array) => boolean): boolean {
  const scanner = new OptionScanner(bytes, 0, bytes.length);
  let count = 0;
  for (; scanner.nextOption(); count++) {
    const token = scanner.nameView;
    if (scanner.nextParameter() || scanner.isMalformed) return false;
    if (!visit(token)) return true;
  }
  return count > 0 && !scanner.isMalformed;
}

/**
 * Writes a list of options, such as `a; b=1, c; d="e f"`.
 *
 * A value that is not a token is quoted. Sec-WebSocket-Extensions does not allow such a value, quoted or not.
 *
 * @throws {TypeError} A name is not a token; a value is not a string, or is not a field value.
 * @see gobwas WriteOptions
 */
export function writeOptions(options: readonly Option[]): string {
  return options.map(writeOption).join(", ");
}

function writeOption(option: Option): string {
  checkOption(option);
  let text = option.name;
  for (const [name, value] of option.parameters) {
    text += value === undefined ? `; ${name}` : `; ${name}=${writeValue(value)}`;
  }
  return text;
}

function writeValue(value: string): string {
  return isToken(value) ? value : `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}

/**
 * Reads a number of decimal digits. Leading zeros are allowed.
 *
 * @returns undefined if there is no digit, another byte, or a number above 2^53 - 1.
 * @throws {TypeError} `bytes` is not a Uint8Array, or is detached.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 * @see gobwas IntFromASCII
 */
export function intFromAscii(bytes: Uint8Array, start: number, end: number): number | undefined {
  checkSpan(bytes, start, end);
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return start < end ? value : undefined;
}
