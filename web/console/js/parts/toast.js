// SPDX-License-Identifier: MIT
// toast.js - what became of what somebody did, while they go on. Failures stay until they are closed.
import { html } from '../lib.js';
import { makeStore, useStore } from '../store.js';
import { Icon } from './icons.js';

const STAY_MS = 6000;
/** @typedef {{id?: number, tone?: string, title: any, text?: any, href?: string, progress_pct?: number, isBusy?: boolean}} Toast */
const toasts = makeStore(/** @type {Toast[]} */ ([]));
let nextId = 1;

/** @param {number} id */
export function dismiss(id) {
	toasts.set(toasts.get().filter(t => t.id !== id));
}

/** Shows it, or what is shown under this id changes. @param {Toast} t @returns {number} */
export function toast(t) {
	const id = t.id || nextId++;
	const isNew = !toasts.get().some(old => old.id === id);
	toasts.set(isNew ? [...toasts.get(), { ...t, id }].slice(-5) : toasts.get().map(old => old.id === id ? { ...t, id } : old));
	if (!t.isBusy && t.tone !== 'bad')
		setTimeout(() => dismiss(id), STAY_MS);
	return id;
}

export function Toasts() {
	const list = useStore(toasts);
	return html`<div class="toasts" role="region" aria-label="Messages" aria-live="polite">
		${list.map(t => html`<div class=${`toast ${t.tone || 'info'}`} key=${t.id} role=${t.tone === 'bad' ? 'alert' : 'status'}>
			${t.isBusy ? html`<span class="spinner"></span>` : html`<${Icon} name=${t.tone === 'bad' ? 'warning' : t.tone === 'good' ? 'check' : 'info'} />`}
			<div class="toast-text"><strong>${t.title}</strong>${t.text && html`<div>${t.text}</div>`}
				${t.href && html`<a href=${t.href}>Show the task</a>`}
				${t.isBusy && t.progress_pct ? html`<div class="bar"><i style=${{ width: `${t.progress_pct}%` }}></i></div>` : ''}</div>
			<button type="button" class="button bare ghost small" aria-label="Close this message" onClick=${() => dismiss(t.id)}>
				<${Icon} name="close" size=${14} /></button></div>`)}</div>`;
}
