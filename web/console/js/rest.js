// SPDX-License-Identifier: MIT
// rest.js - the only module that asks the server. A refusal is a Problem, with the server's own sentence.

const BASE = '/api/v1';

/** What the server said instead of doing it. */
export class Problem extends Error {
	/** @param {number} status @param {{detail?: string, title?: string, code?: string, field?: string}} body */
	constructor(status, body) {
		super(body.detail || body.title || `The server answered ${status}.`);
		this.status = status;
		this.code = body.code || '';
		this.field = body.field || '';
	}
}

/** Set by session.js: the token that changes bear, and what to do when nobody is signed in any more. */
export const guard = {
	csrf: () => '',
	onUnauthorized: () => {},
};

/** @param {string} path @param {Record<string, any>} [query] */
export function address(path, query) {
	const words = Object.entries(query || {}).filter(([, value]) => value !== undefined && value !== '' && value !== null);
	return words.length ? `${path}?${new URLSearchParams(words)}` : path;
}

/** A name as a part of a path. @param {string} name */
export const part = name => encodeURIComponent(name);

async function problemOf(answer) {
	let body = {};
	try {
		body = await answer.json();
	} catch { /* not from our server: its status has to do */ }
	return new Problem(answer.status, body);
}

async function send(method, path, options) {
	try {
		return await fetch(BASE + path, { method, credentials: 'same-origin', cache: 'no-store', ...options });
	} catch (error) {
		if (error.name === 'AbortError')
			throw error;
		throw new Problem(0, { code: 'offline', detail: 'The appliance cannot be reached; check the network, or wait until it is back.' });
	}
}

/**
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {any} [body]
 * @param {{revision?: number, signal?: AbortSignal, isQuiet?: boolean}} [options] revision: refuse if it is another one by now;
 *        isQuiet: a 401 is an answer like any other
 * @returns {Promise<any>}
 */
export async function ask(method, path, body, options = {}) {
	/** @type {Record<string, string>} */
	const headers = { Accept: 'application/json' };
	if (body !== undefined)
		headers['Content-Type'] = 'application/json';
	if (method !== 'GET')
		headers['X-CSRF-Token'] = guard.csrf();
	if (options.revision !== undefined)
		headers['If-Match'] = `"${options.revision}"`;
	const answer = await send(method, path, {
		headers, body: body === undefined ? undefined : JSON.stringify(body), signal: options.signal,
	});
	if (answer.status === 401 && !options.isQuiet)
		guard.onUnauthorized();
	if (!answer.ok)
		throw await problemOf(answer);
	return answer.status === 204 ? null : answer.json();
}

/** @param {string} path @param {Record<string, any>} [query] @param {AbortSignal} [signal] */
export const get = (path, query, signal) => ask('GET', address(path, query), undefined, { signal });

/**
 * Every row of a list, page by page.
 * @param {string} path
 * @param {Record<string, any>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any[]>}
 */
export async function getAll(path, query, signal) {
	const rows = [];
	let cursor = null;
	do {
		const page = await get(path, { ...query, cursor }, signal);
		rows.push(...page.items);
		cursor = page.next_cursor;
	} while (cursor);
	return rows;
}
