// SPDX-License-Identifier: MIT
// volume-parts.js - what is changed of a volume: who may use it, its size, its policy, its secrets, its content.
import { html, useState } from '../lib.js';
import { ask, part } from '../rest.js';
import { useResource } from '../resource.js';
import { bytes, time } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Code, Empty, Loaded, Note } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';
import { Plan } from './plan.js';

const path = volume => `/volumes/${part(volume.name)}`;

/** The fields that choose hosts and groups. */
export function useAccessFields() {
	const hosts = useResource('/hosts', { isList: true, watch: ['host'] });
	const groups = useResource('/host-groups', { isList: true, watch: ['host_group'] });
	return {
		isReady: hosts.data && groups.data, reload: hosts.reload,
		fields: [
			{ name: 'hosts', label: 'Hosts', type: 'pick', none: 'There is no host yet.', help: 'Several hosts on one volume need a cluster file system such as VMFS.',
				choices: (hosts.data || []).map(h => ({ value: h.name, help: h.iqn })) },
			{ name: 'host_groups', label: 'Groups of hosts', type: 'pick', none: 'There is no group yet.',
				choices: (groups.data || []).map(g => ({ value: g.name, help: g.members.join(', ') })) },
		],
	};
}

export function Access({ volume, onChanged }) {
	const { fields, isReady } = useAccessFields();
	const [isOpen, setOpen] = useState(false);
	const { hosts, host_groups } = volume.access;
	return html`<${Card} title="Who may log in" actions=${html`<${Button} role="operator" icon="edit" onClick=${() => setOpen(true)}>Change<//>`}>
		${hosts.length + host_groups.length ? html`<p class="chips">${hosts.map(h => html`<a class="chip" href="#/hosts">${h}</a>`)}
			${host_groups.map(g => html`<a class="chip" href="#/hosts?tab=groups">${g} <small>group</small></a>`)}</p>`
			: html`<p class="muted">Nobody: the volume is exported, but no host is named.</p>`}
		${isOpen && isReady && html`<${Dialog} title=${`Who may use ${volume.name}`} onClose=${() => setOpen(false)}>
			<${Note} tone="warn">A host that is taken away is logged out at once.<//>
			<${Form} fields=${fields} initial=${{ hosts, host_groups }} submit="Save" role="operator" onCancel=${() => setOpen(false)} onSubmit=${async body => {
				await change(`Access to ${volume.name}`, 'PUT', `${path(volume)}/access`, body);
				setOpen(false);
				onChanged();
			}} /><//>`}<//>`;
}

export function Sessions({ volume, host }) {
	const sessions = useResource('/iscsi-sessions', { query: { volume, host }, isList: true, every_s: 5 });
	const close = s => confirm({
		title: 'Close this session?', verb: 'Close the session',
		lost: html`The host at <b>${s.address}</b> loses this path to ${s.volume}. It may log in again by itself as long as it is allowed to.`,
		run: () => change(`Session of ${s.host || s.initiator}`, 'DELETE', `/iscsi-sessions/${part(s.id)}`),
	});
	const columns = [
		{ key: 'host', title: 'Host', cell: s => html`<span class="cell-main">${s.host || 'unknown'}</span><span class="cell-sub mono">${s.initiator}</span>` },
		{ key: 'volume', title: 'Volume' },
		{ key: 'address', title: 'From', isWide: true, cell: s => html`<span class="mono">${s.address}</span>` },
		{ key: 'id', title: 'Session', isWide: true },
		{ key: 'act', title: 'Actions', isAction: true, cell: s => html`<${Button} role="operator" kind="ghost" icon="close" hint="Close this session" onClick=${() => close(s)} />` },
	];
	return html`<${Card} title="Logged in now" isFlush><${Loaded} resource=${sessions}>${rows => html`<${Table} label="sessions" rows=${rows} columns=${columns}
		rowKey=${s => s.id} empty=${html`<${Empty} icon="host" title="Nobody is logged in">Paths appear here as soon as a host has logged in.<//>`} />`}<//><//>`;
}

export function GrowDialog({ volume, onClose }) {
	const fields = [{ name: 'size_bytes', label: 'New size', type: 'bytes', isFirst: true, help: `It is ${bytes(volume.size_bytes)} now, and can only grow. Hosts see it after a rescan.` }];
	return html`<${Dialog} title=${`Grow ${volume.name}`} onClose=${onClose}><${Form} fields=${fields} initial=${{ size_bytes: volume.size_bytes }} submit="Grow" role="operator" onCancel=${onClose}
		onSubmit=${async body => {
			await change(`Growth of ${volume.name}`, 'PATCH', path(volume), body, { revision: volume.revision });
			onClose();
		}} /><//>`;
}

export function PolicyDialog({ volume, onClose }) {
	const policies = useResource('/policies', { isList: true });
	const [plan, setPlan] = useState(/** @type {any} */ (null));
	const fields = [{ name: 'policy', label: 'Policy', type: 'choice', empty: 'None: no filters of its own', isFirst: true,
		choices: (policies.data || []).map(p => ({ value: p.name, text: `${p.name}${p.is_bundled ? ' (sample)' : ''}` })) }];
	/** @returns {[string, string, any]} */
	const send = (body, query) => body.policy ? ['PUT', `${path(volume)}/policy${query}`, { policy: body.policy }] : ['DELETE', `${path(volume)}/policy${query}`, undefined];
	return html`<${Dialog} title=${`Policy of ${volume.name}`} onClose=${onClose}>${policies.data && html`<${Form} fields=${fields} initial=${{ policy: volume.assignment?.policy || '' }}
		submit="Apply" role="operator" onCancel=${onClose} onSubmit=${async body => {
			const [method, where, what] = send(body, '');
			await change(`Policy of ${volume.name}`, method, where, what);
			onClose();
		}}>${values => html`<p class="muted">${policies.data.find(p => p.name === values.policy)?.description}</p>
			<div><${Button} role="operator" onClick=${async () => {
				const [method, where, what] = send(values, '?dry_run=1');
				setPlan(await ask(method, where, what).catch(problem => ({ problem })));
			}}>Show what would be done<//></div>${plan && html`<${Plan} answer=${plan} />`}`}<//>`}<//>`;
}

export function MutualDialog({ volume, onClose }) {
	const [made, setMade] = useState(/** @type {any} */ (null));
	const [isBusy, run] = useAct();
	const fields = [{ name: 'user', label: 'Name that the target gives', isFirst: true },
		{ name: 'secret', label: 'Secret', type: 'password', isOptional: true, help: '12 to 16 characters; left empty, a good one is made and shown once.' }];
	const off = async () => {
		await run(`Mutual CHAP of ${volume.name}`, 'DELETE', `${path(volume)}/mutual-chap`);
		onClose();
	};
	return html`<${Dialog} title="Mutual CHAP" onClose=${onClose}>${made?.secret ? html`<${Note} tone="warn" title="Shown this once">Enter it on the host now.<//><${Code} text=${made.secret} />`
		: html`<p class="muted">The target proves to its hosts who it is, too.</p>
			<${Form} fields=${fields} initial=${{ user: volume.target.mutual_user || volume.name }} submit="Save" role="operator" onCancel=${onClose} onSubmit=${async body => {
				const answer = await change(`Mutual CHAP of ${volume.name}`, 'PUT', `${path(volume)}/mutual-chap`, body);
				if (answer.secret)
					setMade(answer);
				else
					onClose();
			}}>${volume.target.mutual_user && html`<div><${Button} role="operator" kind="danger" isBusy=${isBusy} onClick=${off}>Switch it off<//></div>`}<//>`}<//>`;
}

export function TransferDialog({ volume, way, onClose }) {
	const files = useResource(way === 'import' ? '/transfers/files' : null, { isList: true });
	const send = async body => {
		await change(`${way === 'import' ? 'Import into' : 'Export of'} ${volume.name}`, 'POST', `${path(volume)}/${way}`, body);
		onClose();
	};
	if (way === 'export')
		return html`<${Dialog} title=${`Export ${volume.name}`} onClose=${onClose}><p class="muted">A copy of the whole disk, as a file in the transfer folder. The volume is offline for its hosts meanwhile.</p>
			<${Form} fields=${[{ name: 'file', label: 'File', isFirst: true, help: 'A plain name.' }, { name: 'format', label: 'Form', type: 'choice', choices: [
				{ value: 'raw', text: 'Raw: what hosts read' }, { value: 'luks', text: 'LUKS: encrypted, as the datastore has it' }] }]}
				initial=${{ file: `${volume.name}.img`, format: 'raw' }} submit="Export" role="operator" onCancel=${onClose} onSubmit=${send} /><//>`;
	return html`<${Dialog} title=${`Import into ${volume.name}`} onClose=${onClose}><div class="lost">What is on <b>${volume.name}</b> now (${bytes(volume.allocated_bytes)}) is overwritten.</div>
		<${Loaded} resource=${files}>${rows => rows.length ? html`<${Form} fields=${[
			{ name: 'file', label: 'File', type: 'choice', choices: rows.map(f => ({ value: f.name, text: `${f.name}, ${bytes(f.size_bytes)}, ${time(f.changed_ms)}` })) },
			{ name: 'typed', label: html`Type <b class="mono">${volume.name}</b> to go on` }]} initial=${{ file: rows[0].name }} submit="Import" role="operator" kind="danger" onCancel=${onClose}
			onSubmit=${body => {
				if (body.typed !== volume.name)
					throw Object.assign(new Error('This is not the name of the volume.'), { field: 'typed' });
				return send({ file: body.file });
			}} />` : html`<${Empty} icon="config" title="The transfer folder is empty">Put a raw image into it first.<//>`}<//><//>`;
}
