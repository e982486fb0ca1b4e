'use strict';

// What the bits of a value say, as `onereg decode` has it.

/**
 * A run of bits.
 * @typedef {{msb: number, lsb: number}} Piece
 */

/**
 * A field of a register; `pieces` has the most significant first.
 * @typedef {{name: string, kind: string, pieces: Piece[], values: Map<bigint, string>}} Field
 */

/**
 * Reads `0x1f`, `0b101` or `31`; underscores may stand between digits.
 * @param {string} text
 * @returns {bigint | null}
 */
function parseNumber(text) {
  const digits = text.replaceAll('_', '').toLowerCase();
  return /^(0x[0-9a-f]+|0b[01]+|[0-9]+)$/.test(digits) ? BigInt(digits) : null;
}

/**
 * @param {bigint} number
 * @param {number} [digits]
 */
function hex(number, digits = 1) {
  return '0x' + number.toString(16).padStart(digits, '0');
}

/**
 * Reads pieces as an attribute has them: `39:32 7:0`.
 * @param {string} text
 * @returns {Piece[]}
 */
function parsePieces(text) {
  return text.split(' ').map((piece) => {
    const [msb, lsb] = piece.split(':').map(Number);
    return { msb, lsb };
  });
}

/** @param {Piece[]} pieces */
function widthOf(pieces) {
  return pieces.reduce((width, { msb, lsb }) => width + msb - lsb + 1, 0);
}

/**
 * The bits of all pieces, joined.
 * @param {Piece[]} pieces
 * @param {bigint} value
 */
function bitsOf(pieces, value) {
  return pieces.reduce((joined, piece) => {
    const width = widthOf([piece]);
    return (joined << BigInt(width)) | BigInt.asUintN(width, value >> BigInt(piece.lsb));
  }, 0n);
}

/** @param {Field} field */
function isReserved(field) {
  return ['res0', 'res1', 'raz', 'unkn'].includes(field.kind);
}

/**
 * What reserved bits should be; null where that is not known.
 * @param {Field} field
 * @param {Piece} piece
 * @returns {bigint | null}
 */
function expectedBits(field, piece) {
  switch (field.kind) {
    case 'res0':
    case 'raz':
      return 0n;
    case 'res1':
      return (1n << BigInt(widthOf([piece]))) - 1n;
    default:
      return null;
  }
}

/**
 * The pieces of a reserved field that are not what they should be.
 * @param {Field} field
 * @param {bigint} value
 */
function wrongPieces(field, value) {
  return field.pieces.filter((piece) => {
    const expected = expectedBits(field, piece);
    return expected !== null && bitsOf([piece], value) !== expected;
  });
}

/**
 * What a field says in a value; of reserved bits only what is wrong with them.
 * @param {Field} field
 * @param {bigint} value
 */
function fieldText(field, value) {
  if (isReserved(field)) {
    const text = (/** @type {Piece} */ piece) =>
      `${hex(bitsOf([piece], value))} (should be ${shortText(expectedBits(field, piece) ?? 0n)})`;
    return wrongPieces(field, value).map(text).join(', ');
  }
  const bits = bitsOf(field.pieces, value);
  const name = field.values.get(bits);
  const width = widthOf(field.pieces);
  if (name !== undefined) {
    return name;
  }
  switch (field.kind) {
    case 'int':
      return BigInt.asIntN(width, bits).toString();
    case 'enum':
      return `${hex(bits)} (no name)`;
    default:
      return width === 1 ? bits.toString() : hex(bits);
  }
}

/** @param {bigint} bits */
function shortText(bits) {
  return bits === 0n ? '0' : hex(bits);
}
