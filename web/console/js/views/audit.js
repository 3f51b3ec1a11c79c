// SPDX-License-Identifier: MIT
// audit.js - every change that was asked for, done or refused, in a chain of hashes.
import { html, useState } from '../lib.js';
import { ask } from '../rest.js';
import { place } from '../router.js';
import { useStore } from '../store.js';
import { Button, Card, Empty, Note, Page, Time } from '../parts/basics.js';
import { FilterBar, usePages } from './events.js';

function Row({ row }) {
	const [isOpen, setOpen] = useState(false);
	const isBad = row.status >= 400;
	return html`<li class="event"><span class=${`state ${isBad ? 'bad' : 'good'}`}><i aria-hidden="true"></i>${row.status}</span>
		<div class="event-text"><p><b>${row.actor.replace(/^user:/, '')}</b> <span class="mono">${row.method} ${row.path.replace('/api/v1', '')}</span></p>
			<p class="muted">${row.role || 'nobody'}${row.address ? ` from ${row.address}` : ' on this machine'}${row.object_name ? ` · ${row.object_type} ${row.object_name}` : ''}</p>
			${isOpen && html`<pre class="summary">${row.summary || '(nothing)'}${'\n'}${row.hash}</pre>`}</div>
		<span class="muted"><${Time} ms=${row.at_ms} /></span>
		<${Button} kind="ghost" isSmall onClick=${() => setOpen(!isOpen)}>${isOpen ? 'Less' : 'More'}<//></li>`;
}

export function Audit() {
	const { query } = useStore(place);
	const filters = Object.fromEntries(['actor', 'method', 'object_type', 'object_name', 'q'].map(name => [name, query.get(name) || undefined]));
	const list = usePages('/audit', filters, m => m.kind === 'gap');
	const [verdict, setVerdict] = useState(/** @type {any} */ (null));
	const verify = async () => setVerdict(await ask('POST', '/audit/verify', {}).catch(problem => ({ is_whole: false, detail: problem.message })));
	return html`<${Page} title="Audit" sub="Who asked for which change, from where, and what became of it. Secrets are left out." actions=${html`<${Button} role="admin" icon="check" onClick=${verify}>Verify the chain<//>`}>
		${verdict && html`<${Note} tone=${verdict.is_whole ? 'good' : 'bad'}>${verdict.is_whole ? 'Every row fits the one before: nothing was changed or taken out.'
			: `The chain is broken${verdict.broken_at_id ? ` at row ${verdict.broken_at_id}` : ''}. ${verdict.detail}`}<//>`}
		<${Card} isFlush><${FilterBar} fields=${[{ name: 'q', label: 'Words' }, { name: 'actor', label: 'Who' }, { name: 'method', label: 'Method', choices: ['POST', 'PUT', 'PATCH', 'DELETE'] }, { name: 'object_name', label: 'Object' }]} />
		${list.problem && html`<${Note} tone="bad">${list.problem.message}<//>`}
		${list.rows.length ? html`<ul class="events">${list.rows.map(row => html`<${Row} key=${row.id} row=${row} />`)}</ul>`
			: list.isLoading ? html`<div class="waiting"><span class="spinner"></span>Reading …</div>` : html`<${Empty} icon="audit" title="Nothing fits">No change has these marks.<//>`}
		${list.cursor && html`<div class="more-row"><${Button} isBusy=${list.isLoading} onClick=${list.more}>Older rows<//></div>`}<//><//>`;
}
