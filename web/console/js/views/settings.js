// SPDX-License-Identifier: MIT
// settings.js - the appliance itself: its name, its daemons, its certificate, its filters, and the few settings.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { duration, label, quantity, words } from '../format.js';
import { useAct } from '../parts/act.js';
import { Button, Card, CopyButton, Facts, Loaded, Note, Page, State, Time } from '../parts/basics.js';
import { confirm } from '../parts/dialog.js';
import { Table } from '../parts/table.js';
import { useCertificate } from './certificate.js';
import { SettingDialog } from './setting.js';

const shown = s => Array.isArray(s.value) ? s.value.join(', ') || 'none' : s.unit ? quantity(s.value, s.unit) : String(s.value) || 'not set';

function SettingList() {
	const settings = useResource('/settings', { isList: true });
	const [at, setAt] = useState(/** @type {any} */ (null));
	return html`<${Card} title="Settings"><${Loaded} resource=${settings}>${rows => html`<ul class="lines">${rows.map(s => html`<li><div class="cell-main wrap"><b>${label(s.key)}</b><p class="muted">${s.help}</p></div>
		<span class="mono">${shown(s)}</span>${s.is_read_only ? '' : html`<${Button} role="admin" kind="ghost" icon="edit" hint=${`Change ${label(s.key)}`} onClick=${() => setAt(s)} />`}</li>`)}</ul>`}<//>
		${at && html`<${SettingDialog} setting=${at} onClose=${() => {
			setAt(null);
			settings.reload();
		}} />`}<//>`;
}

function System() {
	const system = useResource('/system', { every_s: 10 });
	const daemon = (name, d) => [name, html`<${State} state=${d.is_up ? 'ok' : 'failed'} text=${d.is_up ? 'running' : 'down'} hint=${d.text} />${d.since_ms ? html` <span class="muted">since <${Time} ms=${d.since_ms} /></span>` : ''}`];
	return html`<${Card} title="This appliance"><${Loaded} resource=${system}>${s => html`<${Facts} items=${[['Name', s.appliance_name], ['Version', s.version], ['Up', duration(s.uptime_s)],
		['Targets are named', html`<span class="mono">${s.iqn_base}</span>`], daemon('sluice-filterd', s.health.filterd), daemon('tgtd', s.health.tgtd),
		['Last look at the daemons', html`<${Time} ms=${s.health.last_round_ms} />`], ['Changes under way', s.health.pending]]} />`}<//><//>`;
}

function Certificate() {
	const { certificate, problem } = useCertificate();
	return html`<${Card} title="Certificate" sub="What this page proves itself with.">${problem && html`<${Note} tone="warn">${problem.message}<//>`}
		${certificate && html`<${Facts} items=${[['For', certificate.subject], ['From', certificate.is_self_signed ? 'itself' : certificate.issuer], ['Good until', html`<${Time} ms=${certificate.not_after_ms} isFull />`]]} />
			<div class="target-name"><span class="mono">${certificate.fingerprint_sha256}</span><${CopyButton} value=${certificate.fingerprint_sha256} /></div>
			<p class="muted below">${certificate.is_self_signed ? 'Compare this SHA-256 with the one in the log of sluice-webd. ' : ''}Another one is put in place as tls.crt and tls.key in webd's state folder, and taken up by a SIGHUP.</p>`}<//>`;
}

function Filters() {
	const filters = useResource('/filters', { isList: true, watch: ['filter', 'policy'] });
	const [isBusy, run] = useAct();
	const flip = f => {
		const go = () => run(`Filter ${words(f.name)}`, 'PATCH', `/filters/${part(f.name)}`, { is_enabled: !f.is_enabled }).then(filters.reload);
		if (!f.is_enabled)
			return go();
		return confirm({ title: `Disable ${words(f.name)}?`, verb: 'Disable', lost: html`No policy can use <b>${words(f.name)}</b> any more. The server refuses this while one does.`, run: go });
	};
	const columns = [
		{ key: 'name', title: 'Filter', cell: f => html`<span class="cell-main">${words(f.name)}</span><span class="cell-sub" title=${f.help}>${f.help}</span>` },
		{ key: 'class', title: 'Class', isWide: true, sort: f => f.class_number, cell: f => words(f.class) },
		{ key: 'version', title: 'Version', isWide: true },
		{ key: 'use', title: 'Used by', isWide: true, sort: f => f.used_by.volumes.length, cell: f => `${f.used_by.policies.length} policies, ${f.used_by.volumes.length} volumes` },
		{ key: 'state', title: 'State', cell: f => html`<${State} state=${!f.is_installed ? 'failed' : f.is_enabled ? 'enabled' : 'off'} text=${!f.is_installed ? 'not loaded' : f.is_enabled ? 'enabled' : 'disabled'} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: f => html`<${Button} role="admin" isSmall isBusy=${isBusy} onClick=${() => flip(f)}>${f.is_enabled ? 'Disable' : 'Enable'}<//>` },
	];
	return html`<${Card} title="Filters" sub="What sluice-filterd has loaded." isFlush><${Loaded} resource=${filters}>${rows => html`<${Table} label="filters" rows=${rows} columns=${columns} rowKey=${f => f.name} start=${{ key: 'class' }} />`}<//><//>`;
}

export function Settings() {
	return html`<${Page} title="System"><div class="columns"><div><${System} /><${Certificate} /></div><${SettingList} /></div><${Filters} /><//>`;
}
