// SPDX-License-Identifier: MIT
// replication-test.js - a failover that is only tried: at the replica a snapshot of all its volumes at one point, and of
// each a writable clone for some host, while the replication goes on. Its end takes clones and snapshots away again.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { changed } from '../parts/act.js';
import { Button, Note, Time } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { useAccessFields } from './volume-parts.js';

const nameOf = r => `test-of-${r.name}`.slice(0, 60);
const cloneOf = volume => `${volume.slice(0, 70)}-test`;

async function begin(r, access) {
	const name = nameOf(r);
	await changed(`Snapshots for a test of ${r.name}`, 'POST', '/snapshot-groups', { name, volumes: r.volumes });
	for (const volume of r.volumes)
		await changed(`Volume ${cloneOf(volume)}`, 'POST', `/volumes/${part(volume)}/snapshots/${part(name)}/clone`, { name: cloneOf(volume), is_linked: true, ...access });
}

async function end(clones, group) {
	for (const { name } of clones)
		await changed(`Deletion of ${name}`, 'DELETE', `/volumes/${part(name)}?confirm=${part(name)}&force=1`);
	if (group)
		await changed(`Deletion of ${group.name}`, 'DELETE', `/snapshot-groups/${part(group.name)}?confirm=${part(group.name)}`);
}

function BeginDialog({ r, onClose }) {
	const access = useAccessFields();
	return html`<${Dialog} title=${`Test a failover of ${r.name}`} onClose=${onClose}><div class="stack">
		<p>Of each volume a writable copy is made as this side has it now: ${r.volumes.map(cloneOf).join(', ')}. ${r.peer} serves on, and the replication goes on.</p>
		${r.mode === 'async' && html`<${Note} tone="warn">While changes arrive the copy may have some of the last ones and not others. Pause the replication at ${r.peer} first for one exact point in time.<//>`}
		${access.isReady && html`<${Form} fields=${access.fields} initial=${{ hosts: [], host_groups: [] }} submit="Begin the test" role="operator" onCancel=${onClose} onSubmit=${async body => {
			await begin(r, body);
			onClose();
		}} />`}</div><//>`;
}

/** @param {{r: any}} props a replication; something is to be seen only where its replica is */
export function FailoverTest({ r }) {
	const isReplica = r.role === 'secondary';
	const watch = ['volume', 'snapshot_group', 'snapshot', 'task'];
	const volumes = useResource(isReplica ? '/volumes' : null, { isList: true, watch });
	const groups = useResource(isReplica ? '/snapshot-groups' : null, { isList: true, watch });
	const [isOpen, setOpen] = useState(false);
	if (!isReplica || !volumes.data || !groups.data)
		return null;
	const clones = volumes.data.filter(v => v.origin?.snapshot_name === nameOf(r) && r.volumes.includes(v.origin.volume));
	const group = groups.data.find(g => g.name === nameOf(r));
	const stop = () => confirm({ title: `End the test of ${r.name}?`, verb: 'End the test', name: r.name, run: () => end(clones, group),
		lost: html`What was written to <b>${clones.map(c => c.name).join(', ') || 'the copies'}</b> is lost; hosts that use them lose the disk. The replica stays as it is.` });
	return html`<div class="stack">${clones.length || group ? html`<${Note} title="A failover is being tested" actions=${html`<${Button} role="operator" isSmall onClick=${stop}>End the test<//>`}>
			${clones.map((c, i) => html`${i ? ', ' : ''}<a href=${`#/volumes/${part(c.name)}/connect`}>${c.name}</a>`)} ${clones.length > 1 ? 'are' : 'is'} this side as it was at <${Time} ms=${group?.created_ms || clones[0]?.created_ms} />. The replication goes on.<//>`
		: html`<div class="form-actions"><${Button} role="operator" isSmall onClick=${() => setOpen(true)}>Test a failover<//></div>`}
		${isOpen && html`<${BeginDialog} r=${r} onClose=${() => setOpen(false)} />`}</div>`;
}
