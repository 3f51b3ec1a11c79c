// SPDX-License-Identifier: MIT
// router.js - which view an address shows. Addresses stand behind "#": the server has one page and needs no rules.
import { makeStore } from './store.js';

/** @typedef {{path: string, query: URLSearchParams}} Place */

/** @returns {Place} */
function read() {
	const [path, query] = location.hash.replace(/^#/, '').split('?');
	return { path: path || '/', query: new URLSearchParams(query || '') };
}

export const place = makeStore(read());
window.addEventListener('hashchange', () => place.set(read()));

/** @param {string} path */
export function go(path) {
	location.hash = path;
}

/** The same view with other words behind the question mark; no step for the back button. @param {Record<string, string>} query */
export function setQuery(query) {
	const words = new URLSearchParams(place.get().query);
	for (const [name, value] of Object.entries(query))
		if (value)
			words.set(name, value);
		else
			words.delete(name);
	const text = words.toString();
	history.replaceState(null, '', `#${place.get().path}${text ? `?${text}` : ''}`);
	place.set(read());
}

/**
 * The first route whose pattern fits; ":name" stands for one part.
 * @template {{path: string}} R
 * @param {R[]} routes
 * @param {string} path
 * @returns {{route: R, params: Record<string, string>} | null}
 */
export function match(routes, path) {
	const parts = path.split('/').filter(Boolean);
	for (const route of routes) {
		const pattern = route.path.split('/').filter(Boolean);
		if (pattern.length !== parts.length)
			continue;
		const params = /** @type {Record<string, string>} */ ({});
		if (pattern.every((word, i) => {
			if (!word.startsWith(':'))
				return word === parts[i];
			params[word.slice(1)] = decodeURIComponent(parts[i]);
			return true;
		}))
			return { route, params };
	}
	return null;
}
