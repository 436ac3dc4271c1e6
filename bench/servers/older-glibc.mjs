/**
 * A shared object that was linked with glibc 2.38 or newer, for a system whose glibc is older.
 *
 * Compilers since then call `strtol`, `strtoul` and `sscanf` by names that only newer libraries have
 * (`__isoc23_strtol@GLIBC_2.38`), for the sake of binary literals such as 0b101. In a copy the three get their old names
 * and their old version; nothing else is touched, and none of it is on the way of a message.
 */

const renamed = ["strtol", "strtoul", "sscanf"];
const newVersion = "GLIBC_2.38";
const oldVersion = "GLIBC_2.2.5";

/** Section types of ELF. */
const typeVersionsNeeded = 0x6ffffffe;

/** The sections of a 64-bit little-endian ELF file. */
function sectionsOf(file) {
  const table = Number(file.readBigUInt64LE(0x28));
  const size = file.readUInt16LE(0x3a);
  const count = file.readUInt16LE(0x3c);
  return Array.from({ length: count }, (_, i) => {
    const at = table + i * size;
    return {
      type: file.readUInt32LE(at + 4),
      offset: Number(file.readBigUInt64LE(at + 0x18)),
      size: Number(file.readBigUInt64LE(at + 0x20)),
      link: file.readUInt32LE(at + 0x28),
    };
  });
}

function textAt(file, at) {
  return file.toString("latin1", at, file.indexOf(0, at));
}

/** Where libc's needed versions are written, by name. */
function libcVersions(file, { offset, strings }) {
  const versions = {};
  for (let need = offset, next = 1; next !== 0; need += next) {
    const isLibc = textAt(file, strings + file.readUInt32LE(need + 4)) === "libc.so.6";
    for (let aux = need + file.readUInt32LE(need + 8), step = 1; step !== 0; aux += step) {
      if (isLibc) versions[textAt(file, strings + file.readUInt32LE(aux + 8))] = aux;
      step = file.readUInt32LE(aux + 12);
    }
    next = file.readUInt32LE(need + 12);
  }
  return versions;
}

/** @returns The bytes of the copy. */
export function forOlderGlibc(original) {
  const file = Buffer.from(original);
  const sections = sectionsOf(file);
  const needs = sections.find(({ type }) => type === typeVersionsNeeded);
  const { offset: strings, size } = sections[needs.link];
  for (const name of renamed) {
    const at = file.indexOf(`\0__isoc23_${name}\0`, strings, "latin1");
    if (at >= 0 && at < strings + size) file.write(`${name}\0`, at + 1, "latin1");
  }
  const versions = libcVersions(file, { offset: needs.offset, strings });
  const [from, to] = [versions[oldVersion], versions[newVersion]];
  file.copy(file, to, from, from + 4); // the hash of the name
  file.copy(file, to + 8, from + 8, from + 12); // the name
  return file;
}
