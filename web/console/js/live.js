// SPDX-License-Identifier: MIT
// live.js - what the server tells by itself: one stream for the whole window, which comes back by itself.
//
// Figures are kept for five minutes. Who shows a list subscribes to its kind of object and reads it again when
// something happened to one (resource.js). After a gap everything is read again.
import { get } from './rest.js';
import { begin, session } from './session.js';
import { makeStore } from './store.js';

const KEEP = 300;
const WAIT_MIN_MS = 1000, WAIT_MAX_MS = 15000;
/* A window that nobody sees lets its stream go after a while: a user may have eight. */
const HIDDEN_MS = 60000;
const MEMBERS = ['read_iops', 'write_iops', 'read_bytes_per_s', 'write_bytes_per_s', 'read_p99_us', 'write_p99_us',
	'read_p50_us', 'write_p50_us', 'dirty_bytes', 'read_hit_pct', 'lag_ms'];

/** "connecting", "open" or "lost". */
export const connection = makeStore('connecting');
/** The newest figures: {at_ms, volumes, total} or null. */
export const figures = makeStore(/** @type {any} */ (null));
/** Tasks that were heard of, by id. */
export const tasks = makeStore(/** @type {Map<number, any>} */ (new Map()));

/** @type {Map<string, Record<string, any[]>>} */
const rings = new Map();
/* Volumes that somebody looks at: their silence is kept, too. */
const watched = new Set();
const listeners = new Set();
/** @type {EventSource | null} */
let source = null;
let wait_ms = WAIT_MIN_MS;
let timer = 0;

function push(name, at_ms, row) {
	let ring = rings.get(name);
	if (!ring) {
		if (name && !row.read_iops && !row.write_iops && !watched.has(name))
			return;
		ring = { at_s: [], throttle: [] };
		for (const member of MEMBERS)
			ring[member] = [];
		rings.set(name, ring);
	}
	ring.at_s.push(at_ms / 1000);
	ring.throttle.push(row.throttle ?? null);
	for (const member of MEMBERS)
		ring[member].push(row[member] ?? null);
	if (ring.at_s.length > KEEP || at_ms / 1000 - ring.at_s[0] > KEEP)
		for (const list of Object.values(ring))
			list.shift();
}

/**
 * The last minutes of a volume; "" is all of them together.
 * @param {string} name
 * @returns {Record<string, any[]>}
 */
export function recent(name) {
	return rings.get(name) || { at_s: [], throttle: [], ...Object.fromEntries(MEMBERS.map(m => [m, []])) };
}

/** @param {string} name a volume whose figures are wanted also while nothing happens */
export const watch = name => watched.add(name);

function onFigures(data) {
	push('', data.at_ms, data.total);
	for (const row of data.volumes)
		push(row.name, data.at_ms, row);
	figures.set(data);
}

/* A chart that begins empty says nothing: the minutes before are there as history, a sample every ten seconds. */
async function recall() {
	if (rings.has(''))
		return;
	const history = await get('/stats/history', { from_ms: Date.now() - KEEP * 1000, points: KEEP / 10 });
	const later = rings.get('');
	rings.delete('');
	for (const point of history.points)
		push('', point.at_ms, point);
	// What came by the stream meanwhile stands behind it.
	if (later && rings.has(''))
		for (const [member, list] of Object.entries(rings.get('')))
			list.push(...later[member]);
	else if (later)
		rings.set('', later);
}

function onTask(task) {
	const next = new Map(tasks.get());
	next.set(task.id, task);
	if (next.size > 200)
		next.delete(next.keys().next().value);
	tasks.set(next);
	tell({ kind: 'task', object_type: 'task', object_name: String(task.id), of: task.object_type, task });
}

function tell(message) {
	for (const fn of [...listeners])
		fn(message);
}

/**
 * Called with each event, task and alert, and with {kind: "gap"} when some may have been missed.
 * @param {(message: any) => void} fn
 * @returns {() => void}
 */
export function listen(fn) {
	listeners.add(fn);
	return () => listeners.delete(fn);
}

function take(name, fn) {
	source.addEventListener(name, message => fn(JSON.parse(message.data)));
}

function open() {
	timer = 0;
	recall().catch(() => {});
	source = new EventSource('/api/v1/stream?topics=events,tasks,figures,alerts');
	source.onopen = () => {
		const was = connection.get();
		wait_ms = WAIT_MIN_MS;
		connection.set('open');
		if (was === 'lost')
			tell({ kind: 'gap' });
	};
	source.onerror = () => retry();
	take('figures', onFigures);
	take('task', onTask);
	take('event', event => tell(event));
	take('alert', alert => tell({ kind: 'alert', object_type: 'alert', object_name: String(alert.id), alert }));
}

/* A browser gives up when it is answered with an error, so the way back is ours. */
function retry() {
	source?.close();
	source = null;
	connection.set('lost');
	clearTimeout(timer);
	timer = window.setTimeout(async () => {
		try {
			await begin();
		} catch { /* not back yet */ }
		if (session.get().state === 'in' && !source)
			open();
	}, wait_ms);
	wait_ms = Math.min(wait_ms * 2, WAIT_MAX_MS);
}

function sleepWhenHidden() {
	let hidden = 0;
	document.addEventListener('visibilitychange', () => {
		clearTimeout(hidden);
		if (document.hidden) {
			hidden = window.setTimeout(() => {
				source?.close();
				source = null;
			}, HIDDEN_MS);
		} else if (!source && !timer && session.get().state === 'in') {
			connection.set('lost');
			open();
		}
	});
}

/** Follows the session: a stream while somebody is signed in. */
export function startLive() {
	const follow = ({ state }) => {
		if (state === 'in' && !source && !timer) {
			open();
		} else if (state !== 'in') {
			source?.close();
			source = null;
			clearTimeout(timer);
			timer = 0;
		}
	};
	session.follow(follow);
	follow(session.get());
	sleepWhenHidden();
}
