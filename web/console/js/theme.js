// SPDX-License-Identifier: MIT
// theme.js - light, dark, or as the system has it. index.html's theme-early.js sets it before the first paint.
import { kept, makeStore } from './store.js';

const KEY = 'sluice-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');
const chosen = () => kept.get(KEY) || 'auto';
const resolve = choice => choice === 'auto' ? dark.matches ? 'dark' : 'light' : choice;

/** What is shown: "light" or "dark". */
export const theme = makeStore(resolve(chosen()));
/** What was chosen: "auto", "light" or "dark". */
export const themeChoice = makeStore(chosen());

function show() {
	const now = resolve(themeChoice.get());
	document.documentElement.dataset.theme = now;
	theme.set(now);
}

/** @param {string} choice */
export function setTheme(choice) {
	kept.set(KEY, choice === 'auto' ? null : choice);
	themeChoice.set(choice);
	show();
}

dark.addEventListener('change', show);
show();
