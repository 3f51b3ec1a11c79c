// SPDX-License-Identifier: MIT
// policies.js - what volumes are to have done to their I/O, and whether they have it.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { go, place, setQuery } from '../router.js';
import { useStore } from '../store.js';
import { words } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Empty, Loaded, Page, State, Tabs, Time } from '../parts/basics.js';
import { Dialog } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';

/** A copy under a name of one's own. @param {{source?: any, onClose: () => void}} props */
export function NewPolicy({ source, onClose }) {
	const fields = [{ name: 'name', label: 'Name', isFirst: true }, { name: 'description', label: 'Description', isOptional: true }];
	return html`<${Dialog} title=${source ? `Clone ${source.name}` : 'New policy'} onClose=${onClose}>
		<${Form} fields=${fields} initial=${source ? { name: source.is_bundled ? '' : `${source.name}-2` } : {}} submit=${source ? 'Clone' : 'Go on'} role="operator" onCancel=${onClose} onSubmit=${async body => {
			await change(`Policy ${body.name}`, 'POST', '/policies', source ? { ...body, clone_of: source.name } : { ...body, rules: [] });
			onClose();
			go(`/policies/${part(body.name)}/edit`);
		}} /><//>`;
}

function counted(compliance, name) {
	const own = compliance.filter(c => c.policy === name);
	return { all: own.length, bad: own.filter(c => c.status === 'non_compliant').length, old: own.filter(c => c.status === 'out_of_date').length };
}

function List({ policies, compliance }) {
	const [source, setSource] = useState(/** @type {any} */ (null));
	const columns = [
		{ key: 'name', title: 'Policy', cell: p => html`<a class="cell-main" href=${`#/policies/${part(p.name)}`}>${p.name}</a><span class="cell-sub">${p.description}</span>` },
		{ key: 'rules', title: 'Filters', isWide: true, sort: p => p.rules.length, cell: p => html`<span class="chips">${p.rules.map(r => html`<span class="chip">${words(r.filter)}</span>`)}</span>` },
		{ key: 'version', title: 'Version', isWide: true, align: 'right', cell: p => p.is_bundled ? html`<${State} state="sample" />` : `v${p.version}` },
		{ key: 'use', title: 'Volumes', sort: p => counted(compliance, p.name).all, cell: p => {
			const c = counted(compliance, p.name);
			return html`<span class="chips">${c.all ? html`<span class="num">${c.all}</span>` : html`<span class="muted">none</span>`}
				${c.bad ? html`<${State} state="non_compliant" text=${`${c.bad} non compliant`} />` : ''}${c.old ? html`<${State} state="out_of_date" text=${`${c.old} out of date`} />` : ''}</span>`;
		} },
		{ key: 'act', title: 'Actions', isAction: true, cell: p => html`<${Button} role="operator" isSmall onClick=${() => setSource(p)}>Clone<//>` },
	];
	return html`<${Card} isFlush><${Table} label="policies" rows=${policies} columns=${columns} rowKey=${p => p.name} search=${p => `${p.name} ${p.description} ${p.rules.map(r => r.filter).join(' ')}`}
		empty=${html`<${Empty} icon="policy" title="There is no policy">The samples come as soon as sluice-filterd has said which filters it has.<//>`} /><//>
		${source && html`<${NewPolicy} source=${source} onClose=${() => setSource(null)} />`}`;
}

export function ComplianceTable({ rows, isOfOne }) {
	const columns = [
		{ key: 'volume', title: 'Volume', cell: c => html`<a class="cell-main" href=${`#/volumes/${part(c.volume)}`}>${c.volume}</a>` },
		...(isOfOne ? [] : [{ key: 'policy', title: 'Policy', cell: c => c.policy ? html`<a class="cell-main" href=${`#/policies/${part(c.policy)}`}>${c.policy}</a>` : html`<span class="muted">none</span>` }]),
		{ key: 'status', title: 'Compliance', cell: c => html`<${State} state=${c.status} />` },
		{ key: 'version', title: 'Version', isWide: true, cell: c => c.version ? c.version === c.newest_version ? `v${c.version}` : `v${c.version} of v${c.newest_version}` : '–' },
		{ key: 'causes', title: 'Why', isWide: true, sort: c => c.causes.length, cell: c => html`<span class="cell-main wrap">${c.causes.join(' ')}</span>` },
		{ key: 'checked_ms', title: 'Checked', isWide: true, cell: c => html`<${Time} ms=${c.checked_ms} />` },
	];
	return html`<${Table} label="compliance" rows=${rows} columns=${columns} rowKey=${c => c.volume} search=${c => `${c.volume} ${c.policy || ''} ${c.status}`}
		empty=${html`<${Empty} icon="volume" title="No volume has it">Choose a policy when you create a volume, or on the volume's own page.<//>`} />`;
}

export function Policies() {
	const at = useStore(place).query.get('tab') || 'policies';
	const policies = useResource('/policies', { isList: true, watch: ['policy', 'filter'] });
	const compliance = useResource('/compliance', { isList: true, watch: ['volume', 'policy', 'task'], every_s: 10 });
	const [isBusy, run] = useAct();
	const [isNew, setNew] = useState(false);
	return html`<${Page} title="Policies" sub="A policy names the filters of a volume and what they are set to. A new version reaches a volume when it is applied." actions=${html`
		<${Button} role="operator" icon="refresh" isBusy=${isBusy} onClick=${() => run('Compliance check', 'POST', '/compliance/check', {})}>Check compliance<//>
		<${Button} kind="primary" role="operator" icon="plus" onClick=${() => setNew(true)}>New policy<//>`}>
		<${Tabs} label="Policies and compliance" tabs=${[{ key: 'policies', title: 'Policies' }, { key: 'compliance', title: 'Compliance' }]} at=${at} onPick=${key => setQuery({ tab: key === 'policies' ? '' : key })} />
		<div role="tabpanel" aria-label=${at}>
		${at === 'policies' ? html`<${Loaded} resource=${policies}>${rows => html`<${List} policies=${rows} compliance=${compliance.data || []} />`}<//>`
			: html`<${Loaded} resource=${compliance}>${rows => html`<${Card} isFlush><${ComplianceTable} rows=${rows} /><//>`}<//>`}</div>
		${isNew && html`<${NewPolicy} onClose=${() => setNew(false)} />`}<//>`;
}
