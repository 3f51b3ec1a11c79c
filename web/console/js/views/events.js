// SPDX-License-Identifier: MIT
// events.js - what happened, the newest first, more on request.
import { html, useEffect, useState } from '../lib.js';
import { get } from '../rest.js';
import { listen } from '../live.js';
import { place, setQuery } from '../router.js';
import { useStore } from '../store.js';
import { words } from '../format.js';
import { Button, Card, Empty, Note, Page, State, Time } from '../parts/basics.js';

const SEVERITIES = ['info', 'warning', 'error', 'critical'];
const PAGE = 50;
const links = { volume: name => `#/volumes/${encodeURIComponent(name)}`, policy: name => `#/policies/${encodeURIComponent(name)}` };

/** A list that grows downwards by pages; new rows appear above. */
export function usePages(path, query, isOfIt) {
	const [state, setState] = useState({ rows: /** @type {any[]} */ ([]), cursor: null, problem: null, isLoading: true });
	const key = JSON.stringify(query);
	const read = async (cursor, before) => {
		setState(was => ({ ...was, isLoading: true }));
		try {
			const page = await get(path, { sort: '-id', limit: PAGE, ...query, cursor });
			setState({ rows: [...before, ...page.items], cursor: page.next_cursor, problem: null, isLoading: false });
		} catch (problem) {
			setState(was => ({ ...was, problem, isLoading: false }));
		}
	};
	useEffect(() => {
		let timer = 0;
		read(null, []);
		const stop = listen(message => {
			if (!isOfIt(message))
				return;
			clearTimeout(timer);
			timer = window.setTimeout(() => read(null, []), 400);
		});
		return () => {
			stop();
			clearTimeout(timer);
		};
	}, [path, key]);
	return { ...state, more: () => read(state.cursor, state.rows) };
}

function Row({ event }) {
	const link = links[event.object_type];
	return html`<li class="event"><${State} state=${event.severity} tone=${event.severity === 'info' ? 'idle' : undefined} />
		<div class="event-text"><p>${event.text}</p><p class="muted">${words(event.kind.replace('.', ': '))}
			${event.object_name && html` · ${link ? html`<a href=${link(event.object_name)}>${event.object_name}</a>` : event.object_name}`}</p></div>
		<span class="muted"><${Time} ms=${event.at_ms} /></span></li>`;
}

/** @param {{query?: Record<string, any>}} props */
export function EventList({ query = {} }) {
	const list = usePages('/events', query, m => m.id && m.severity && m.at_ms && m.kind !== 'task');
	if (list.problem)
		return html`<${Note} tone="bad">${list.problem.message}<//>`;
	if (!list.rows.length)
		return list.isLoading ? html`<div class="waiting"><span class="spinner"></span>Reading …</div>`
			: html`<${Empty} icon="event" title="Nothing happened">There is no event of this kind.<//>`;
	return html`<ul class="events">${list.rows.map(e => html`<${Row} key=${e.id} event=${e} />`)}</ul>
		${list.cursor && html`<div class="more-row"><${Button} isBusy=${list.isLoading} onClick=${list.more}>Older events<//></div>`}`;
}

/** Filters whose values stand in the address. @param {{fields: {name: string, label: string, choices?: string[]}[]}} props */
export function FilterBar({ fields }) {
	const { query } = useStore(place);
	return html`<div class="filters" role="search">${fields.map(f => html`<label><span>${f.label}</span>
		${f.choices ? html`<select value=${query.get(f.name) || ''} onChange=${e => setQuery({ [f.name]: e.target.value })}>
			<option value="">all</option>${f.choices.map(c => html`<option value=${c}>${words(c)}</option>`)}</select>`
			: html`<input type="search" value=${query.get(f.name) || ''} onChange=${e => setQuery({ [f.name]: e.target.value.trim() })} />`}</label>`)}</div>`;
}

export function Events() {
	const { query } = useStore(place);
	const filters = Object.fromEntries(['severity', 'object_type', 'object_name', 'kind', 'q'].map(name => [name, query.get(name) || undefined]));
	return html`<${Page} title="Events" sub="What happened on this appliance; the newest first.">
		<${Card} isFlush><${FilterBar} fields=${[
			{ name: 'q', label: 'Words' }, { name: 'severity', label: 'Severity', choices: SEVERITIES },
			{ name: 'object_type', label: 'Kind of object', choices: ['volume', 'datastore', 'policy', 'host', 'host_group', 'portal', 'filter', 'key', 'key_provider', 'peer', 'user', 'token', 'webhook', 'system'] },
			{ name: 'object_name', label: 'Name' }]} />
			<${EventList} query=${filters} /><//><//>`;
}
