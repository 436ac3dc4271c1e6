/**
 * Masking keys that nobody can predict (RFC 6455, 10.3).
 *
 * @module
 */

const poolSize = 1024;
let pool: Int32Array<ArrayBuffer> | undefined;
let used = poolSize;

/**
 * Draws a masking key from the runtime's source of strong randomness.
 *
 * Keys are drawn 1024 at a time, since each draw costs a call into the runtime. Each key is used once.
 *
 * @see gobwas NewMask, which uses math/rand
 */
export function newMask(): number {
  if (used === poolSize) {
    pool ??= new Int32Array(poolSize);
    crypto.getRandomValues(pool);
    used = 0;
  }
  return pool![used++];
}
