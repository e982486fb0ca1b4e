'use strict';

// Light or dark: the system's choice, until the button makes another one, which is kept.

const THEME_KEY = 'onereg-theme';

/** @returns {'light' | 'dark'} */
function currentTheme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === 'light' || chosen === 'dark') {
    return chosen;
  }
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** @param {string | null} theme */
function chooseTheme(theme) {
  if (theme === 'light' || theme === 'dark') {
    document.documentElement.dataset.theme = theme;
  }
  document.getElementById('theme')?.setAttribute('aria-pressed', String(currentTheme() === 'dark'));
}

/**
 * The choice that is kept; a browser may keep nothing.
 * @returns {string | null}
 */
function keptTheme() {
  try {
    return localStorage.getItem(THEME_KEY);
  } catch {
    return null;
  }
}

/** @param {string} theme */
function keepTheme(theme) {
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    // The choice holds for this page.
  }
}

chooseTheme(keptTheme());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => chooseTheme(null));
document.addEventListener('DOMContentLoaded', () => {
  chooseTheme(null);
  document.getElementById('theme')?.addEventListener('click', () => {
    const theme = currentTheme() === 'dark' ? 'light' : 'dark';
    keepTheme(theme);
    chooseTheme(theme);
  });
});
