// SPDX-License-Identifier: MIT
// task.js - one task: how far it is, what it noted on the way, why it failed.
import { html } from '../lib.js';
import { useResource } from '../resource.js';
import { label, quantity, unitOf } from '../format.js';
import { Card, Facts, Loaded, Note, Page, State, Time } from '../parts/basics.js';
import { Cancel, Progress, titleOf, took } from './tasks.js';

const shown = (name, value) => typeof value === 'object' ? JSON.stringify(value) : unitOf(name) ? quantity(value, unitOf(name)) : String(value);

/** @param {{id: string}} props */
export function Task({ id }) {
	const task = useResource(`/tasks/${encodeURIComponent(id)}`, { watch: ['task'], every_s: 3 });
	return html`<${Page} title=${task.data ? titleOf(task.data) : `Task ${id}`} back=${{ href: '#/tasks', text: 'Tasks' }} actions=${task.data && html`<${Cancel} task=${task.data} />`}
		sub=${task.data && html`<${State} state=${task.data.state} />`}><${Loaded} resource=${task}>${t => html`
		${t.error_text && html`<${Note} tone="bad" title="Why it failed">${t.error_text}<//>`}
		${!t.ended_ms && html`<${Card}><p>${t.text || 'It runs.'}</p><${Progress} task=${t} /><p class="muted">${t.progress_pct} %</p><//>`}
		<div class="columns side"><${Card} title="Log">${t.log.length ? html`<ol class="log">${t.log.map(line => html`<li><span class="muted"><${Time} ms=${line.at_ms} /></span><span>${line.text}</span></li>`)}</ol>`
			: html`<p class="muted">It noted nothing: it was done in one step.</p>`}<//>
		<${Card} title="Task"><${Facts} items=${[['Number', t.id], ['Asked for by', t.actor.replace(/^user:/, '')], ['Asked for', html`<${Time} ms=${t.created_ms} isFull />`],
			t.started_ms && ['Begun', html`<${Time} ms=${t.started_ms} isFull />`], ['Ended', t.ended_ms ? html`<${Time} ms=${t.ended_ms} isFull />` : 'not yet'], ['Took', took(t)],
			...Object.entries(t.parameters || {}).map(([name, value]) => [label(name), shown(name, value)])]} /><//></div>`}<//><//>`;
}
