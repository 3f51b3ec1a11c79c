// SPDX-License-Identifier: MIT
// volume-create.js - a new disk: where, how large, for whom, and what its filters do.
import { html, useState } from '../lib.js';
import { ask, part } from '../rest.js';
import { useResource } from '../resource.js';
import { go, place } from '../router.js';
import { bytes } from '../format.js';
import { change } from '../parts/act.js';
import { Button, Card, Code, Empty, Loaded, Note, Page } from '../parts/basics.js';
import { Dialog } from '../parts/dialog.js';
import { Form, bodyOf } from '../parts/form.js';
import { hostFields } from './host-form.js';
import { Plan } from './plan.js';
import { useAccessFields } from './volume-parts.js';

const isNew = values => !values.clone_of;

function storeFields(datastores, policies) {
	return [
		{ name: 'name', label: 'Name', isFirst: true, help: 'Letters, digits, ".", "_" and "-". It never changes.' },
		{ name: 'clone_of', label: 'Copy of', when: v => v.clone_of, help: 'The new volume begins with the data that this one has now; from then on each goes its own way.' },
		{ name: 'size_bytes', label: 'Size', type: 'bytes', when: isNew, help: 'It can grow later, also while in use.' },
		{ name: 'datastore', label: 'Datastore', type: 'choice', when: isNew, choices: datastores.map(d => ({
			value: d.name, text: `${d.name}: ${d.type === 'mem' ? 'memory' : `${bytes(d.available_bytes)} free`}${d.running_state === 'online' ? '' : ` (${d.running_state})`}` })) },
		{ name: 'is_thin', label: 'Thin', type: 'bool', when: isNew, help: 'Takes space when something is written. Off: all of it at once.' },
		{ name: 'policy', label: 'Policy', type: 'choice', isOptional: true, empty: 'None', help: 'Which filters its I/O passes. It can be changed at any time, also while in use.',
			choices: policies.map(p => ({ value: p.name, text: `${p.name}${p.is_bundled ? ' (sample)' : ''}` })) },
		{ name: 'description', label: 'Description', isOptional: true },
	];
}

const expert = [
	{ name: 'block_bytes', label: 'Logical block', type: 'choice', choices: [{ value: '512', text: '512 bytes: any host' }, { value: '4096', text: '4096 bytes: hosts that know 4Kn' }] },
	{ name: 'write_cache', label: 'Writes', type: 'choice', choices: [{ value: 'durable', text: 'Durable when acknowledged: any host' },
		{ value: 'volatile', text: 'Volatile until flushed: hosts that flush' }] },
];

/** A host made on the way; its secret is shown once. @param {{onClose: (name?: string) => void}} props */
function NewHost({ onClose }) {
	const [made, setMade] = useState(/** @type {any} */ (null));
	if (made)
		return html`<${Dialog} title=${`Host ${made.name}`} onClose=${() => onClose(made.name)} actions=${html`<${Button} kind="primary" onClick=${() => onClose(made.name)}>I have noted it<//>`}>
			<${Note} tone="warn" title="Shown this once">The secret of CHAP user ${made.chap_user}. The host needs it to log in.<//><${Code} text=${made.chap_secret} label="CHAP secret" /><//>`;
	return html`<${Dialog} title="Add a host" onClose=${() => onClose()}><${Form} fields=${hostFields(false)} initial=${{ generate_chap_secret: false }} submit="Add the host" role="operator"
		onCancel=${() => onClose()} onSubmit=${async body => {
			const answer = await change(`Host ${body.name}`, 'POST', '/hosts', body);
			if (answer.chap_secret)
				setMade(answer);
			else
				onClose(answer.name);
		}} /><//>`;
}

function Creator({ datastores, policies }) {
	const clone = place.get().query.get('clone_of') || '';
	const access = useAccessFields();
	const [isAdding, setAdding] = useState(false);
	const [isExpert, setExpert] = useState(false);
	const [plan, setPlan] = useState(/** @type {any} */ (null));
	const fields = [...storeFields(datastores, policies), ...access.fields, ...(isExpert && !clone ? expert : [])];
	const initial = { clone_of: clone, datastore: datastores[0]?.name, is_thin: true, size_bytes: String(10 * 2 ** 30), hosts: [], host_groups: [], block_bytes: '512', write_cache: 'durable' };
	const tidy = body => ({ ...body, ...(body.block_bytes ? { block_bytes: Number(body.block_bytes) } : {}) });
	return html`<${Form} fields=${fields} initial=${initial} submit="Create the volume" role="operator" onCancel=${() => go('/volumes')} onSubmit=${async body => {
		await change(`Volume ${body.name}`, 'POST', '/volumes', tidy(body));
		go(`/volumes/${part(body.name)}/connect`);
	}}>${(values, setValues) => html`<div class="toolbar"><${Button} role="operator" icon="plus" isSmall onClick=${() => setAdding(true)}>Add a host<//>
			${!clone && html`<${Button} isSmall kind="ghost" onClick=${() => setExpert(!isExpert)}>${isExpert ? 'Fewer settings' : 'More settings'}<//>`}
			<${Button} isSmall kind="ghost" onClick=${async () => setPlan(await ask('POST', '/volumes?dry_run=1', tidy(bodyOf(fields, values))).catch(problem => ({ problem })))}>What will be done<//></div>
		${plan && html`<${Plan} answer=${plan} />`}
		${isAdding && html`<${NewHost} onClose=${name => {
			setAdding(false);
			access.reload();
			if (name)
				setValues({ ...values, hosts: [...values.hosts, name] });
		}} />`}`}<//>`;
}

export function VolumeCreate() {
	const datastores = useResource('/datastores', { isList: true });
	const policies = useResource('/policies', { isList: true });
	return html`<${Page} title="Create a volume" back=${{ href: '#/volumes', text: 'Volumes' }}><div class="narrow">
		<${Loaded} resource=${datastores}>${rows => rows.length ? policies.data && html`<${Card}><${Creator} datastores=${rows} policies=${policies.data} /><//>`
			: html`<${Card}><${Empty} icon="datastore" title="A datastore first" action=${html`<${Button} kind="primary" role="operator" href="#/datastores">Add a datastore<//>`}>
				A volume needs a place for its blocks.<//><//>`}<//></div><//>`;
}
