// SPDX-License-Identifier: MIT
// icons.js - line drawings of 24 by 24; they only go with a word, so a screen reader skips them.
import { html } from '../lib.js';

const paths = {
	dashboard: 'M4 13h6V4H4zM14 20h6V4h-6zM4 20h6v-3H4z',
	volume: 'M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3',
	host: 'M4 5h16v10H4zM9 20h6M12 15v5',
	policy: 'M12 3l7 3v5c0 4.5-3 8-7 10-4-2-7-5.5-7-10V6zM9 12l2 2 4-4',
	gauge: 'M4 18a9 9 0 1 1 16 0M12 14l4-5M12 14h0',
	lock: 'M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3',
	cache: 'M13 3L5 14h6l-1 7 8-11h-6z',
	replica: 'M4 7h11l-3-3M20 17H9l3 3M15 7l-3 3M9 17l3-3',
	datastore: 'M4 4h16v6H4zM4 14h16v6H4zM8 7h0M8 17h0',
	task: 'M9 6h11M9 12h11M9 18h11M4 6l1 1 2-2M4 12l1 1 2-2M4 18l1 1 2-2',
	event: 'M6 3h9l4 4v14H6zM14 3v5h5M9 13h7M9 17h5',
	audit: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5',
	bell: 'M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4',
	webhook: 'M5 12h14M13 6l6 6-6 6',
	user: 'M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4 21c0-4 3.6-7 8-7s8 3 8 7',
	settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4',
	config: 'M12 3v12M7 10l5 5 5-5M4 20h16',
	menu: 'M4 6h16M4 12h16M4 18h16',
	close: 'M6 6l12 12M18 6L6 18',
	plus: 'M12 5v14M5 12h14',
	copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
	check: 'M5 13l4 4L19 7',
	warning: 'M12 4l9 16H3zM12 10v4M12 17h0',
	info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 8h0',
	sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4 12H2M22 12h-2M5 5l1.5 1.5M17.5 17.5L19 19M5 19l1.5-1.5M17.5 6.5L19 5',
	moon: 'M20 14a8 8 0 1 1-10-10 6.5 6.5 0 0 0 10 10z',
	auto: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18',
	exit: 'M14 4h5v16h-5M4 12h11M11 8l4 4-4 4',
	down: 'M6 9l6 6 6-6',
	right: 'M9 6l6 6-6 6',
	trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5',
	play: 'M7 5l11 7-11 7z',
	stop: 'M7 7h10v10H7z',
	refresh: 'M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5',
	link: 'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
	edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
	key: 'M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 12l9-9M16 7l3 3',
};

/** @param {{name: string, size?: number}} props */
export function Icon({ name, size = 18 }) {
	return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" fill="none" stroke="currentColor"
		stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
		<path d=${paths[name] || paths.info} /></svg>`;
}

/** The mark of the product: a gate in a stream. */
export function Mark({ size = 28 }) {
	return html`<svg class="mark" width=${size} height=${size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
		<rect width="32" height="32" rx="8" class="mark-ground" />
		<path d="M9 7v18M23 7v18" class="mark-posts" />
		<path d="M9 12h14M9 17h14" class="mark-gate" /><path d="M6 23c3-2 5-2 8 0s6 2 12 0" class="mark-water" /></svg>`;
}
