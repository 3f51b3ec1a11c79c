// SPDX-License-Identifier: MIT
// tasks.js - work that takes a while: what runs now, and how it ended.
import { html } from '../lib.js';
import { place } from '../router.js';
import { useStore } from '../store.js';
import { duration, words } from '../format.js';
import { useAct } from '../parts/act.js';
import { Button, Card, Empty, Note, Page, State, Time } from '../parts/basics.js';
import { FilterBar, usePages } from './events.js';

export const took = task => task.ended_ms ? duration((task.ended_ms - (task.started_ms || task.created_ms)) / 1000)
	: duration((Date.now() - (task.started_ms || task.created_ms)) / 1000);
export const titleOf = task => `${words(task.kind.split('.').pop())} ${words(task.object_type)} ${task.object_name}`;

/** @param {{task: any}} props */
export function Cancel({ task }) {
	const [isBusy, run] = useAct();
	if (!task.is_cancellable || task.ended_ms)
		return null;
	return html`<${Button} role="operator" isSmall isBusy=${isBusy} disabled=${task.is_cancel_wanted} onClick=${() => run(`Cancelling of task ${task.id}`, 'POST', `/tasks/${task.id}/cancel`, {})}>
		${task.is_cancel_wanted ? 'Being cancelled' : 'Cancel'}<//>`;
}

/** @param {{task: any}} props */
export function Progress({ task }) {
	return html`<div class="progress" role="progressbar" aria-label=${`Progress of task ${task.id}`} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${task.progress_pct}><i style=${{ width: `${task.progress_pct}%` }}></i></div>`;
}

function Row({ task }) {
	return html`<li class="event"><${State} state=${task.state} /><div class="event-text"><p><a href=${`#/tasks/${task.id}`}>${titleOf(task)}</a></p>
			<p class=${task.error_text ? 'bad-text' : 'muted'}>${task.error_text || task.text || `by ${task.actor.replace(/^user:/, '')}, took ${took(task)}`}</p>
			${!task.ended_ms && html`<${Progress} task=${task} />`}</div>
		<span class="muted"><${Time} ms=${task.created_ms} /></span><${Cancel} task=${task} /></li>`;
}

export function Tasks() {
	const { query } = useStore(place);
	const filters = Object.fromEntries(['state', 'object_type', 'q'].map(name => [name, query.get(name) || undefined]));
	const list = usePages('/tasks', filters, m => m.kind === 'task' || m.kind === 'gap');
	return html`<${Page} title="Tasks" sub="Changes that the daemons carry out, and other work that takes a while; the newest first."><${Card} isFlush>
		<${FilterBar} fields=${[{ name: 'q', label: 'Words' }, { name: 'state', label: 'State', choices: ['queued', 'running', 'succeeded', 'failed', 'cancelled'] },
			{ name: 'object_type', label: 'Kind of object', choices: ['volume', 'datastore', 'policy', 'host', 'host_group', 'portal', 'key', 'key_provider', 'webhook', 'backup', 'system'] }]} />
		${list.problem && html`<${Note} tone="bad">${list.problem.message}<//>`}
		${list.rows.length ? html`<ul class="events">${list.rows.map(t => html`<${Row} key=${t.id} task=${t} />`)}</ul>`
			: list.isLoading ? html`<div class="waiting"><span class="spinner"></span>Reading …</div>` : html`<${Empty} icon="task" title="No task">Nothing was asked for that takes a while.<//>`}
		${list.cursor && html`<div class="more-row"><${Button} isBusy=${list.isLoading} onClick=${list.more}>Older tasks<//></div>`}<//><//>`;
}
