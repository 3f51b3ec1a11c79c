// SPDX-License-Identifier: MIT
// policy.js - one policy: its rules, its versions and what differs between them, who has it, applying it anew.
import { html, useState } from '../lib.js';
import { ask, part } from '../rest.js';
import { useResource } from '../resource.js';
import { go } from '../router.js';
import { plural, words } from '../format.js';
import { change } from '../parts/act.js';
import { Button, Card, Facts, Loaded, Note, Page, State, Time } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { notable } from '../parts/params.js';
import { ComplianceTable, NewPolicy } from './policies.js';
import { Plan } from './plan.js';

/** @param {{rules: any[], filters: any[]}} props */
export function Rules({ rules, filters }) {
	if (!rules.length)
		return html`<p class="muted">No rule: volumes with it have no filter of their own.</p>`;
	return html`<ol class="chain">${rules.map(rule => {
		const table = filters.find(f => f.name === rule.filter);
		const set = notable(table?.parameters || [], rule.parameters);
		return html`<li class="layer"><div class="layer-head"><div class="layer-name"><b>${words(rule.filter)}</b>${rule.class !== rule.filter && html`<span class="muted"> ${words(rule.class)}</span>`}</div>
			<span class="muted">${rule.on_failure === 'bypass' ? 'I/O goes past it when it fails' : 'I/O waits when it fails'}</span></div>
			<p class="layer-set">${set.length ? set.map(([n, v]) => html`<span>${n} <b>${v}</b></span>`) : html`<span class="muted">all as by default</span>`}</p></li>`;
	})}</ol>`;
}

function Change({ tone, children }) {
	return html`<li class=${`diff ${tone}`}><span aria-hidden="true">${{ good: '+', bad: '−', warn: '~' }[tone]}</span>
		<span class="visually-hidden">${{ good: 'added', bad: 'removed', warn: 'changed' }[tone]}: </span><div>${children}</div></li>`;
}

const valueOf = value => value === null || value === undefined || value === '' ? 'none' : String(value);

/** What differs between two versions, as GET /policies/{name}/diff says it. @param {{diff: any}} props */
export function Diff({ diff }) {
	if (diff.is_same)
		return html`<p class="muted">Nothing differs.</p>`;
	return html`<ul class="diffs">${diff.added.map(r => html`<${Change} tone="good"><b>${words(r.filter)}</b> in class ${words(r.class)}<//>`)}
		${diff.removed.map(r => html`<${Change} tone="bad"><b>${words(r.filter)}</b> in class ${words(r.class)}<//>`)}
		${diff.changed.map(c => html`<${Change} tone="warn"><b>${words(c.filter)}</b>${c.from_filter && c.from_filter !== c.filter && html`, before: ${words(c.from_filter)}`}
			${Object.entries(c.parameters || {}).map(([name, pair]) => html`<div class="mono">${name}: ${valueOf(pair.from)} → ${valueOf(pair.to)}</div>`)}
			${c.on_failure && html`<div class="mono">on_failure: ${valueOf(c.on_failure.from)} → ${valueOf(c.on_failure.to)}</div>`}<//>`)}</ul>`;
}

function Versions({ policy }) {
	const versions = useResource(`/policies/${part(policy.name)}/versions`, { isList: true, watch: ['policy', 'volume'] });
	const [pair, setPair] = useState([Math.max(1, policy.version - 1), policy.version]);
	const diff = useResource(policy.version > 1 ? `/policies/${part(policy.name)}/diff` : null, { query: { from: pair[0], to: pair[1] } });
	const choose = (index, text) => html`<label>${text} <select value=${pair[index]} onChange=${e => setPair(pair.map((v, i) => i === index ? Number(e.target.value) : v))}>
		${(versions.data || []).map(v => html`<option value=${v.version}>v${v.version}</option>`)}</select></label>`;
	return html`<${Card} title="Versions"><${Loaded} resource=${versions}>${rows => html`<ul class="lines">${[...rows].sort((a, b) => b.version - a.version).slice(0, 20).map(v => html`<li><b class="num">v${v.version}</b>
			<span class="cell-main wrap">${v.comment || html`<span class="muted">no comment</span>`}<small class="muted"> · ${v.author.replace(/^user:/, '')}</small></span>
			<span class="muted">${plural(v.volumes, 'volume')}</span><span class="muted"><${Time} ms=${v.created_ms} /></span></li>`)}</ul>
			${policy.version > 1 && html`<div class="toolbar">${choose(0, 'What differs from')} ${choose(1, 'to')}</div>
				<${Loaded} resource=${diff}>${d => html`<${Diff} diff=${d} />`}<//>`}`}<//><//>`;
}

function ApplyDialog({ policy, onClose }) {
	const plan = useResourceOnce(() => ask('POST', `/policies/${part(policy.name)}/apply?dry_run=1`, {}));
	const [isBusy, setBusy] = useState(false);
	const [problem, setProblem] = useState('');
	const apply = async () => {
		setBusy(true);
		try {
			await change(`Policy ${policy.name}, applied`, 'POST', `/policies/${part(policy.name)}/apply`, {});
			onClose();
		} catch (refusal) {
			setProblem(refusal.message);
			setBusy(false);
		}
	};
	return html`<${Dialog} title=${`Apply ${policy.name} again`} onClose=${onClose} actions=${html`<${Button} onClick=${onClose}>Cancel<//>
		<${Button} kind="primary" role="operator" isBusy=${isBusy} disabled=${!plan} onClick=${apply}>Apply version ${policy.version}<//>`}>
		<p class="muted">Every volume that has this policy gets its newest version, while its I/O goes on.</p>
		${plan ? html`${plan.result && html`<p>Volumes: <b>${plan.result.volumes.join(', ') || 'none'}</b></p>`}<${Plan} answer=${plan} />` : html`<div class="waiting"><span class="spinner"></span>Asking …</div>`}
		${problem && html`<${Note} tone="bad">${problem}<//>`}<//>`;
}

function useResourceOnce(fn) {
	const [answer, setAnswer] = useState(/** @type {any} */ (undefined));
	useState(() => {
		fn().then(setAnswer, problem => setAnswer({ problem }));
	});
	return answer;
}

/** @param {{name: string}} props */
export function Policy({ name }) {
	const policy = useResource(`/policies/${part(name)}`, { watch: ['policy'] });
	const filters = useResource('/filters', { isList: true });
	const compliance = useResource('/compliance', { isList: true, watch: ['volume', 'policy', 'task'], every_s: 5 });
	const [dialog, setDialog] = useState('');
	const own = (compliance.data || []).filter(c => c.policy === name);
	const old = own.filter(c => c.status === 'out_of_date').length;
	const p = policy.data;
	const remove = () => confirm({
		title: `Delete policy ${name}?`, verb: 'Delete the policy', name,
		lost: own.length ? html`${plural(own.length, 'volume')} with it (${own.slice(0, 5).map(c => c.volume).join(', ')}); the server refuses this until they have another.`
			: html`All ${p.version} versions of <b>${name}</b> are lost. No volume has it.`,
		run: async () => {
			await change(`Deletion of ${name}`, 'DELETE', `/policies/${part(name)}`);
			go('/policies');
		},
	});
	return html`<${Page} title=${name} back=${{ href: '#/policies', text: 'Policies' }} sub=${p && html`${p.is_bundled && html`<${State} state="sample" /> `}${p.description}`} actions=${p && html`
		${own.length > 0 && html`<${Button} role="operator" icon="refresh" kind=${old ? 'primary' : 'plain'} onClick=${() => setDialog('apply')}>Apply again<//>`}
		<${Button} role="operator" icon="copy" onClick=${() => setDialog('clone')}>Clone<//>
		${!p.is_bundled && html`<${Button} role="operator" icon="edit" href=${`#/policies/${part(name)}/edit`}>Edit<//><${Button} role="operator" kind="danger" icon="trash" onClick=${remove}>Delete<//>`}`}>
		<${Loaded} resource=${policy}>${data => html`
			${data.is_bundled && html`<${Note}>This sample comes with the appliance and stays as it is. Clone it to change it.<//>`}
			${old > 0 && html`<${Note} tone="warn" title=${`${old} ${old === 1 ? 'volume runs' : 'volumes run'} an older version`}>Apply the policy again to bring version ${data.version} to them.<//>`}
			<div class="columns side"><div><${Card} title="Filters" sub="Top to bottom, as a write passes them.">${filters.data && html`<${Rules} rules=${data.rules} filters=${filters.data} />`}<//>
				<${Card} title="Volumes" isFlush><${ComplianceTable} rows=${own} isOfOne /><//></div>
			<div><${Card} title="Policy"><${Facts} items=${[['Newest version', `v${data.version}`], ['Made', html`<${Time} ms=${data.created_ms} />`]]} /><//><${Versions} key=${data.version} policy=${data} /></div></div>
			${dialog === 'apply' && html`<${ApplyDialog} policy=${data} onClose=${() => setDialog('')} />`}
			${dialog === 'clone' && html`<${NewPolicy} source=${data} onClose=${() => setDialog('')} />`}`}<//><//>`;
}
