'use strict';

// The search box of every page: a combobox whose list is filled from the index.

/** @type {Promise<Catalogue> | null} */
let catalogue = null;
/** @type {(archs: Arch[]) => void} */
let indexLoaded = () => {};

/** Loads the index when it is first needed; a script, since a page of a folder cannot read other files. */
function loadCatalogue() {
  catalogue ??= new Promise((resolve) => {
    indexLoaded = (archs) => resolve(new Catalogue(archs));
    const script = document.createElement('script');
    script.src = 'index.js';
    document.head.append(script);
  });
  return catalogue;
}

/** The box, its list, and what of it is chosen. */
class Search {
  constructor() {
    this.box = /** @type {HTMLInputElement} */ (document.getElementById('query'));
    this.list = /** @type {HTMLElement} */ (document.getElementById('results'));
    this.found = /** @type {HTMLElement} */ (document.getElementById('found'));
    this.chosen = -1;
    this.box.addEventListener('focus', () => void loadCatalogue());
    this.box.addEventListener('input', () => void this.search());
    this.box.addEventListener('keydown', (event) => this.key(event));
    this.box.addEventListener('blur', () => this.close());
    // A click must not take the focus, and close the list, before it arrives.
    this.list.addEventListener('mousedown', (event) => event.preventDefault());
    this.list.addEventListener('click', () => this.close());
  }

  /** @param {string} query */
  async ask(query) {
    this.box.value = query;
    this.box.focus();
    await this.search();
  }

  async search() {
    const query = this.box.value;
    const { find, explain } = await loadCatalogue().then((all) => ({
      find: all.find(query),
      explain: all.explain(query),
    }));
    if (query !== this.box.value) {
      return;
    }
    this.show(find);
    this.found.textContent = this.report(query, find.length, explain);
    this.found.hidden = query.trim() === '';
    this.found.classList.toggle('nothing', find.length === 0);
  }

  /**
   * @param {string} query
   * @param {number} count
   * @param {string | null} explain
   */
  report(query, count, explain) {
    if (query.trim() === '') {
      return '';
    }
    const more = count === MOST ? 'The first ' : '';
    return count > 0 ? `${more}${count} found` : (explain ?? 'Nothing found');
  }

  /** @param {Result[]} results */
  show(results) {
    this.list.replaceChildren(...results.map(option));
    this.list.hidden = results.length === 0;
    this.box.setAttribute('aria-expanded', String(results.length > 0));
    this.choose(results.length > 0 ? 0 : -1);
  }

  /** @param {number} index */
  choose(index) {
    this.list.children[this.chosen]?.setAttribute('aria-selected', 'false');
    this.chosen = index;
    const option = this.list.children[index];
    option?.setAttribute('aria-selected', 'true');
    option?.scrollIntoView({ block: 'nearest' });
    if (option) {
      this.box.setAttribute('aria-activedescendant', option.id);
    } else {
      this.box.removeAttribute('aria-activedescendant');
    }
  }

  close() {
    this.show([]);
    this.found.hidden = true;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const count = this.list.children.length;
    if (event.key === 'ArrowDown' && count > 0) {
      this.choose((this.chosen + 1) % count);
    } else if (event.key === 'ArrowUp' && count > 0) {
      this.choose((this.chosen - 1 + count) % count);
    } else if (event.key === 'ArrowDown' && this.box.value !== '') {
      void this.search();
    } else if (event.key === 'Enter' && count > 0) {
      this.list.children[this.chosen].querySelector('a')?.click();
      this.box.blur();
    } else if (event.key === 'Escape' && this.found.hidden) {
      this.box.value = '';
      this.box.blur();
    } else if (event.key === 'Escape') {
      this.close();
    } else {
      return;
    }
    event.preventDefault();
  }
}

/**
 * @param {Result} result
 * @param {number} index
 */
function option(result, index) {
  const item = document.createElement('li');
  item.id = `result:${index}`;
  item.setAttribute('role', 'option');
  item.setAttribute('aria-selected', 'false');
  const link = document.createElement('a');
  link.href = result.href;
  link.tabIndex = -1;
  link.append(span('name', result.title), span('arch', result.arch), span('note', result.note));
  item.append(link);
  return item;
}

/**
 * @param {string} name
 * @param {string} text
 */
function span(name, text) {
  const element = document.createElement('span');
  element.className = name;
  element.textContent = text;
  return element;
}

/** @param {EventTarget | null} target */
function takesText(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

{
  const search = new Search();
  search.found.hidden = true;
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey && !takesText(event.target)) {
      event.preventDefault();
      search.box.focus();
      search.box.select();
    }
  });
  for (const button of document.querySelectorAll('button.query')) {
    button.addEventListener('click', () => void search.ask(button.textContent ?? ''));
  }
}
