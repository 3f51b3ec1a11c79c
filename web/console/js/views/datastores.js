// SPDX-License-Identifier: MIT
// datastores.js - where blocks are: space, promises, the filters of a whole datastore, and volumes nobody asked for.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { bytes, percent, plural, words } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Empty, Facts, Loaded, Meter, Note, Page, State } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { notable } from '../parts/params.js';
import { Table } from '../parts/table.js';
import { datastoreFields } from './datastore-form.js';
import { FilterDialog } from './datastore-filter.js';

const changeable = datastoreFields.filter(f => f.name === 'description' || f.name === 'overcommit_limit_pct').map(f => ({ ...f, isOptional: false }));

function Space({ d }) {
	const whole = d.used_bytes + d.available_bytes;
	if (d.type === 'mem')
		return html`<p class="muted">In memory: ${bytes(d.used_bytes)} in use. A restart empties it.</p>`;
	const over = whole ? d.provisioned_bytes / whole * 100 : 0;
	return html`<div class="big-line"><b>${bytes(d.available_bytes)}</b> free of ${bytes(whole)}</div>
		<${Meter} label=${`Space in use in ${d.name}`} value=${d.used_bytes} max=${whole} text=${`${bytes(d.used_bytes)} in use`} />
		<p class="meter-note"><span>In use ${bytes(d.used_bytes)}</span><span>${percent(whole ? d.used_bytes / whole * 100 : 0)}</span></p>
		<${Meter} label=${`Promised by ${d.name}`} value=${d.provisioned_bytes} max=${whole} tone=${over > 100 ? 'warn' : 'alt'} text=${`${bytes(d.provisioned_bytes)} promised`} />
		<p class="meter-note"><span>Promised to ${plural(d.volume_count, 'volume')}: ${bytes(d.provisioned_bytes)}</span>
			<span>${percent(over)}${d.overcommit_limit_pct ? `, limit ${d.overcommit_limit_pct} %` : ''}</span></p>`;
}

function Filters({ datastore }) {
	const set = useResource(`/datastores/${part(datastore)}/filters`, { watch: ['datastore', 'task'], every_s: 10 });
	const filters = useResource('/filters', { isList: true });
	const [at, setAt] = useState('');
	const able = (filters.data || []).filter(f => f.group_parameters.length && f.is_enabled);
	return html`<h3 class="part">Filters of the whole datastore</h3><ul class="lines">${able.map(f => {
		const own = set.data?.items.find(i => i.filter === f.name);
		return html`<li><b>${words(f.name)}</b>
			${own ? html`<span class="cell-main wrap muted">${notable(f.group_parameters, own.parameters).map(([n, v]) => `${n} ${v}`).join(', ') || 'as by default'}</span>
				<${State} state=${own.is_active ? 'active' : 'off'} text=${own.is_active ? 'in use' : own.is_active === null ? 'not known' : 'set, not in any chain'} />` : html`<span class="cell-main wrap muted">not set</span>`}
			<${Button} role="admin" isSmall kind="ghost" onClick=${() => setAt(f.name)}>${own ? 'Change' : 'Set'}<//></li>`;
	})}</ul>${at && html`<${FilterDialog} datastore=${datastore} filter=${able.find(f => f.name === at)} set=${set.data?.items.find(i => i.filter === at)}
		onClose=${() => {
			setAt('');
			set.reload();
		}} />`}`;
}

function Datastore({ d, onEdit }) {
	const remove = () => confirm({
		title: `Remove datastore ${d.name}?`, verb: 'Remove', name: d.name,
		lost: d.volume_count ? html`It has ${plural(d.volume_count, 'volume')}; the server refuses this until they are deleted.` : html`<b>${d.name}</b> is forgotten. It holds no volume; its folder stays.`,
		run: () => change(`Removal of ${d.name}`, 'DELETE', `/datastores/${part(d.name)}`),
	});
	return html`<${Card} title=${html`${d.name} <${State} state=${d.running_state} />`} sub=${d.description}
		actions=${html`<${Button} role="operator" kind="ghost" icon="edit" hint=${`Change ${d.name}`} onClick=${onEdit} /><${Button} role="admin" kind="ghost" icon="trash" hint=${`Remove ${d.name}`} onClick=${remove} />`}>
		${d.running_error && html`<${Note} tone="bad">${d.running_error}<//>`}<${Space} d=${d} />
		<${Facts} items=${[['Kind', { dir: 'directory', block: 'block device', mem: 'memory' }[d.type]], d.path && ['Path', html`<span class="mono">${d.path}</span>`],
			d.type === 'dir' && ['I/O', d.is_buffered ? 'page cache' : 'direct']]} />
		<${Filters} datastore=${d.name} /><//>`;
}

function Unmanaged() {
	const list = useResource('/volumes-unmanaged', { isList: true, watch: ['volume'], every_s: 30 });
	const [isBusy, run] = useAct();
	if (!list.data?.length)
		return null;
	const columns = [{ key: 'name', title: 'Volume', cell: v => html`<span class="cell-main">${v.name}</span>` }, { key: 'datastore', title: 'Datastore' },
		{ key: 'size_bytes', title: 'Size', align: 'right', cell: v => bytes(v.size_bytes) },
		{ key: 'act', title: 'Actions', isAction: true, cell: v => html`<${Button} role="admin" isSmall isBusy=${isBusy} onClick=${() => run(`Adoption of ${v.name}`, 'POST', `/volumes-unmanaged/${part(v.name)}/adopt`, {})}>Adopt<//>` }];
	return html`<${Card} title="Volumes that nobody asked for" sub="sluice-filterd has them, the database does not know them. They are left alone until you adopt them." isFlush>
		<${Table} label="unmanaged volumes" rows=${list.data} columns=${columns} rowKey=${v => v.uuid} /><//>`;
}

export function Datastores() {
	const list = useResource('/datastores', { isList: true, watch: ['datastore', 'volume', 'task'], every_s: 10 });
	const [dialog, setDialog] = useState(/** @type {any} */ (null));
	const add = html`<${Button} kind="primary" role="operator" icon="plus" onClick=${() => setDialog('new')}>Add a datastore<//>`;
	const close = () => setDialog(null);
	return html`<${Page} title="Datastores" sub="Where the blocks of volumes are. What shares a datastore shares its speed." actions=${add}>
		<${Loaded} resource=${list}>${rows => rows.length ? html`<div class="charts two">${rows.map(d => html`<${Datastore} key=${d.name} d=${d} onEdit=${() => setDialog(d)} />`)}</div>`
			: html`<${Card}><${Empty} icon="datastore" title="There is no datastore yet" action=${add}>Name a directory or a device of this machine; volumes are made there.<//><//>`}<//>
		<${Unmanaged} />
		${dialog === 'new' && html`<${Dialog} title="Add a datastore" onClose=${close}><${Form} fields=${datastoreFields} initial=${{ type: 'dir' }} submit="Add" role="operator" onCancel=${close} onSubmit=${async body => {
			await change(`Datastore ${body.name}`, 'POST', '/datastores', body);
			close();
		}} /><//>`}
		${dialog && dialog !== 'new' && html`<${Dialog} title=${`Datastore ${dialog.name}`} onClose=${close}><${Form} fields=${changeable} initial=${{ description: dialog.description, overcommit_limit_pct: dialog.overcommit_limit_pct }}
			submit="Save" role="operator" onCancel=${close} onSubmit=${async body => {
				await change(`Datastore ${dialog.name}`, 'PATCH', `/datastores/${part(dialog.name)}`, body, { revision: dialog.revision });
				close();
			}} /><//>`}<//>`;
}
