/**
 * Converts any value that peers are sent to text or bytes.
 *
 * @module
 */

/**
 * Gives the text or bytes to send for a value: strings and bytes unchanged, `undefined` and `null` as "", numbers and the like as
 * text, everything else as JSON.
 *
 * @throws {TypeError} The value is a `Blob`, whose bytes come by a promise, or JSON has no form for it.
 */
export function outgoingOf(value: unknown): string | Uint8Array {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "boolean":
    case "bigint":
      return String(value);
    case "undefined":
      return "";
    case "object":
      return value === null ? "" : ofObject(value);
    default:
      return "{}";
  }
}

function ofObject(value: object): string | Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  const tag: unknown = (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  if (tag === "ArrayBuffer" || tag === "SharedArrayBuffer") {
    return new Uint8Array(value as ArrayBuffer);
  }
  if (tag === "Blob" || tag === "File") {
    throw new TypeError("A Blob cannot be sent as it is: send(await blob.bytes())");
  }
  return JSON.stringify(value) ?? "{}";
}
