// SPDX-License-Identifier: MIT
// alerts.js - thresholds that are passed, and the thresholds.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { may } from '../session.js';
import { place, setQuery } from '../router.js';
import { useStore } from '../store.js';
import { duration, quantity, words } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Empty, Loaded, Page, State, Tabs, Time } from '../parts/basics.js';
import { Dialog } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';

function AlertList({ wanted, empty }) {
	const alerts = useResource('/alerts', { query: { sort: '-id', limit: 200 }, watch: ['alert'], every_s: 15 });
	const [isBusy, run] = useAct();
	return html`<${Loaded} resource=${alerts}>${data => {
		const rows = data.items.filter(wanted);
		return html`<${Card} isFlush>${rows.length ? html`<ul class="events">${rows.map(a => html`<li class="event" key=${a.id}><${State} state=${a.state === 'cleared' ? 'off' : a.severity} text=${a.severity} />
			<div class="event-text"><p>${a.text}</p><p class="muted">${words(a.rule)} · ${a.object_type === 'volume' ? html`<a href=${`#/volumes/${part(a.object_name)}`}>${a.object_name}</a>` : a.object_name}
				${a.state === 'acknowledged' && ` · acknowledged by ${a.acknowledged_by.replace(/^user:/, '')}`}${a.cleared_ms ? html` · over since <${Time} ms=${a.cleared_ms} />` : ''}</p></div>
			<span class="muted"><${Time} ms=${a.raised_ms} /></span>
			${a.state === 'active' && html`<${Button} role="operator" isSmall isBusy=${isBusy} onClick=${() => run('Acknowledgement', 'POST', `/alerts/${a.id}/acknowledge`, {}).then(alerts.reload)}>Acknowledge<//>`}</li>`)}</ul>` : empty}<//>`;
	}}<//>`;
}

function RuleDialog({ rule, onClose }) {
	const fields = [
		{ name: 'is_enabled', label: 'Watched', type: 'bool' },
		{ name: 'warning', label: 'Warning from', type: 'number', unit: rule.unit, help: 'Empty: never.' },
		{ name: 'error', label: 'Error from', type: 'number', unit: rule.unit, help: 'Empty: never.' },
		{ name: 'raise_after_s', label: 'Raised after', type: 'number', unit: 's' },
		{ name: 'clear_after_s', label: 'Cleared after', type: 'number', unit: 's' },
		{ name: 'clear_margin_pct', label: 'Cleared so far below', type: 'number', unit: '%' },
	];
	const orNever = value => value === '' || value === null ? null : value;
	return html`<${Dialog} title=${words(rule.name)} onClose=${onClose}><p class="muted">${rule.help}</p><${Form} fields=${fields} initial=${{ ...rule, warning: rule.warning ?? '', error: rule.error ?? '' }}
		submit="Save" role="admin" onCancel=${onClose} onSubmit=${async body => {
			await change(`Rule ${words(rule.name)}`, 'PATCH', `/alert-rules/${part(rule.name)}`, { ...body, warning: orNever(body.warning), error: orNever(body.error) }, { revision: rule.revision });
			onClose();
		}} /><//>`;
}

function RuleList() {
	const rules = useResource('/alert-rules', { isList: true });
	const [rule, setRule] = useState(/** @type {any} */ (null));
	const number = (r, value) => value === null ? html`<span class="muted">never</span>` : quantity(value, r.unit);
	const columns = [
		{ key: 'name', title: 'Rule', cell: r => html`<span class="cell-main">${words(r.name)}</span><span class="cell-sub" title=${r.help}>${r.help}</span>` },
		{ key: 'warning', title: 'Warning', align: 'right', isWide: true, cell: r => number(r, r.warning) }, { key: 'error', title: 'Error', align: 'right', isWide: true, cell: r => number(r, r.error) },
		{ key: 'raise_after_s', title: 'After', align: 'right', isWide: true, cell: r => duration(r.raise_after_s) },
		{ key: 'is_enabled', title: 'State', cell: r => html`<${State} state=${r.is_enabled ? 'enabled' : 'off'} text=${r.is_enabled ? 'watched' : 'off'} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: r => html`<${Button} role="admin" kind="ghost" icon="edit" hint=${`Change ${words(r.name)}`} onClick=${() => setRule(r)} />` },
	];
	return html`<${Loaded} resource=${rules}>${rows => html`<${Card} isFlush><${Table} label="rules" rows=${rows} columns=${columns} rowKey=${r => r.name} /><//>`}<//>
		${rule && html`<${RuleDialog} rule=${rule} onClose=${() => {
			setRule(null);
			rules.reload();
		}} />`}`;
}

export function Alerts() {
	const at = useStore(place).query.get('tab') || 'now';
	return html`<${Page} title="Alerts" sub="Thresholds that are passed. An alert clears by itself when what it is about is over."
		actions=${may('admin') && html`<${Button} href="#/webhooks" icon="webhook">Send them elsewhere<//>`}>
		<${Tabs} label="Alerts" tabs=${[{ key: 'now', title: 'Now' }, { key: 'past', title: 'Past' }, { key: 'rules', title: 'Thresholds' }]} at=${at} onPick=${key => setQuery({ tab: key === 'now' ? '' : key })} />
		<div role="tabpanel" aria-label=${at}>
		${at === 'now' && html`<${AlertList} wanted=${a => a.state !== 'cleared'} empty=${html`<${Empty} icon="check" title="No threshold is passed">Nothing needs you. What is watched stands under Thresholds.<//>`} />`}
		${at === 'past' && html`<${AlertList} wanted=${a => a.state === 'cleared'} empty=${html`<${Empty} icon="bell" title="No alert is over">Alerts that have cleared are listed here.<//>`} />`}
		${at === 'rules' && html`<${RuleList} />`}</div><//>`;
}
