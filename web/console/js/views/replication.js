// SPDX-License-Identifier: MIT
// replication.js - volumes with a copy on another appliance, and the appliances.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { change } from '../parts/act.js';
import { Button, Card, Empty, Loaded, Page, State } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';
import { ReplicaCard } from './replica-card.js';

const CLASS = 'replication';

const fields = [{ name: 'name', label: 'Name', isFirst: true }, { name: 'address', label: 'Address' }, { name: 'port', label: 'Port', type: 'number', isOptional: true },
	{ name: 'fingerprint_sha256', label: 'Fingerprint of its certificate', isOptional: true, help: 'SHA-256, 64 hexadecimal digits.' }, { name: 'description', label: 'Description', isOptional: true }];

function Replicas() {
	const filters = useResource('/filters', { query: { class: CLASS }, isList: true, watch: ['volume', 'policy'], every_s: 30 });
	return html`<${Loaded} resource=${filters}>${rows => {
		const names = [...new Set(rows.flatMap(f => f.used_by.volumes))].sort();
		return names.length ? html`<div class="charts two">${names.slice(0, 60).map(name => html`<${ReplicaCard} key=${name} name=${name} />`)}</div>`
			: html`<${Card}><${Empty} icon="replica" title="No volume is replicated" action=${html`<${Button} href="#/policies">To the policies<//>`}>
				Give a volume a policy with a filter of the class replication; it says which appliance receives the copy.<//><//>`;
	}}<//>`;
}

export function Replication() {
	const peers = useResource('/peers', { isList: true, watch: ['peer'] });
	const [isAdding, setAdding] = useState(false);
	const remove = p => confirm({ title: `Forget ${p.name}?`, verb: 'Forget', name: p.name, lost: html`<b>${p.name}</b> gets no replicas from here any more; what it has stays there.`,
		run: () => change(`Removal of ${p.name}`, 'DELETE', `/peers/${part(p.name)}`) });
	const columns = [
		{ key: 'name', title: 'Appliance', cell: p => html`<span class="cell-main">${p.name}</span><span class="cell-sub">${p.description}</span>` },
		{ key: 'address', title: 'Address', cell: p => html`<span class="mono">${p.address}:${p.port}</span>` }, { key: 'state', title: 'State', cell: p => html`<${State} state=${p.state} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: p => html`<${Button} role="admin" kind="ghost" icon="trash" hint=${`Forget ${p.name}`} onClick=${() => remove(p)} />` },
	];
	const add = html`<${Button} kind="primary" role="admin" icon="plus" onClick=${() => setAdding(true)}>Add an appliance<//>`;
	return html`<${Page} title="Replication" sub="Copies of volumes on another appliance." actions=${peers.data?.length ? add : ''}>
		<${Replicas} />
		<${Loaded} resource=${peers}>${rows => html`<${Card} title="Other appliances" isFlush><${Table} label="appliances" rows=${rows} columns=${columns} rowKey=${p => p.name}
			empty=${html`<${Empty} icon="replica" title="No other appliance is known" action=${add}>Name the appliance that is to receive copies.<//>`} /><//>`}<//>
		${isAdding && html`<${Dialog} title="Add an appliance" onClose=${() => setAdding(false)}><${Form} fields=${fields} initial=${{ port: '3262' }} submit="Add" role="admin" onCancel=${() => setAdding(false)} onSubmit=${async body => {
			await change(`Appliance ${body.name}`, 'POST', '/peers', body);
			setAdding(false);
		}} /><//>`}<//>`;
}
