// SPDX-License-Identifier: MIT
// first-steps.js - what a new appliance needs before it can serve: a place for blocks, an address, a volume.
import { html, useState } from '../lib.js';
import { useResource } from '../resource.js';
import { may } from '../session.js';
import { change } from '../parts/act.js';
import { Button, Card, Note } from '../parts/basics.js';
import { Form } from '../parts/form.js';
import { Icon } from '../parts/icons.js';
import { datastoreFields } from './datastore-form.js';
import { portalFields } from './portals.js';

function Step({ number, title, isDone, isNow, children }) {
	return html`<li class=${`step${isDone ? ' done' : ''}${isNow ? ' now' : ''}`} aria-current=${isNow ? 'step' : undefined}>
		<span class="step-mark">${isDone ? html`<${Icon} name="check" size=${16} />` : number}</span>
		<div><h3>${title}${isDone && html`<span class="visually-hidden"> (done)</span>`}</h3>${isNow && children}</div></li>`;
}

/** @param {{system: any}} props */
export function FirstSteps({ system }) {
	const { counts } = system;
	const settings = useResource('/portals', { isList: true, watch: ['portal'] });
	const [isBusy, setBusy] = useState('');
	const done = { datastore: counts.datastores > 0 || isBusy === 'datastore', portal: counts.portals > 0 || (settings.data || []).length > 0 };
	const at = !counts.datastores ? 'datastore' : !done.portal ? 'portal' : 'volume';
	const make = (kind, path) => async body => {
		await change(`New ${kind}`, 'POST', path, body);
		setBusy(kind);
	};
	if (!may('operator'))
		return html`<${Note}>This appliance is not set up yet: an administrator adds a datastore, an address and a first volume.<//>`;
	return html`<${Card} title="First steps" sub="Three things, and a host can use its first disk.">
		<ol class="steps">
			<${Step} number="1" title="A datastore: where the blocks of volumes are" isDone=${counts.datastores > 0} isNow=${at === 'datastore'}>
				<${Form} fields=${datastoreFields} initial=${{ name: 'main', type: 'dir' }} submit="Add the datastore" role="operator" onSubmit=${make('datastore', '/datastores')} /><//>
			<${Step} number="2" title="An address on which hosts reach this appliance" isDone=${done.portal} isNow=${at === 'portal'}>
				${may('admin') ? html`<${Form} fields=${portalFields} initial=${{ address: '0.0.0.0', port: '3260' }} submit="Add the address" role="admin"
					onSubmit=${make('address', '/portals')} />` : html`<p>An administrator has to add it.</p>`}<//>
			<${Step} number="3" title="A volume: a disk for a host" isDone=${counts.volumes > 0} isNow=${at === 'volume'}>
				<p class="muted">You choose its size and who may use it, and then get the commands to type on that host.</p>
				<${Button} kind="primary" href="#/volumes/new" role="operator" icon="plus">Create the first volume<//><//>
		</ol><//>`;
}
