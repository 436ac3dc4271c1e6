/**
 * The text of a notification: a mark, and then an envelope in base64 or the id of the row with the envelope.
 *
 * @module
 */

/** The mark in front of an envelope. */
export const inline = "e";
/** The mark in front of a row's id. */
export const byRow = "r";

/** The most bytes of an envelope that fit into a notification. PostgreSQL takes less than 8 000 bytes, with the mark. */
export const mostInline: number = Math.floor((8000 - 1 - inline.length) / 4) * 3;
