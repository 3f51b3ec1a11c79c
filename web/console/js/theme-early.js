// SPDX-License-Identifier: MIT
// theme-early.js - a plain script before the first paint: no flash of the other theme. theme.js does the rest.
(() => {
	let choice = null;
	try {
		choice = localStorage.getItem('sluice-theme');
	} catch { /* as the system has it */ }
	const isDark = choice ? choice === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
	document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
})();
