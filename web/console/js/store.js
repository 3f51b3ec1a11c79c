// SPDX-License-Identifier: MIT
// store.js - a value that components follow. All state that outlives a view is in stores.
import { useEffect, useState } from './lib.js';

/**
 * @template T
 * @typedef {{get: () => T, set: (value: T) => void, follow: (fn: (value: T) => void) => () => void}} Store
 */

/**
 * @template T
 * @param {T} initial
 * @returns {Store<T>}
 */
export function makeStore(initial) {
	const followers = new Set();
	let value = initial;
	return {
		get: () => value,
		set(next) {
			value = next;
			for (const fn of [...followers])
				fn(value);
		},
		follow(fn) {
			followers.add(fn);
			return () => followers.delete(fn);
		},
	};
}

/**
 * The store's value; the component is drawn again when it changes.
 * @template T
 * @param {Store<T>} store
 * @returns {T}
 */
export function useStore(store) {
	const [value, setValue] = useState(store.get());
	useEffect(() => {
		setValue(store.get());
		return store.follow(next => setValue(() => next));
	}, [store]);
	return value;
}

/* Where a browser refuses to keep anything, it lasts as long as the page. */
const memory = new Map();

/** What a browser keeps for us. */
export const kept = {
	/** @param {string} key @returns {string | null} */
	get(key) {
		try {
			return localStorage.getItem(key);
		} catch {
			return memory.get(key) ?? null;
		}
	},
	/** @param {string} key @param {string | null} value */
	set(key, value) {
		if (value === null)
			memory.delete(key);
		else
			memory.set(key, value);
		try {
			if (value === null)
				localStorage.removeItem(key);
			else
				localStorage.setItem(key, value);
		} catch { /* memory has it */ }
	},
};
