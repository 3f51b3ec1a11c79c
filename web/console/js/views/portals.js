// SPDX-License-Identifier: MIT
// portals.js - the addresses on which tgtd listens for hosts.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { change } from '../parts/act.js';
import { Button, Card, Empty, Loaded, State } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';

/** @type {import('../parts/fields.js').Field[]} */
export const portalFields = [
	{ name: 'address', label: 'Address', help: 'One of this machine\'s addresses; 0.0.0.0 and :: are all of them. Give hosts CHAP before you open it to a network.' },
	{ name: 'port', label: 'Port', type: 'number', isOptional: true },
];

export function Portals() {
	const portals = useResource('/portals', { isList: true, watch: ['portal'] });
	const [isAdding, setAdding] = useState(false);
	const remove = name => confirm({
		title: `Remove the address ${name}?`, verb: 'Remove', name,
		lost: html`Hosts that come by <b>${name}</b> lose their way to their volumes. Those with another path go on.`,
		run: () => change(`Removal of ${name}`, 'DELETE', `/portals/${part(name)}`),
	});
	const columns = [
		{ key: 'name', title: 'Address', cell: p => html`<span class="cell-main mono">${p.name}</span>` },
		{ key: 'running_state', title: 'State', cell: p => html`<${State} state=${p.running_state} hint=${p.running_error} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: p => html`<${Button} role="admin" kind="ghost" icon="trash" hint=${`Remove ${p.name}`} onClick=${() => remove(p.name)} />` },
	];
	return html`<${Card} title="Addresses for hosts" isFlush sub="Every target is reachable on each of them."
		actions=${html`<${Button} role="admin" icon="plus" onClick=${() => setAdding(true)}>Add an address<//>`}>
		<${Loaded} resource=${portals}>${rows => html`<${Table} label="addresses" rows=${rows} columns=${columns} rowKey=${p => p.name}
			empty=${html`<${Empty} icon="link" title="No host can connect yet">Add an address of this machine first; hosts use it to find their volumes.<//>`} />`}<//>
		${isAdding && html`<${Dialog} title="Add an address" onClose=${() => setAdding(false)}>
			<${Form} fields=${portalFields} initial=${{ address: '', port: '3260' }} submit="Add" role="admin" onCancel=${() => setAdding(false)} onSubmit=${async body => {
				await change(`Address ${body.address}`, 'POST', '/portals', body);
				setAdding(false);
			}} /><//>`}<//>`;
}
