// SPDX-License-Identifier: MIT
// volumes.js - every volume, to be found by words and by state.
import { html, useMemo, useState } from '../lib.js';
import { figures } from '../live.js';
import { useResource } from '../resource.js';
import { useStore } from '../store.js';
import { bytes, count, latency } from '../format.js';
import { Button, Card, Empty, Loaded, Page, State } from '../parts/basics.js';
import { Table } from '../parts/table.js';

const FILTERS = {
	all: ['All', () => true],
	trouble: ['With trouble', v => v.running_state === 'failed' || v.running_state === 'locked' || v.compliance.status === 'non_compliant'],
	out_of_date: ['Policy out of date', v => v.compliance.status === 'out_of_date'],
	offline: ['Offline', v => v.running_state === 'offline'],
};

const href = name => `#/volumes/${encodeURIComponent(name)}`;

/* Figures of the moment, by name; drawn by cells of their own, so that a second does not sort the list anew. */
function Live({ name, show }) {
	const now = useStore(figures);
	const row = useMemo(() => now?.volumes.find(v => v.name === name), [now, name]);
	return html`<span class="num">${row ? show(row) : '–'}</span>`;
}

const columns = [
	{ key: 'name', title: 'Volume', cell: v => html`<a class="cell-main" href=${href(v.name)}>${v.name}</a><span class="cell-sub">${v.description || v.datastore}</span>` },
	{ key: 'running_state', title: 'State', cell: v => html`<${State} state=${v.running_state} hint=${v.running_error} />` },
	{ key: 'size_bytes', title: 'Size', align: 'right', cell: v => html`<span class="cell-main num">${bytes(v.size_bytes)}</span>
		<span class="cell-sub num">${bytes(v.allocated_bytes)} used</span>` },
	{ key: 'datastore', title: 'Datastore', isWide: true },
	{ key: 'policy', title: 'Policy', isWide: true, sort: v => v.assignment?.policy || '', cell: v => v.assignment
		? html`<a class="cell-main" href=${`#/policies/${encodeURIComponent(v.assignment.policy)}`}>${v.assignment.policy}</a>` : html`<span class="muted">none</span>` },
	{ key: 'compliance', title: 'Compliance', isWide: true, sort: v => v.compliance.status,
		cell: v => v.assignment ? html`<${State} state=${v.compliance.status} hint=${v.compliance.causes[0]} />` : html`<span class="muted">–</span>` },
	{ key: 'iops', title: 'IOPS', isWide: true, align: 'right', sort: v => v.iops, cell: v => html`<${Live} name=${v.name} show=${r => count(r.read_iops + r.write_iops)} />` },
	{ key: 'latency', title: 'p99', isWide: true, align: 'right', sort: v => v.p99,
		cell: v => html`<${Live} name=${v.name} show=${r => r.read_iops + r.write_iops ? latency(Math.max(r.read_p99_us, r.write_p99_us)) : '–'} />` },
];

export function Volumes() {
	const volumes = useResource('/volumes', { query: { limit: 500 }, isList: true, watch: ['volume', 'policy', 'task'], every_s: 30 });
	const [filter, setFilter] = useState('all');
	const create = html`<${Button} kind="primary" icon="plus" role="operator" href="#/volumes/new">Create a volume<//>`;
	return html`<${Page} title="Volumes" sub="Each is one disk of one machine or cluster, with a chain of filters of its own." actions=${create}>
		<${Loaded} resource=${volumes}>${rows => {
			const live = new Map((figures.get()?.volumes || []).map(r => [r.name, r]));
			const shown = rows.filter(FILTERS[filter][1]).map(v => {
				const r = live.get(v.name);
				return { ...v, iops: r ? r.read_iops + r.write_iops : 0, p99: r ? Math.max(r.read_p99_us, r.write_p99_us) : 0 };
			});
			const tools = html`<label class="select"><span class="visually-hidden">Which volumes</span><select value=${filter} onChange=${e => setFilter(e.target.value)}>
				${Object.entries(FILTERS).map(([key, [text, test]]) => html`<option value=${key}>${text} (${rows.filter(test).length})</option>`)}</select></label>`;
			return html`<${Card} isFlush>${rows.length ? html`<${Table} label="volumes" rows=${shown} columns=${columns} rowKey=${v => v.name} tools=${tools}
				search=${v => `${v.name} ${v.description} ${v.datastore} ${v.assignment?.policy || ''} ${v.running_state} ${v.target.iqn}`} />`
				: html`<${Empty} icon="volume" title="There is no volume yet" action=${create}>A volume is a disk that a host uses over iSCSI. It needs a datastore to be in.<//>`}<//>`;
		}}<//><//>`;
}
