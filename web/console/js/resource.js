// SPDX-License-Identifier: MIT
// resource.js - what a view shows of the server: read once, and again when something happened to it.
import { useCallback, useEffect, useRef, useState } from './lib.js';
import { address, get, getAll } from './rest.js';
import { listen } from './live.js';

const SETTLE_MS = 250;
/* Shown at once when a view is opened again, until the answer is there. */
const cache = new Map();

/** Forget everything, when somebody else signs in. */
export const forget = () => cache.clear();

/**
 * @param {string | null} path null: nothing to read
 * @param {{query?: Record<string, any>, isList?: boolean, watch?: string[], every_s?: number}} [options]
 *        isList: all rows of a list, as an array; watch: kinds of objects whose changes concern it; every_s: read again anyway
 * @returns {{data: any, problem: any, reload: () => void, isLoading: boolean}}
 */
export function useResource(path, options = {}) {
	const { query, isList, watch = [], every_s = 0 } = options;
	const key = path && address(path, query);
	const [state, setState] = useState({ key, data: cache.get(key), problem: null, isLoading: true });
	const control = useRef(/** @type {AbortController | null} */ (null));

	const read = useCallback(async () => {
		if (!key)
			return;
		control.current?.abort();
		const mine = control.current = new AbortController();
		try {
			const data = await (isList ? getAll(path, query, mine.signal) : get(path, query, mine.signal));
			cache.set(key, data);
			if (!mine.signal.aborted)
				setState({ key, data, problem: null, isLoading: false });
		} catch (problem) {
			if (!mine.signal.aborted)
				setState(was => ({ key, data: was.key === key ? was.data : undefined, problem, isLoading: false }));
		}
	}, [key, isList]);

	useEffect(() => {
		setState({ key, data: cache.get(key), problem: null, isLoading: true });
		read();
		return () => control.current?.abort();
	}, [read]);
	useReread(read, watch, every_s);
	return {
		data: state.key === key ? state.data : cache.get(key), problem: state.problem,
		reload: read, isLoading: state.isLoading,
	};
}

function useReread(read, watch, every_s) {
	useEffect(() => {
		let timer = 0;
		const soon = message => {
			if (message.kind === 'gap' || watch.includes(message.object_type) || watch.includes(message.of)) {
				clearTimeout(timer);
				timer = window.setTimeout(read, SETTLE_MS);
			}
		};
		const stop = listen(soon);
		const again = every_s ? setInterval(() => document.hidden || read(), every_s * 1000) : 0;
		return () => {
			stop();
			clearTimeout(timer);
			clearInterval(again);
		};
	}, [read, watch.join(), every_s]);
}
