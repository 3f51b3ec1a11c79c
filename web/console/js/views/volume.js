// SPDX-License-Identifier: MIT
// volume.js - one volume: what it is, what it does now, what did it do, who uses it, and everything done to it.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { place, setQuery } from '../router.js';
import { useStore } from '../store.js';
import { bytes, percent } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, CopyButton, Facts, Loaded, Note, Page, State, Tabs, Time } from '../parts/basics.js';
import { confirm } from '../parts/dialog.js';
import { Chain } from './volume-chain.js';
import { History, LiveCharts } from './volume-charts.js';
import { Access, GrowDialog, MutualDialog, PolicyDialog, Sessions, TransferDialog } from './volume-parts.js';
import { EventList } from './events.js';
import { VolumeSnapshots, lostSnapshots } from './volume-snapshots.js';

const TABS = [['overview', 'Overview'], ['history', 'History'], ['snapshots', 'Snapshots'], ['access', 'Hosts and sessions'], ['events', 'Events']];

function askDelete(volume, force) {
	const name = volume.name;
	confirm({
		title: `Delete volume ${name}?`, verb: 'Delete the volume', name,
		lost: html`All data of <b>${name}</b> is lost: ${bytes(volume.allocated_bytes)} in datastore ${volume.datastore}, ${bytes(volume.size_bytes)} as its hosts
			see it.${lostSnapshots(volume)} There is no way back but a copy made before.${force && html` <b>Hosts are using it now</b>; they get errors.`}`,
		run: async () => {
			await change(`Deletion of ${name}`, 'DELETE', `/volumes/${part(name)}?confirm=${part(name)}${volume.snapshots.count ? `&confirm_snapshots=${volume.snapshots.count}` : ''}${force ? '&force=1' : ''}`);
			location.hash = '/volumes';
		},
	});
}

function askStop(volume, run) {
	confirm({
		title: `Take volume ${volume.name} offline?`, verb: 'Take offline', name: volume.name,
		lost: html`Hosts lose the disk at once: what runs on it stops or fails. No data is lost, and starting it brings the disk back.`,
		run: () => run(`Stop of ${volume.name}`, 'POST', `/volumes/${part(volume.name)}/stop`, {}),
	});
}

function Actions({ volume, onDialog }) {
	const [isBusy, run] = useAct();
	const path = `/volumes/${part(volume.name)}`;
	const isOn = volume.desired_state === 'online';
	return html`<${Button} kind="primary" icon="link" href=${`#/volumes/${part(volume.name)}/connect`}>Connect a host<//>
		<${Button} role="operator" icon="policy" onClick=${() => onDialog('policy')}>Policy<//>
		<${Button} role="operator" icon="plus" onClick=${() => onDialog('grow')}>Grow<//>
		<details class="more"><summary class="button">More</summary><div class="more-list">
			${isOn ? html`<${Button} role="operator" kind="ghost" icon="stop" isBusy=${isBusy} onClick=${() => askStop(volume, run)}>Take offline<//>`
				: html`<${Button} role="operator" kind="ghost" icon="play" isBusy=${isBusy} onClick=${() => run(`Start of ${volume.name}`, 'POST', `${path}/start`, {})}>Bring online<//>`}
			<${Button} role="operator" kind="ghost" icon="down" isBusy=${isBusy} onClick=${() => run(`Flush of ${volume.name}`, 'POST', `${path}/flush`, {})}>Flush<//>
			<${Button} role="operator" kind="ghost" icon="copy" href=${`#/volumes/new?clone_of=${part(volume.name)}`}>Clone<//>
			<${Button} role="operator" kind="ghost" icon="config" onClick=${() => onDialog('export')}>Export to a file<//>
			<${Button} role="operator" kind="ghost" icon="config" onClick=${() => onDialog('import')}>Import from a file<//>
			<${Button} role="operator" kind="ghost" icon="key" onClick=${() => onDialog('mutual')}>Mutual CHAP<//>
			<${Button} role="admin" kind="ghost" icon="trash" onClick=${() => askDelete(volume)}>Delete<//></div></details>`;
}

function Trouble({ volume }) {
	const [isBusy, run] = useAct();
	const { compliance, assignment } = volume;
	return html`${volume.running_error && html`<${Note} tone="bad" title=${`This volume is ${volume.running_state}`}>${volume.running_error}<//>`}
		${compliance.status === 'out_of_date' && html`<${Note} tone="warn" title="The policy has a newer version"
			actions=${html`<${Button} role="operator" isSmall isBusy=${isBusy} onClick=${() => run(`Policy ${assignment.policy} for ${volume.name}`, 'POST',
				`/policies/${part(assignment.policy)}/apply`, { volumes: [volume.name] })}>Apply it here<//>`}>
			This volume runs version ${assignment.version} of <a href=${`#/policies/${part(assignment.policy)}`}>${assignment.policy}</a>;
			the newest is ${assignment.newest_version}.<//>`}
		${compliance.status === 'non_compliant' && html`<${Note} tone="bad" title="It does not run what its policy asks for">
			${compliance.causes.map(cause => html`<p>${cause}</p>`)}<//>`}`;
}

function Overview({ volume }) {
	return html`<div class="charts two"><${LiveCharts} name=${volume.name} /></div>
		<div class="columns side"><div><${Chain} volume=${volume} /></div><div>
		<${Card} title="Volume"><${Facts} items=${[
			['Size', bytes(volume.size_bytes)], ['In use', `${bytes(volume.allocated_bytes)} (${percent(volume.allocated_bytes / volume.size_bytes * 100)})`],
			['Datastore', volume.datastore], ['Allocation', volume.is_thin ? 'thin: when written' : 'full'],
			['Block', bytes(volume.block_bytes)], ['Writes', volume.write_cache === 'durable' ? 'durable when acknowledged' : 'volatile until flushed'],
			['Policy', volume.assignment ? html`<a href=${`#/policies/${part(volume.assignment.policy)}`}>${volume.assignment.policy}</a> v${volume.assignment.version}` : 'none'],
			['Compliance', html`<${State} state=${volume.compliance.status} />`],
			['Made', html`<${Time} ms=${volume.created_ms} />`],
		]} /><//>
		<${Card} title="Target"><div class="target-name"><span class="mono">${volume.target.iqn}</span><${CopyButton} value=${volume.target.iqn} /></div>
			<${Facts} items=${[['LUN', volume.target.lun], ['Mutual CHAP', volume.target.mutual_user || 'off'], ['UUID', html`<span class="mono">${volume.uuid}</span>`]]} /><//></div></div>`;
}

/** @param {{name: string}} props */
export function Volume({ name }) {
	const at = useStore(place).query.get('tab') || 'overview';
	const [dialog, setDialog] = useState('');
	const resource = useResource(`/volumes/${part(name)}`, { watch: ['volume', 'policy', 'task'], every_s: 10 });
	const close = () => {
		setDialog('');
		resource.reload();
	};
	const volume = resource.data;
	return html`<${Page} title=${name} back=${{ href: '#/volumes', text: 'Volumes' }} actions=${volume && html`<${Actions} volume=${volume} onDialog=${setDialog} />`}
		sub=${volume && html`<${State} state=${volume.running_state} /> ${volume.description}`}>
		<${Loaded} resource=${resource}>${v => html`<${Trouble} volume=${v} />
			<${Tabs} label="Parts of this volume" tabs=${TABS.map(([key, title]) => ({ key, title }))} at=${at} onPick=${key => setQuery({ tab: key === 'overview' ? '' : key })} />
			<div role="tabpanel" aria-label=${TABS.find(([key]) => key === at)?.[1]}>
			${at === 'overview' && html`<${Overview} volume=${v} />`}
			${at === 'history' && html`<${History} name=${name} />`}
			${at === 'snapshots' && html`<${VolumeSnapshots} volume=${v} />`}
			${at === 'access' && html`<${Access} volume=${v} onChanged=${resource.reload} /><${Sessions} volume=${name} />`}
			${at === 'events' && html`<${Card} isFlush><${EventList} query=${{ object_type: 'volume', object_name: name }} /><//>`}</div>
			${dialog === 'grow' && html`<${GrowDialog} volume=${v} onClose=${close} />`}
			${dialog === 'policy' && html`<${PolicyDialog} volume=${v} onClose=${close} />`}
			${dialog === 'mutual' && html`<${MutualDialog} volume=${v} onClose=${close} />`}
			${(dialog === 'export' || dialog === 'import') && html`<${TransferDialog} volume=${v} way=${dialog} onClose=${close} />`}`}<//><//>`;
}
