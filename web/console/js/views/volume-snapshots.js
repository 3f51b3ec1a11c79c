// SPDX-License-Identifier: MIT
// volume-snapshots.js - a volume's snapshots as a tree with sizes, and what is done with each.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { bytes, percent, plural } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Empty, Facts, Loaded, Note, State, Time } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { useAccessFields } from './volume-parts.js';

const pathOf = s => `/volumes/${part(s.volume)}/snapshots/${part(s.name)}`;

/* The tree as lines: each snapshot with its depth, and the volume as it is now below the one that it rests on. */
function lines(tree) {
	const out = [];
	const walk = (nodes, depth, parent) => {
		for (const node of nodes) {
			out.push({ node, depth });
			walk(node.children, depth + 1, node.uuid);
		}
		if (tree.head && tree.head.parent === parent)
			out.push({ head: tree.head, depth });
	};
	walk(tree.items, 0, '');
	return out;
}

function askRevert(s) {
	confirm({
		title: `Go back to ${s.name}?`, verb: 'Go back', name: s.volume,
		lost: html`Everything that was written to <b>${s.volume}</b> since this snapshot is lost. Take another snapshot first if it may be wanted again.
			Hosts go on using the disk and are told that its content has changed; a file system on it is better unmounted before.`,
		run: () => change(`Return of ${s.volume} to ${s.name}`, 'POST', `${pathOf(s)}/revert`, { confirm: s.volume }),
	});
}

function askDelete(s) {
	confirm({
		title: `Delete snapshot ${s.name}?`, verb: 'Delete the snapshot', name: s.name,
		lost: html`What only this snapshot keeps, ${bytes(s.own_bytes)}, is lost. The volume and its other snapshots stay. Blocks are merged in the
			background; the task may be cancelled until it is done.`,
		run: () => change(`Deletion of ${s.name}`, 'DELETE', `${pathOf(s)}?confirm=${part(s.name)}`),
	});
}

function TakeDialog({ volume, onClose }) {
	const fields = [
		{ name: 'name', label: 'Name', isOptional: true, isFirst: true, help: 'Without one it is called by the time.' },
		{ name: 'description', label: 'Description', isOptional: true },
	];
	return html`<${Dialog} title=${`Take a snapshot of ${volume.name}`} onClose=${onClose}>
		<${Form} fields=${fields} initial=${{ name: '', description: '' }} submit="Take it" role="operator" onCancel=${onClose} onSubmit=${async body => {
			await change(`Snapshot of ${volume.name}`, 'POST', `/volumes/${part(volume.name)}/snapshots`, body);
			onClose();
		}} /><//>`;
}

function MakeDialog({ snapshot, kind, onClose }) {
	const access = useAccessFields();
	const isClone = kind === 'clone';
	const fields = [
		{ name: 'name', label: 'Name of the new volume', isFirst: true },
		...(isClone ? [{ name: 'is_linked', label: 'Linked', type: 'bool', help: 'Shares what is the same and needs this snapshot as long as it lives. Otherwise all is copied in the background.' }] : []),
		...access.fields,
	];
	const title = isClone ? `Clone ${snapshot.name}` : `Show ${snapshot.name} as a LUN`;
	return html`<${Dialog} title=${title} onClose=${onClose}>
		${!isClone && html`<${Note}>A read-only volume of its own. Deleting it leaves the snapshot as it is.<//>`}
		${access.isReady && html`<${Form} fields=${fields} initial=${{ name: `${snapshot.volume}-${snapshot.name}`.slice(0, 80), is_linked: true, hosts: [], host_groups: [] }}
			submit=${isClone ? 'Clone' : 'Show it'} role="operator" onCancel=${onClose} onSubmit=${async body => {
				await change(`Volume ${body.name}`, 'POST', `${pathOf(snapshot)}/${isClone ? 'clone' : 'expose'}`, body);
				onClose();
			}} />`}<//>`;
}

function RepairDialog({ volume, onClose }) {
	const plan = useResource(`/volumes/${part(volume)}/repair`);
	const [isBusy, run] = useAct();
	return html`<${Dialog} title=${`Repair the layers of ${volume}`} onClose=${onClose}>
		<${Loaded} resource=${plan}>${p => p.steps.length ? html`<p>This would be done:</p><ul>${p.steps.map(s => html`<li>${s}</li>`)}</ul>`
			: html`<p class="muted">There is nothing to do while it is as it is now.</p>`}<//>
		<div class="form-actions"><${Button} onClick=${onClose}>Close<//>
			<${Button} role="operator" kind="primary" isBusy=${isBusy} onClick=${() => run(`Repair of ${volume}`, 'POST', `/volumes/${part(volume)}/repair`, {}).then(onClose)}>Do it<//></div><//>`;
}

function Users({ node }) {
	const all = [...node.clones.map(name => [name, 'clone']), ...node.exposures.map(name => [name, 'shown as'])];
	return html`${all.map(([name, what]) => html`<a class="chip" href=${`#/volumes/${part(name)}`}>${name} <small>${what}</small></a>`)}`;
}

function Progress({ node }) {
	if (node.state !== 'deleting' || !node.total_bytes)
		return null;
	return html` <span class="muted">${percent(node.done_bytes / node.total_bytes * 100)} merged</span>`;
}

function Line({ line, volume, onMake }) {
	const { node, head, depth } = line;
	const pad = `tree-${Math.min(depth, 8)}`;
	if (head)
		return html`<li class=${`tree-line tree-head ${pad}`}><div class="tree-what"><b>${volume}</b> <span class="muted">as it is now</span></div>
			<div class="tree-size">${bytes(head.own_bytes)}</div><div class="tree-act"></div></li>`;
	const isReady = node.state === 'ready';
	return html`<li class=${`tree-line ${pad}`}><div class="tree-what"><b>${node.name}</b> ${!isReady && html`<${State} state=${node.state} hint=${node.state_text} />`}
			<${Progress} node=${node} /> <span class="muted"><${Time} ms=${node.created_ms} />${node.schedule && ` · ${node.schedule}`}${node.group && ` · group ${node.group}`}</span>
			<${Users} node=${node} />${node.state_text && html`<div class="muted">${node.state_text}</div>`}</div>
		<div class="tree-size">${bytes(node.own_bytes)}</div>
		<div class="tree-act">
			<${Button} role="operator" kind="ghost" isSmall disabled=${!isReady} onClick=${() => askRevert(node)}>Go back<//>
			<${Button} role="operator" kind="ghost" isSmall disabled=${!isReady} onClick=${() => onMake({ kind: 'clone', snapshot: node })}>Clone<//>
			<${Button} role="operator" kind="ghost" isSmall disabled=${!isReady} onClick=${() => onMake({ kind: 'expose', snapshot: node })}>Show<//>
			<${Button} role="operator" kind="ghost" icon="trash" hint=${`Delete ${node.name}`} onClick=${() => askDelete(node)} /></div></li>`;
}

/** @param {{volume: any}} props */
export function VolumeSnapshots({ volume }) {
	const tree = useResource(`/volumes/${part(volume.name)}/snapshot-tree`, { watch: ['snapshot', 'snapshot_group', 'task'], every_s: 5 });
	const [dialog, setDialog] = useState(/** @type {any} */ (null));
	const close = () => {
		setDialog(null);
		tree.reload();
	};
	const isExposure = volume.origin?.kind === 'exposure';
	return html`<${Loaded} resource=${tree}>${t => html`
		${volume.origin && html`<${Note} title=${isExposure ? 'This volume shows a snapshot' : 'This volume is a clone'}>
			Of snapshot ${volume.origin.snapshot_name} of <a href=${`#/volumes/${part(volume.origin.volume)}?tab=snapshots`}>${volume.origin.volume}</a>, which it needs.<//>`}
		${t.is_degraded && html`<${Note} tone="bad" title="The layers of this volume are not whole"
			actions=${html`<${Button} role="operator" isSmall onClick=${() => setDialog({ kind: 'repair' })}>See what can be done<//>`}>${t.problem}<//>`}
		<${Card} title="Snapshots" sub="Each stands below the one that it was taken after." actions=${!isExposure && html`
			<${Button} href="#/snapshots">Schedules<//>
			<${Button} role="operator" kind="primary" icon="plus" onClick=${() => setDialog({ kind: 'take' })}>Take a snapshot<//>`}>
			${t.items.length ? html`<${Facts} items=${[['How many', t.count], ['Space of their own', bytes(t.own_bytes)]]} />
				<ul class="tree" aria-label="snapshots">${lines(t).map(line => html`<${Line} key=${line.node?.uuid || 'head'} line=${line} volume=${volume.name} onMake=${setDialog} />`)}</ul>`
				: html`<${Empty} icon="copy" title="There is no snapshot">${isExposure ? 'What is only shown never changes.'
					: 'A snapshot is this volume as it is at one moment; the volume can go back to it, and new volumes can be made of it.'}<//>`}<//>
		${dialog?.kind === 'take' && html`<${TakeDialog} volume=${volume} onClose=${close} />`}
		${dialog?.kind === 'repair' && html`<${RepairDialog} volume=${volume.name} onClose=${close} />`}
		${dialog?.snapshot && html`<${MakeDialog} snapshot=${dialog.snapshot} kind=${dialog.kind} onClose=${close} />`}`}<//>`;
}

/** What a deletion of the volume takes along, for its question. */
export const lostSnapshots = volume => volume.snapshots?.count ? html` Its <b>${plural(volume.snapshots.count, 'snapshot')}</b> go with it.` : '';
