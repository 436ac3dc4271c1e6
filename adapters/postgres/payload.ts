/**
 * What the text of a notification is: a mark, and an envelope in base64 or the id of a row that has it.
 *
 * @module
 */

/** In front of an envelope. */
export const inline = "e";
/** In front of a row's id. */
export const byRow = "r";

/** Bytes of an envelope that fit into a notification: PostgreSQL takes less than 8 000 bytes, the mark among them. */
export const mostInline: number = Math.floor((8000 - 1 - inline.length) / 4) * 3;
