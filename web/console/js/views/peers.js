// SPDX-License-Identifier: MIT
// peers.js - the other appliances: paired by a code that one of them offers and the other takes.
import { html, useState } from '../lib.js';
import { ask, part } from '../rest.js';
import { useResource } from '../resource.js';
import { change } from '../parts/act.js';
import { Button, Card, Code, Empty, Facts, Loaded, Note, State, Time } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';

const offerFields = [{ name: 'name', label: 'What the other appliance is called here', isFirst: true }];
const joinFields = [{ name: 'name', label: 'What the other appliance is called here', isFirst: true }, { name: 'address', label: 'Address' },
	{ name: 'port', label: 'Port', type: 'number', isOptional: true }, { name: 'code', label: 'Code', help: 'What it showed under "Offer a pairing"; good once, for a few minutes.' },
	{ name: 'description', label: 'Description', isOptional: true }];

function Offer({ onClose }) {
	const [code, setCode] = useState(/** @type {any} */ (null));
	if (!code)
		return html`<${Dialog} title="Offer a pairing" onClose=${onClose}><${Form} fields=${offerFields} submit="Make a code" role="admin" onCancel=${onClose}
			onSubmit=${async body => setCode(await ask('POST', '/peers/offers', body))} /><//>`;
	return html`<${Dialog} title=${`Code for ${code.name}`} onClose=${onClose} actions=${html`<${Button} kind="primary" onClick=${onClose}>Done<//>`}>
		<div class="stack"><p>At the other appliance choose "Join by a code" and type this. It is shown once.</p><${Code} label="Code" text=${code.code} />
		<${Facts} items=${[['Good until', html`<${Time} ms=${code.expires_ms} isFull />`], ['Fingerprint of this appliance', html`<span class="mono">${code.fingerprint}</span>`]]} /></div><//>`;
}

function Join({ onClose }) {
	return html`<${Dialog} title="Join another appliance" onClose=${onClose}><${Form} fields=${joinFields} initial=${{ port: '3262' }} submit="Join" role="admin" onCancel=${onClose} onSubmit=${async body => {
		await change(`Pairing with ${body.name}`, 'POST', '/peers', body);
		onClose();
	}} /><//>`;
}

export function Peers() {
	const peers = useResource('/peers', { isList: true, watch: ['peer', 'task'], every_s: 10 });
	const [open, setOpen] = useState('');
	const close = () => {
		setOpen('');
		peers.reload();
	};
	const remove = p => confirm({ title: `Forget ${p.name}?`, verb: 'Forget', name: p.name, lost: html`<b>${p.name}</b> gets no replicas from here any more; what it has stays there. To pair again, it takes a new code.`,
		run: () => change(`Removal of ${p.name}`, 'DELETE', `/peers/${part(p.name)}`) });
	const columns = [
		{ key: 'name', title: 'Appliance', cell: p => html`<span class="cell-main">${p.name}</span><span class="cell-sub">${p.description}</span>` },
		{ key: 'address', title: 'Address', cell: p => html`<span class="mono">${p.address}:${p.port}</span>` },
		{ key: 'state', title: 'State', cell: p => html`<${State} state=${p.state} />${p.state_text && html`<span class="cell-sub">${p.state_text}</span>`}` },
		{ key: 'seen', title: 'Last seen', isWide: true, cell: p => html`<${Time} ms=${p.last_seen_ms} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: p => html`<${Button} role="admin" kind="ghost" icon="trash" hint=${`Forget ${p.name}`} onClick=${() => remove(p)} />` },
	];
	const pair = html`<${Button} role="admin" onClick=${() => setOpen('offer')}>Offer a pairing<//><${Button} kind="primary" role="admin" icon="plus" onClick=${() => setOpen('join')}>Join by a code<//>`;
	return html`<${Loaded} resource=${peers}>${rows => html`<${Card} title="Other appliances" isFlush actions=${rows.length ? pair : ''}><${Table} label="appliances" rows=${rows} columns=${columns} rowKey=${p => p.name}
			empty=${html`<${Empty} icon="replica" title="No other appliance is known" action=${html`<div class="toolbar">${pair}</div>`}>Two appliances are paired by a code: one offers it, the other joins.<//>`} /><//>
			${rows.some(p => p.state === 'lost') && html`<${Note} tone="warn">An appliance that is lost has another key than when it was paired, or forgot this one. Forget it here, then pair again.<//>`}`}<//>
		${open === 'offer' && html`<${Offer} onClose=${close} />`}${open === 'join' && html`<${Join} onClose=${close} />`}`;
}
