'use strict';

// Registers and fields by everything that they can be asked for.

/** Most results of a search. */
const MOST = 40;
/** Bits 51..0 of an id. */
const BODY = (1n << 52n) - 1n;
/** Most bytes of a vector register. */
const MOST_VLENB = 8192;

/**
 * A group of an architecture: each part of its numbers has a name, its most and its least significant bit.
 * @typedef {{name: string, base: string, mask: string, parts: [string, number, number][]}} Group
 */

/**
 * A row of a table, as `index.js` has it; numbers of up to 64 bits are text.
 * @typedef {{
 *   name: string, group: number, width: number | string, number: string, doc: string,
 *   suffix?: string, first?: number, count?: number, stride?: string, slices?: number, encoding?: string,
 *   struct?: string, alias?: boolean, xlen?: number, layout?: number, layout32?: number,
 * }} Row
 */

/**
 * @typedef {{
 *   arch: {name: string, page: string, code: number | null, groups: Group[]}, layouts: (string | string[])[][], rows: Row[],
 * }} Arch
 */

/**
 * A register: a member of a row.
 * @typedef {{arch: Arch, row: Row, name: string, index: number, number: bigint}} Register
 */

/**
 * A result: the title and what stands beside it, where it leads, and how far it is from what was asked for.
 * @typedef {{title: string, arch: string, note: string, href: string, rank: number}} Result
 */

/** Everything in the index, families expanded. */
class Catalogue {
  /** @param {Arch[]} archs */
  constructor(archs) {
    this.archs = archs;
    /** @type {Register[]} */
    this.registers = archs.flatMap((arch) => arch.rows.flatMap((row) => members(arch, row)));
    this.fields = this.registers.filter((register) => register.index === 0).flatMap(fieldsOf);
  }

  /**
   * Finds what a query asks for, the nearest first.
   * @param {string} query
   * @returns {Result[]}
   */
  find(query) {
    const words = query.trim().split(/\s+/).filter((word) => word !== '');
    const arch = words.length > 1 && this.archs.find(({ arch }) => arch.name === words[0].toLowerCase());
    const found = arch ? this.findWords(words.slice(1), arch) : this.findWords(words, null);
    const seen = new Set();
    const isNew = (/** @type {Result} */ { href }) => !seen.has(href) && seen.add(href);
    return found.sort((a, b) => a.rank - b.rank || a.title.length - b.title.length).filter(isNew).slice(0, MOST);
  }

  /**
   * @param {string[]} words
   * @param {Arch | null} arch
   * @returns {Result[]}
   */
  findWords(words, arch) {
    if (words.length === 0) {
      return [];
    }
    const registers = this.registers.filter((register) => arch === null || register.arch === arch);
    const numbers = words.map(parseNumber);
    const start = numbers.findIndex((number, index) => index > 0 && number !== null);
    const values = start < 0 ? [] : /** @type {bigint[]} */ (numbers.slice(start).filter((n) => n !== null));
    const [number] = numbers;
    if (number !== null) {
      return [...byParts(registers, numbers), ...byId(registers, number, values), ...byNumber(registers, number, values)];
    }
    const names = start < 0 ? words : words.slice(0, start);
    const fields = this.fields.filter(({ register }) => arch === null || register.arch === arch);
    return [
      ...byEncoding(registers, words[0], values),
      ...byOffset(registers, words.join('')),
      ...byName(registers, names, values),
      ...(values.length === 0 ? byField(fields, names) : []),
      ...(/^[0-9a-f]{3,16}$/i.test(words[0]) ? byNumber(registers, BigInt('0x' + words[0]), values) : []),
    ];
  }

  /**
   * Says what the bits of an id mean that no table has.
   * @param {string} query
   * @returns {string | null}
   */
  explain(query) {
    const id = parseNumber(query.trim());
    if (id === null || id <= BODY) {
      return null;
    }
    const code = Number(id >> 56n);
    const arch = this.archs.find(({ arch }) => arch.code === code);
    const bits = 8 << Number((id >> 52n) & 0xfn);
    const group = arch?.arch.groups.find(({ base, mask }) => ((id & BODY) & ~BigInt(mask)) === BigInt(base) && mask !== '0x0');
    const place = group ? `, group ${group.name}, number ${hex(id & BigInt(group.mask))}` : '';
    const name = arch ? arch.arch.name : `an unknown architecture, code ${hex(BigInt(code), 2)}`;
    return `No register has this id: ${name}, ${bits} bits${place}`;
  }
}

/**
 * @param {Arch} arch
 * @param {Row} row
 * @returns {Register[]}
 */
function members(arch, row) {
  return Array.from({ length: row.count ?? 1 }, (_, index) => {
    const name = row.first === undefined ? row.name : `${row.name}${row.first + index}${row.suffix}`;
    const number = BigInt(row.number) + BigInt(row.stride ?? '0x0') * BigInt(index);
    return { arch, row, name, index, number };
  });
}

/**
 * The fields of a register; where they depend on XLEN, those that only 32 bits have lead to these.
 * @param {Register} register
 */
function fieldsOf(register) {
  const { layout, layout32 } = register.row;
  const names = (/** @type {number | undefined} */ index) =>
    index === undefined ? [] : register.arch.layouts[index].map((field) => [field].flat());
  const wide = names(layout);
  const narrow = names(layout32).filter(([name]) => !wide.some(([other]) => other === name));
  return [
    ...wide.map((names) => ({ register, names, key: register.name })),
    ...narrow.map((names) => ({ register, names, key: `${register.name}:32` })),
  ];
}

/** @param {Register} register */
function groupOf(register) {
  return register.arch.arch.groups[register.row.group];
}

/**
 * Width in bits on a host of 64 bits with vector registers of 128, or on one that has the register.
 * @param {Row} row
 */
function usualWidth(row) {
  switch (row.width) {
    case 'ulong':
      return row.xlen ?? 64;
    case 'vlenb':
      return 128;
    default:
      return Number(row.width);
  }
}

/** @param {number} bits */
function sizeBits(bits) {
  return BigInt(Math.floor(Math.log2(bits / 8))) << 52n;
}

/**
 * The id without its size bits; an address where there are no ids.
 * @param {Register} register
 */
function bodyOf(register) {
  return (BigInt(register.arch.arch.code ?? 0) << 56n) | (BigInt(groupOf(register).base) + register.number);
}

/**
 * Where a register lives: its id, its address, or the offset in a struct.
 * @param {Register} register
 */
function placeOf(register) {
  const { row, arch, number } = register;
  if (row.struct !== undefined) {
    return `${row.struct}+${hex(number, 4)}`;
  }
  const size = arch.arch.code === null ? 0n : sizeBits(usualWidth(row));
  return hex(bodyOf(register) | size, 16);
}

/**
 * The register as a result, behind one of the same rank where its name is a second one; values lead to its fields.
 * @param {Register} register
 * @param {number} rank
 * @param {bigint[]} [values]
 * @param {number} [width]
 * @returns {Result}
 */
function result(register, rank, values = [], width = usualWidth(register.row)) {
  const { arch, row, name } = register;
  const is32 = row.width === 'ulong' && width === 32 && row.layout32 !== undefined;
  const described = is32 || row.layout !== undefined;
  const shown = described ? values.slice(0, 2).map((value) => hex(value)) : [];
  const fragment = name + (is32 ? ':32' : '') + (shown.length > 0 ? `=${shown.join(',')}` : '');
  const verb = ['', 'decode ', 'compare '][shown.length];
  return {
    title: name,
    arch: arch.arch.name,
    note: `${verb}${shown.join(' ')}${verb && ' · '}${placeOf(register)} · ${row.doc}`,
    href: `${arch.arch.page}#${fragment}`,
    rank: rank + (row.alias ? 0.1 : 0),
  };
}

/**
 * By the id, at every size that a host could give it, and of every slice; by the address where there are no ids.
 * @param {Register[]} registers
 * @param {bigint} id
 * @param {bigint[]} values
 */
function byId(registers, id, values) {
  const size = id & (0xfn << 52n);
  const bits = 8 << Number(size >> 52n);
  return registers.flatMap((register) => {
    const { row, arch } = register;
    if (row.struct !== undefined) {
      return [];
    }
    const isKvm = arch.arch.code !== null;
    const slice = (isKvm ? id & ~(0xfn << 52n) : id) - bodyOf(register);
    const fits = !isKvm || sizeFits(row, bits);
    return fits && slice >= 0n && slice < BigInt(row.slices || 1) ? [result(register, 0, values, isKvm ? bits : undefined)] : [];
  });
}

/**
 * @param {Row} row
 * @param {number} bits
 */
function sizeFits(row, bits) {
  switch (row.width) {
    case 'ulong':
      return row.xlen === undefined ? bits === 32 || bits === 64 : bits === row.xlen;
    case 'vlenb':
      return bits / 8 <= MOST_VLENB;
    default:
      return sizeBits(Number(row.width)) === sizeBits(bits);
  }
}

/**
 * By the parts of a number or of an encoding: `3 0 13 0 2`.
 * @param {Register[]} registers
 * @param {(bigint | null)[]} numbers
 */
function byParts(registers, numbers) {
  return numbers.length > 1 && !numbers.includes(null) ? partsMatch(registers, /** @type {bigint[]} */ (numbers), []) : [];
}

/**
 * @param {Register[]} registers
 * @param {bigint[]} numbers
 * @param {bigint[]} values
 */
function partsMatch(registers, numbers, values) {
  return registers.flatMap((register) => {
    const { parts } = groupOf(register);
    const { struct, encoding } = register.row;
    if (struct !== undefined || parts.length !== numbers.length) {
      return [];
    }
    const has = (/** @type {bigint} */ number) =>
      parts.every(([, msb, lsb], index) => bitsOf([{ msb, lsb }], number) === numbers[index]);
    if (encoding !== undefined && has(BigInt(encoding))) {
      return [result(register, 0, values)];
    }
    return has(register.number) ? [result(register, 1, values)] : [];
  });
}

/**
 * By an encoding as an assembler has it: `S3_0_C1_C0_0`.
 * @param {Register[]} registers
 * @param {string} word
 * @param {bigint[]} values
 */
function byEncoding(registers, word, values) {
  const match = /^s(\d+)_(\d+)_c(\d+)_c(\d+)_(\d+)$/i.exec(word);
  return match ? partsMatch(registers, match.slice(1).map(BigInt), values) : [];
}

/**
 * By the number in a group, such as that of an MSR, or the offset in a struct.
 * @param {Register[]} registers
 * @param {bigint} number
 * @param {bigint[]} values
 */
function byNumber(registers, number, values) {
  return registers
    .filter((register) => register.number === number)
    .map((register) => result(register, register.row.struct === undefined ? 2 : 3, values));
}

/**
 * By a struct and an offset: `kvm_sregs+0x10`, `sregs + 16`.
 * @param {Register[]} registers
 * @param {string} text
 */
function byOffset(registers, text) {
  const [name, offset, ...rest] = text.toLowerCase().split('+');
  const number = parseNumber(offset ?? '');
  if (number === null || rest.length > 0) {
    return [];
  }
  const isMeant = (/** @type {Register} */ { row, number: own }) => own === number && (row.struct === name || row.struct === `kvm_${name}`);
  return registers.filter(isMeant).map((register) => result(register, 0));
}

/**
 * By words, all of which stand in the name or in what is said of the register.
 * @param {Register[]} registers
 * @param {string[]} words
 * @param {bigint[]} values
 */
function byName(registers, words, values) {
  const wanted = words.map((word) => word.toLowerCase());
  return registers.flatMap((register) => {
    const doc = register.row.doc.toLowerCase();
    const rank = total(wanted, (word) => nameRank(register.name.toLowerCase(), word) ?? (doc.includes(word) ? 6 : null));
    return rank === null ? [] : [result(register, rank, values)];
  });
}

/**
 * By a name of a field, alone or behind its register's: `M`, `SCTLR_EL1.M`, `sctlr m`, `EFER_NX`.
 * @param {{register: Register, names: string[], key: string}[]} fields
 * @param {string[]} words
 * @returns {Result[]}
 */
function byField(fields, words) {
  const wanted = words.join(' ').toLowerCase().split(/[ .]+/).filter((word) => word !== '');
  return fields.flatMap(({ register, names, key }) => {
    const [name, ...also] = names;
    const lower = names.map((name) => name.toLowerCase());
    if (!wanted.some((word) => lower.some((name) => name.includes(word)))) {
      return [];
    }
    const owner = wanted.length > 1 ? [register.name.toLowerCase()] : [];
    const rank = total(wanted, (word) => bestRank(lower, word) ?? bestRank(owner, word));
    if (rank === null) {
      return [];
    }
    const { name: arch, page } = register.arch.arch;
    const note = ['field', ...also.map((name) => `also ${name}`), register.row.doc].join(' · ');
    return [{ title: `${register.name}.${name}`, arch, note, href: `${page}#${key}.${name}`, rank: rank + 0.5 }];
  });
}

/**
 * How far the nearest of some names is from a word; null where none has it.
 * @param {string[]} names
 * @param {string} word
 * @returns {number | null}
 */
function bestRank(names, word) {
  const ranks = names.map((name) => nameRank(name, word)).filter((rank) => rank !== null);
  return ranks.length > 0 ? Math.min(...ranks) : null;
}

/**
 * How far a name is from a word; null where it does not have it.
 * @param {string} name
 * @param {string} word
 * @returns {number | null}
 */
function nameRank(name, word) {
  const at = name.indexOf(word);
  if (at < 0) {
    return null;
  }
  if (name.length === word.length) {
    return 0;
  }
  return at === 0 ? 2 : name[at - 1] === '_' ? 3 : 4;
}

/**
 * The sum of the ranks of all words; null where one has none.
 * @param {string[]} words
 * @param {(word: string) => number | null} rank
 * @returns {number | null}
 */
function total(words, rank) {
  let sum = 0;
  for (const word of words) {
    const own = rank(word);
    if (own === null) {
      return null;
    }
    sum += own;
  }
  return sum;
}
