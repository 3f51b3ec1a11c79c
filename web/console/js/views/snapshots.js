// SPDX-License-Identifier: MIT
// snapshots.js - what makes snapshots by itself, and snapshots of several volumes at one point in time.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { place, setQuery } from '../router.js';
import { useStore } from '../store.js';
import { bytes, plural } from '../format.js';
import { change } from '../parts/act.js';
import { Button, Card, Empty, Loaded, Page, State, Tabs, Time } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';

const TABS = [['schedules', 'Schedules'], ['groups', 'Groups'], ['all', 'All snapshots']];
const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const choices = words => words.map(value => ({ value }));

function useScheduleFields(isNew) {
	const volumes = useResource('/volumes', { isList: true, watch: ['volume'] });
	const policies = useResource('/policies', { isList: true, watch: ['policy'] });
	/** @type {import('../parts/fields.js').Field[]} */
	const fields = [
		{ name: 'every', label: 'Every', type: 'choice', choices: choices(['hour', 'day', 'week']) },
		{ name: 'at', label: 'At', help: 'HH:MM in the appliance\'s local time; of an hourly one the minutes alone count.' },
		{ name: 'weekday', label: 'On', type: 'choice', choices: choices(DAYS), when: v => v.every === 'week' },
		{ name: 'keep_hourly', label: 'Keep hourly', type: 'number', help: 'The newest of each of the last so many hours.' },
		{ name: 'keep_daily', label: 'Keep daily', type: 'number', help: 'The newest of each of the last so many days.' },
		{ name: 'keep_weekly', label: 'Keep weekly', type: 'number', help: 'The newest of each of the last so many weeks.' },
		{ name: 'volumes', label: 'Volumes', type: 'pick', none: 'There is no volume yet.',
			choices: (volumes.data || []).filter(v => v.origin?.kind !== 'exposure').map(v => ({ value: v.name, help: bytes(v.size_bytes) })) },
		{ name: 'policy', label: 'And all with the policy', type: 'choice', empty: 'none', choices: choices((policies.data || []).map(p => p.name)) },
		{ name: 'is_group', label: 'All at one point in time', type: 'bool', help: 'All of them or none.' },
		...(isNew ? [] : [{ name: 'is_enabled', label: 'Runs', type: 'bool', help: 'Switched off it makes and deletes nothing.' }]),
	];
	return { isReady: volumes.data && policies.data, fields: isNew ? [{ name: 'name', label: 'Name', isFirst: true }, ...fields] : fields };
}

const blank = { name: '', every: 'day', at: '02:00', weekday: 'sunday', keep_hourly: 0, keep_daily: 7, keep_weekly: 4, volumes: [], policy: '', is_group: false };

function ScheduleDialog({ schedule, onClose }) {
	const isNew = !schedule;
	const { isReady, fields } = useScheduleFields(isNew);
	const initial = isNew ? blank : { ...schedule, policy: schedule.policy || '' };
	return html`<${Dialog} title=${isNew ? 'Make a schedule' : `Change ${schedule.name}`} onClose=${onClose}>
		${isReady && html`<${Form} fields=${fields} initial=${initial} submit=${isNew ? 'Make it' : 'Save'} role="operator" onCancel=${onClose} onSubmit=${async body => {
			const sent = { ...body, policy: body.policy || null };
			await (isNew ? change(`Schedule ${body.name}`, 'POST', '/snapshot-schedules', sent)
				: change(`Schedule ${schedule.name}`, 'PATCH', `/snapshot-schedules/${part(schedule.name)}`, sent, { revision: schedule.revision }));
			onClose();
		}} />`}<//>`;
}

const askDeleteSchedule = s => confirm({
	title: `Delete schedule ${s.name}?`, verb: 'Delete the schedule', name: s.name,
	lost: html`No more snapshots are made by it. The ${plural(s.snapshot_count, 'snapshot')} that it made stay, and nothing deletes them by itself any more.`,
	run: () => change(`Deletion of ${s.name}`, 'DELETE', `/snapshot-schedules/${part(s.name)}`),
});

const kept = s => [[s.keep_hourly, 'hourly'], [s.keep_daily, 'daily'], [s.keep_weekly, 'weekly']].filter(([n]) => n).map(([n, word]) => `${n} ${word}`).join(', ');
const whenOf = s => s.every === 'hour' ? `every hour at :${s.at.slice(3)}` : s.every === 'day' ? `every day at ${s.at} by the appliance's clock` : `every ${s.weekday} at ${s.at} by the appliance's clock`;

function Schedules() {
	const schedules = useResource('/snapshot-schedules', { isList: true, watch: ['snapshot_schedule', 'snapshot'], every_s: 30 });
	const [dialog, setDialog] = useState(/** @type {any} */ (null));
	const close = () => {
		setDialog(null);
		schedules.reload();
	};
	const columns = [
		{ key: 'name', title: 'Schedule', cell: s => html`<span class="cell-main">${s.name}</span><span class="cell-sub">${whenOf(s)}</span>` },
		{ key: 'next_ms', title: 'Next', cell: s => s.is_enabled ? html`<${Time} ms=${s.next_ms} />` : html`<${State} state="off" />` },
		{ key: 'keep', title: 'Keeps', isWide: true, cell: kept },
		{ key: 'volume_count', title: 'Volumes', align: 'right', isWide: true, cell: s => s.volume_count },
		{ key: 'snapshot_count', title: 'Snapshots', align: 'right', isWide: true },
		{ key: 'last_text', title: 'Last time', isWide: true, cell: s => s.last_run_ms ? html`<${Time} ms=${s.last_run_ms} /><span class="cell-sub">${s.last_text}</span>` : 'not yet' },
		{ key: 'act', title: 'Actions', isAction: true, cell: s => html`<${Button} role="operator" kind="ghost" icon="edit" hint=${`Change ${s.name}`} onClick=${() => setDialog({ schedule: s })} />
			<${Button} role="operator" kind="ghost" icon="trash" hint=${`Delete ${s.name}`} onClick=${() => askDeleteSchedule(s)} />` },
	];
	return html`<${Card} title="Schedules" isFlush sub="They delete only what they made, and nothing that something rests on."
		actions=${html`<${Button} role="operator" icon="plus" onClick=${() => setDialog({})}>Make a schedule<//>`}>
		<${Loaded} resource=${schedules}>${rows => html`<${Table} label="schedules" rows=${rows} columns=${columns} rowKey=${s => s.name}
			empty=${html`<${Empty} icon="task" title="Nothing is taken by itself">A schedule takes snapshots by the hour, day or week and keeps as many as you say.<//>`} />`}<//>
		${dialog && html`<${ScheduleDialog} schedule=${dialog.schedule} onClose=${close} />`}<//>`;
}

function GroupDialog({ onClose }) {
	const volumes = useResource('/volumes', { isList: true, watch: ['volume'] });
	const fields = [{ name: 'name', label: 'Name', isFirst: true, help: 'Of the group, and of each of its snapshots.' },
		{ name: 'volumes', label: 'Volumes', type: 'pick', none: 'There is no volume yet.', choices: (volumes.data || []).map(v => ({ value: v.name, help: v.datastore })) }];
	return html`<${Dialog} title="Take snapshots at one point in time" onClose=${onClose}>
		${volumes.data && html`<${Form} fields=${fields} initial=${{ name: '', volumes: [] }} submit="Take them" role="operator" onCancel=${onClose} onSubmit=${async body => {
			await change(`Snapshots ${body.name}`, 'POST', '/snapshot-groups', body);
			onClose();
		}} />`}<//>`;
}

const askDeleteGroup = g => confirm({
	title: `Delete the snapshots ${g.name}?`, verb: 'Delete the snapshots', name: g.name,
	lost: html`The snapshots ${g.name} of ${g.volumes.join(', ')} are lost. The volumes stay.`,
	run: () => change(`Deletion of ${g.name}`, 'DELETE', `/snapshot-groups/${part(g.name)}?confirm=${part(g.name)}`),
});

function Groups() {
	const groups = useResource('/snapshot-groups', { isList: true, watch: ['snapshot_group', 'snapshot', 'task'] });
	const [isOpen, setOpen] = useState(false);
	const columns = [
		{ key: 'name', title: 'Group', cell: g => html`<span class="cell-main">${g.name}</span><span class="cell-sub">${g.schedule || ''}</span>` },
		{ key: 'state', title: 'State', cell: g => html`<${State} state=${g.state} />` },
		{ key: 'volumes', title: 'Volumes', cell: g => g.volumes.join(', ') },
		{ key: 'created_ms', title: 'Taken', isWide: true, cell: g => html`<${Time} ms=${g.created_ms} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: g => html`<${Button} role="operator" kind="ghost" icon="trash" hint=${`Delete ${g.name}`} onClick=${() => askDeleteGroup(g)} />` },
	];
	return html`<${Card} title="Groups" isFlush sub="Snapshots of several volumes at one point in time, all or none."
		actions=${html`<${Button} role="operator" icon="plus" onClick=${() => setOpen(true)}>Take a group<//>`}>
		<${Loaded} resource=${groups}>${rows => html`<${Table} label="groups" rows=${rows} columns=${columns} rowKey=${g => g.name}
			empty=${html`<${Empty} icon="copy" title="There is no group">What belongs together, a database and its log for instance, is better taken together.<//>`} />`}<//>
		${isOpen && html`<${GroupDialog} onClose=${() => setOpen(false)} />`}<//>`;
}

function All() {
	const snapshots = useResource('/snapshots', { isList: true, watch: ['snapshot', 'snapshot_group'] });
	const columns = [
		{ key: 'name', title: 'Snapshot', cell: s => html`<span class="cell-main">${s.name}</span><span class="cell-sub">${s.schedule || ''}</span>` },
		{ key: 'volume', title: 'Volume', cell: s => html`<a href=${`#/volumes/${part(s.volume)}?tab=snapshots`}>${s.volume}</a>` },
		{ key: 'state', title: 'State', cell: s => html`<${State} state=${s.state} hint=${s.state_text} />` },
		{ key: 'own_bytes', title: 'Its own', align: 'right', cell: s => bytes(s.own_bytes) },
		{ key: 'created_ms', title: 'Taken', isWide: true, cell: s => html`<${Time} ms=${s.created_ms} />` },
	];
	return html`<${Card} title="All snapshots" isFlush><${Loaded} resource=${snapshots}>${rows => html`<${Table} label="snapshots" rows=${rows} columns=${columns}
		rowKey=${s => s.uuid} search=${s => `${s.name} ${s.volume}`} start=${{ key: 'created_ms', isDown: true }}
		empty=${html`<${Empty} icon="copy" title="There is no snapshot">Take one in the view of a volume.<//>`} />`}<//><//>`;
}

export function Snapshots() {
	const at = useStore(place).query.get('tab') || 'schedules';
	return html`<${Page} title="Snapshots" sub="What is taken by itself, and what was taken together.">
		<${Tabs} label="Kinds" tabs=${TABS.map(([key, title]) => ({ key, title }))} at=${at} onPick=${key => setQuery({ tab: key === 'schedules' ? '' : key })} />
		<div role="tabpanel" aria-label=${TABS.find(([key]) => key === at)?.[1]}>
			${at === 'schedules' && html`<${Schedules} />`}${at === 'groups' && html`<${Groups} />`}${at === 'all' && html`<${All} />`}</div><//>`;
}
