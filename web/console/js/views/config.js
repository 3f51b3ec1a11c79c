// SPDX-License-Identifier: MIT
// config.js - the whole configuration as one document: taken out, compared, applied; and copies of the database.
import { html, useState } from '../lib.js';
import { ask } from '../rest.js';
import { useResource } from '../resource.js';
import { bytes } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Code, Empty, Loaded, Note, Page, Time } from '../parts/basics.js';
import { confirm } from '../parts/dialog.js';
import { FieldInput } from '../parts/fields.js';
import { Table } from '../parts/table.js';

function download(name, text) {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function fetchDocument() {
	return JSON.stringify(await ask('GET', '/config'), null, 2);
}

function Export() {
	const [text, setText] = useState('');
	const [problem, setProblem] = useState('');
	const take = then => () => fetchDocument().then(then, refusal => setProblem(refusal.message));
	return html`<${Card} title="Export" sub="Datastores, policies, hosts, groups, addresses and volumes. Secrets and data are not in it." actions=${html`<${Button} onClick=${take(setText)}>Show<//>
		<${Button} kind="primary" icon="config" onClick=${take(t => download('sluice-config.json', t))}>Download<//>`}>
		${problem && html`<${Note} tone="bad">${problem}<//>`}${text ? html`<${Code} text=${text} label="Configuration" />` : html`<p class="muted">One JSON document that can be kept in version control and applied to this or another appliance.</p>`}<//>`;
}

const SIGN = { create: ['good', '+'], change: ['warn', '~'], delete: ['bad', '−'] };
const shown = value => typeof value === 'object' ? JSON.stringify(value) : String(value);

/** @param {{changes: any[]}} props */
function Changes({ changes }) {
	return html`<ul class="diffs">${changes.map(c => html`<li class=${`diff ${SIGN[c.action][0]}`}><span aria-hidden="true">${SIGN[c.action][1]}</span><div><b>${c.action} ${c.object_type} ${c.object_name}</b>
		${Object.entries(c.members || {}).map(([name, pair]) => html`<div class="mono">${name}: ${pair && typeof pair === 'object' && 'from' in pair ? `${shown(pair.from)} → ${shown(pair.to)}` : shown(pair)}</div>`)}</div></li>`)}</ul>`;
}

function Apply() {
	const [text, setText] = useState('');
	const [flags, setFlags] = useState({ prune: false, prune_volumes: false });
	const [diff, setDiff] = useState(/** @type {any} */ (null));
	const [problem, setProblem] = useState('');
	const [secrets, setSecrets] = useState(/** @type {any} */ (null));
	const body = () => ({ ...JSON.parse(text), ...flags });
	const compare = async () => {
		setProblem('');
		setDiff(null);
		try {
			setDiff(await ask('POST', '/config/diff', body()));
		} catch (refusal) {
			setProblem(refusal instanceof SyntaxError ? `This is no JSON: ${refusal.message}.` : refusal.message);
		}
	};
	const gone = (diff?.changes || []).filter(c => c.action === 'delete');
	const run = async () => {
		const answer = await change('Configuration', 'POST', '/config/apply', body());
		setDiff(null);
		if (answer.chap_secrets && Object.keys(answer.chap_secrets).length)
			setSecrets(answer.chap_secrets);
	};
	const apply = () => gone.length ? confirm({ title: 'Apply this configuration?', verb: 'Apply', name: 'apply', run,
		lost: html`This deletes ${gone.map(c => `${c.object_type} ${c.object_name}`).join(', ')}${gone.some(c => c.object_type === 'volume') ? ' with all data' : ''}.` }) : run().catch(refusal => setProblem(refusal.message));
	const load = event => event.target.files[0]?.text().then(setText);
	return html`<${Card} title="Apply" sub="What the document names is made so; what it leaves out stays. First look at what differs.">
		<div class="stack"><label class="button file">Choose a file<input type="file" accept=".json,application/json" onChange=${load} /></label>
		<${FieldInput} field=${{ name: 'document', label: 'Document', type: 'text', rows: 10 }} value=${text} onInput=${setText} problem=${problem} />
		<${FieldInput} field=${{ name: 'prune', label: 'Delete what it does not name', type: 'bool', help: 'Within the kinds that it has, but no volume.' }} value=${flags.prune} onInput=${prune => setFlags({ ...flags, prune })} />
		<${FieldInput} field=${{ name: 'prune_volumes', label: 'Delete volumes that it does not name', type: 'bool', help: 'With all their data.' }} value=${flags.prune_volumes} onInput=${prune_volumes => setFlags({ ...flags, prune_volumes })} />
		${secrets && html`<${Note} tone="warn" title="CHAP secrets, shown this once">${Object.entries(secrets).map(([host, secret]) => html`<p>${host}: <span class="mono">${secret}</span></p>`)}<//>`}
		${diff && (diff.is_same ? html`<${Note} tone="good">Nothing differs.<//>` : html`<${Changes} changes=${diff.changes} />`)}
		<div class="form-actions"><${Button} disabled=${!text} onClick=${compare}>Show what differs<//>
			<${Button} kind="primary" role="admin" disabled=${!diff || diff.is_same} onClick=${apply}>Apply<//></div></div><//>`;
}

function Backups() {
	const backups = useResource('/backups', { isList: true, watch: ['backup', 'task', 'system'], every_s: 30 });
	const [isBusy, run] = useAct();
	const make = () => run('Backup', 'POST', '/backups', {}, { isWaiting: true }).then(answer => answer && backups.reload());
	const columns = [{ key: 'name', title: 'Backup', cell: b => html`<span class="cell-main mono wrap">${b.name}</span><span class="cell-sub mono" title=${b.path}>${b.path}</span>` },
		{ key: 'created_ms', title: 'Made', cell: b => html`<${Time} ms=${b.created_ms} />` }, { key: 'size_bytes', title: 'Size', align: 'right', isWide: true, cell: b => html`${bytes(b.size_bytes)}<span class="cell-sub">schema ${b.schema_version}</span>` }];
	return html`<${Card} title="Backups of the database" sub="Users, tokens, history of policies and sealed secrets too. One is put back with sluice-policyd --restore." isFlush
		actions=${html`<${Button} role="admin" icon="plus" isBusy=${isBusy} onClick=${make}>Make a backup<//>`}><${Loaded} resource=${backups}>${rows => html`<${Table} label="backups" rows=${rows} columns=${columns} rowKey=${b => b.name} start=${{ key: 'created_ms', isDown: true }}
			empty=${html`<${Empty} icon="config" title="There is no backup">The first comes by itself within a day; or make one now.<//>`} />`}<//><//>`;
}

export function Config() {
	return html`<${Page} title="Configuration"><div class="columns"><div><${Export} /><${Backups} /></div><${Apply} /></div><//>`;
}
