// SPDX-License-Identifier: MIT
// replication.js - volumes with a copy on another appliance, and the appliances.
import { html, useState } from '../lib.js';
import { useResource } from '../resource.js';
import { words } from '../format.js';
import { change } from '../parts/act.js';
import { Button, Card, Empty, Facts, Loaded, Note, Page } from '../parts/basics.js';
import { Dialog } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Peers } from './peers.js';
import { ReplicaBody, ReplicaCard, ReplicaState } from './replica-card.js';
import { FailoverTest } from './replication-test.js';
import { ReplicationActions, ReplicationTrouble } from './replication-actions.js';

const CLASS = 'replication';
const choices = names => names.map(value => ({ value, text: value }));

function fieldsFor(volumes, peers) {
	return [{ name: 'name', label: 'Name', isFirst: true }, { name: 'peer', label: 'To', type: 'choice', choices: choices(peers) },
		{ name: 'volumes', label: 'Volumes', type: 'pick', choices: choices(volumes), help: 'Several are one group: their copies are of the same moment.' },
		{ name: 'peer_datastore', label: 'Datastore there', isOptional: true, help: 'Left empty: the one of the same name.' },
		{ name: 'mode', label: 'A write is acknowledged', type: 'choice', choices: [{ value: 'sync', text: 'when both sides have it (sync)' }, { value: 'async', text: 'when this side has it (async)' }] },
		{ name: 'when_peer_is_lost', label: 'When the other side is lost', type: 'choice', when: v => v.mode === 'sync', choices: [{ value: 'hold', text: 'hold writes until it is back' }, { value: 'continue', text: 'go on alone' }] },
		{ name: 'description', label: 'Description', isOptional: true }];
}

function Create({ peers, onClose }) {
	const volumes = useResource('/volumes', { isList: true, watch: ['volume'] });
	return html`<${Dialog} title="Replicate volumes" onClose=${onClose} isWide><${Loaded} resource=${volumes}>${rows => html`<${Form} fields=${fieldsFor(rows.map(v => v.name), peers)}
		initial=${{ peer: peers[0], mode: 'async', when_peer_is_lost: 'hold', volumes: [] }} submit="Replicate" role="operator" onCancel=${onClose} onSubmit=${async body => {
			await change(`Replication ${body.name}`, 'POST', '/replications', body);
			onClose();
		}} />`}<//><//>`;
}

function Replicated({ r }) {
	return html`<${Card} title=${html`${r.name} ${r.state ? html`<${ReplicaState} state=${r.state} />` : ''}`} sub=${r.description} actions=${html`<${ReplicationActions} r=${r} />`}>
		<div class="stack"><${ReplicationTrouble} r=${r} />
		${r.status?.is_paused && html`<${Note} tone="warn">Paused: nothing is sent until it goes on.<//>`}
		<${Facts} items=${[['Volumes', r.volumes.map((v, i) => html`${i ? ', ' : ''}<a href=${`#/volumes/${v}`}>${v}</a>`)], ['Other side', r.peer], ['Began as', words(r.initial_role)]]} />
		${r.status ? html`<${ReplicaBody} s=${r.status} name=${r.volumes[0]} isSaid=${r.state === 'diverged'} />
			${r.phase === 'active' && html`<${FailoverTest} r=${r} />`}` : html`<p class="muted">${r.state_text || `It is ${words(r.phase)}.`}</p>`}</div><//>`;
}

/* Volumes that a policy alone replicates. */
function Others({ replications }) {
	const filters = useResource('/filters', { query: { class: CLASS }, isList: true, watch: ['volume', 'policy'], every_s: 30 });
	const known = new Set(replications.flatMap(r => r.volumes));
	const names = [...new Set((filters.data || []).flatMap(f => f.used_by.volumes))].filter(v => !known.has(v)).sort();
	return names.slice(0, 60).map(name => html`<${ReplicaCard} key=${name} name=${name} />`);
}

export function Replication() {
	const list = useResource('/replications', { isList: true, watch: ['replication', 'peer', 'task'], every_s: 2 });
	const peers = useResource('/peers', { isList: true, watch: ['peer'] });
	const [isAdding, setAdding] = useState(false);
	const paired = (peers.data || []).filter(p => p.state === 'paired').map(p => p.name);
	const add = paired.length > 0 && html`<${Button} kind="primary" role="operator" icon="plus" onClick=${() => setAdding(true)}>Replicate volumes<//>`;
	return html`<${Page} title="Replication" sub="Copies of volumes on another appliance." actions=${list.data?.length ? add : ''}>
		<${Loaded} resource=${list}>${rows => html`${rows.length ? '' : html`<${Card}><${Empty} icon="replica" title="No volume is replicated" action=${add}>
				${paired.length ? 'Choose volumes and the appliance that receives their copy.' : 'Pair with another appliance first.'}<//><//>`}
			<div class="charts two">${rows.map(r => html`<${Replicated} key=${r.name} r=${r} />`)}<${Others} replications=${rows} /></div>`}<//>
		<${Peers} />
		${isAdding && html`<${Create} peers=${paired} onClose=${() => setAdding(false)} />`}<//>`;
}
