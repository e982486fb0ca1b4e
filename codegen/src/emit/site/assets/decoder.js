'use strict';

// The decoder of a register: a value lights its fields up, a second one shows what differs. The address of the page
// has both behind the register's name: `#SCTLR_EL1=0x30d0198d,0x30d0198c`.

/** Takes apart the values of one layout, which is a section of the page. */
class Decoder {
  /** @param {HTMLElement} section */
  constructor(section) {
    this.section = section;
    this.key = section.dataset.key ?? '';
    /** The register in the address: of a family, any member. */
    this.shown = this.key;
    this.width = Number(section.dataset.width);
    this.rows = [...section.querySelectorAll('tbody tr')].map((row) => new FieldRow(/** @type {HTMLElement} */ (row)));
    this.cells = /** @type {HTMLElement[]} */ ([...section.querySelectorAll('.bits a')]);
    this.value = this.input('Value');
    this.other = this.input('Compare with');
    this.report = document.createElement('output');
    this.heading = document.createElement('th');
    this.heading.scope = 'col';
    this.heading.textContent = 'Value';
    this.heading.hidden = true;
    section.querySelector('thead th:nth-child(2)')?.after(this.heading);
    const form = document.createElement('form');
    form.className = 'decoder';
    form.append(this.value.label, this.other.label, this.report);
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('input', () => {
      this.update();
      history.replaceState(null, '', this.address());
    });
    section.querySelector('h4')?.after(form);
  }

  /** @param {string} text */
  input(text) {
    const box = document.createElement('input');
    box.placeholder = hex(0n, this.width / 4);
    box.autocomplete = 'off';
    box.spellcheck = false;
    box.size = Math.max(this.width / 4 + 4, 8);
    const label = document.createElement('label');
    label.append(text, ' ', box);
    return { label, box };
  }

  /** The address of the page that shows what is shown. */
  address() {
    const values = [this.value, this.other].map(({ box }) => box.value.trim()).filter((text) => text !== '');
    return `#${this.shown}${values.length > 0 ? '=' : ''}${values.map(encodeURIComponent).join(',')}`;
  }

  /**
   * @param {string[]} texts
   * @param {string} shown
   */
  decode(texts, shown) {
    this.shown = shown;
    this.value.box.value = texts[0] ?? '';
    this.other.box.value = texts[1] ?? '';
    this.update();
  }

  /**
   * Reads a box; null where it is empty or has no value of the register.
   * @param {HTMLInputElement} box
   * @returns {bigint | null}
   */
  read(box) {
    const text = box.value.trim();
    const value = parseNumber(text);
    let problem = '';
    if (text !== '' && value === null) {
      problem = 'Expected a number, as 0x1f, 0b101 or 31';
    } else if (value !== null && value >> BigInt(this.width) !== 0n) {
      problem = `${hex(value)} has more than ${this.width} bits`;
    }
    box.setCustomValidity(problem);
    box.setAttribute('aria-invalid', String(problem !== ''));
    return problem === '' ? value : null;
  }

  update() {
    const [value, other] = [this.read(this.value.box), this.read(this.other.box)];
    const problem = this.value.box.validationMessage || this.other.box.validationMessage;
    this.heading.hidden = value === null;
    for (const row of this.rows) {
      row.show(value, other);
    }
    for (const cell of this.cells) {
      this.light(cell, value, other);
    }
    this.report.textContent = problem || this.summary(value, other);
    this.report.classList.toggle('problem', problem !== '');
  }

  /**
   * @param {bigint | null} value
   * @param {bigint | null} other
   */
  summary(value, other) {
    if (value === null) {
      return '';
    }
    const names = (/** @type {(row: FieldRow) => boolean} */ has) =>
      this.rows.filter(has).map((row) => row.field.name).join(', ');
    const wrong = names((row) => row.isWrong(value) || (other !== null && row.isWrong(other)));
    const warning = wrong === '' ? '' : `Not as reserved bits should be: ${wrong}`;
    if (other === null) {
      return warning;
    }
    const changed = names((row) => row.differs(value, other));
    return [changed === '' ? 'No field differs' : `Differs: ${changed}`, warning].filter((text) => text !== '').join('. ');
  }

  /**
   * Shows the bits of a cell of the diagram.
   * @param {HTMLElement} cell
   * @param {bigint | null} value
   * @param {bigint | null} other
   */
  light(cell, value, other) {
    const pieces = parsePieces(cell.dataset.bits ?? '');
    const bits = value === null ? null : bitsOf(pieces, value);
    const row = this.rows.find((row) => row.has(pieces[0]));
    cell.classList.toggle('on', bits !== null && bits !== 0n);
    cell.classList.toggle('wrong', value !== null && row !== undefined && row.isWrong(value));
    cell.classList.toggle('changed', bits !== null && other !== null && bits !== bitsOf(pieces, other));
    cell.querySelector('s')?.remove();
    if (bits !== null) {
      const digits = document.createElement('s');
      digits.textContent = bits.toString(2).padStart(widthOf(pieces), '0');
      cell.append(digits);
    }
  }
}

/** A row of the table of fields. */
class FieldRow {
  /** @param {HTMLElement} row */
  constructor(row) {
    this.row = row;
    const values = /** @type {HTMLElement[]} */ ([...row.querySelectorAll('[data-value]')]);
    this.values = values;
    /** @type {Field} */
    this.field = {
      name: row.querySelector('th')?.textContent ?? '',
      kind: row.dataset.kind ?? '',
      pieces: parsePieces(row.dataset.bits ?? ''),
      values: new Map(values.map((item) => [BigInt(item.dataset.value ?? 0), item.querySelector('span')?.textContent ?? ''])),
    };
  }

  /** @param {Piece} part */
  has(part) {
    return this.field.pieces.some(({ msb, lsb }) => lsb <= part.lsb && part.msb <= msb);
  }

  /** @param {bigint} value */
  isWrong(value) {
    return wrongPieces(this.field, value).length > 0;
  }

  /**
   * @param {bigint} value
   * @param {bigint} other
   */
  differs(value, other) {
    return bitsOf(this.field.pieces, value) !== bitsOf(this.field.pieces, other);
  }

  /**
   * Says what the field is in each value, in a cell of its own.
   * @param {bigint | null} value
   * @param {bigint | null} other
   */
  show(value, other) {
    const { classList } = this.row;
    const bits = value === null ? null : bitsOf(this.field.pieces, value);
    const changed = value !== null && other !== null && this.differs(value, other);
    classList.toggle('on', bits !== null && bits !== 0n && !isReserved(this.field));
    classList.toggle('wrong', value !== null && (this.isWrong(value) || (other !== null && this.isWrong(other))));
    classList.toggle('changed', changed);
    for (const item of this.values) {
      item.classList.toggle('on', bits === BigInt(item.dataset.value ?? 0));
    }
    this.row.querySelector('.says')?.remove();
    if (value !== null) {
      const says = document.createElement('td');
      says.className = 'says';
      says.append(fieldText(this.field, value));
      if (changed && other !== null) {
        says.append(' → ', fieldText(this.field, other));
      }
      this.row.querySelector('th')?.after(says);
    }
  }
}

/**
 * Finds what a name in an address stands for: a register, its layout on 32 bits, a field, likewise of any member of a
 * family, which has the fields of its first.
 * @param {string} name
 * @returns {{mark: Element, key: string, shown: string} | null}
 */
function locate(name) {
  const [, register = '', narrow = '', field] = /^(.+?)(:32)?(?:\.([^.]+))?$/.exec(name) ?? [];
  const whole = document.getElementById(name);
  const owner = whole ?? document.getElementById(register);
  const article = owner?.closest('article');
  if (!owner || !article) {
    return null;
  }
  const key = article.id + narrow;
  const row = whole ?? document.getElementById(`${key}.${field}`);
  return { mark: row ?? owner, key, shown: name };
}

{
  /** @type {Map<string, Decoder>} */
  const decoders = new Map();
  for (const section of document.querySelectorAll('section.layout')) {
    const decoder = new Decoder(/** @type {HTMLElement} */ (section));
    decoders.set(decoder.key, decoder);
  }

  /** Shows what the address names, and decodes the values in it. */
  const follow = () => {
    const [name, values] = location.hash.slice(1).split('=', 2);
    const place = locate(decodeURIComponent(name));
    document.querySelector('.target')?.classList.remove('target');
    if (place === null) {
      return;
    }
    place.mark.classList.add('target');
    place.mark.closest('details')?.setAttribute('open', '');
    if (values !== undefined) {
      decoders.get(place.key)?.decode(values.split(',').map(decodeURIComponent), place.shown);
    }
    place.mark.scrollIntoView();
  };
  addEventListener('hashchange', follow);
  follow();
}
