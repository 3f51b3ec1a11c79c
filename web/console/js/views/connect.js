// SPDX-License-Identifier: MIT
// connect.js - what to type on a host, ready to be copied. Every line comes from the server.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { kept } from '../store.js';
import { Button, Card, Code, CopyButton, Facts, Loaded, Note, Page, State, Tabs } from '../parts/basics.js';
import { Sessions } from './volume-parts.js';

const KEY = 'sluice-initiator';

function Help({ data }) {
	const [at, setAt] = useState(kept.get(KEY) || data.help[0]?.initiator);
	const help = data.help.find(h => h.initiator === at) || data.help[0];
	const pick = key => {
		setAt(key);
		kept.set(KEY, key);
	};
	return html`<${Card} title="On the host" sub=${data.host ? `Written for host ${data.host}.` : 'No host may log in yet: name one first.'}>
		<${Tabs} label="Kind of host" tabs=${data.help.map(h => ({ key: h.initiator, title: h.title }))} at=${help.initiator} onPick=${pick} />
		<div role="tabpanel" aria-label=${help.title}><${Code} text=${help.lines.join('\n')} label=${`Commands for ${help.title}`} /></div>
		${data.chap.is_required && html`<p class="muted below">CHAP is asked for (${data.chap.algorithm}); the secret is the one shown when the host was added.
			${data.chap.is_mutual && html` The target proves itself as <b>${data.chap.mutual_user}</b>.`}</p>`}<//>`;
}

/** @param {{name: string}} props */
export function Connect({ name }) {
	const volume = useResource(`/volumes/${part(name)}`, { watch: ['volume', 'task'], every_s: 5 });
	const connect = useResource(`/volumes/${part(name)}/connect`, { watch: ['volume', 'host', 'portal'], every_s: 15 });
	const state = volume.data?.running_state;
	return html`<${Page} title=${`Connect a host to ${name}`} back=${{ href: `#/volumes/${part(name)}`, text: name }}
		actions=${html`<${Button} href=${`#/volumes/${part(name)}?tab=access`} icon="host">Who may log in<//>`} sub=${state && html`<${State} state=${state} />`}>
		${volume.data?.running_error && html`<${Note} tone="bad">${volume.data.running_error}<//>`}
		<${Loaded} resource=${connect}>${data => html`
			${!data.portals.length && html`<${Note} tone="warn" title="There is no address yet">An administrator adds one under <a href="#/hosts?tab=portals">Hosts, Addresses</a>.<//>`}
			<div class="columns side"><${Help} data=${data} />
			<${Card} title="By hand"><${Facts} items=${[['Address', data.portals.join(', ') || 'none'], ['LUN', data.lun], ['CHAP', data.chap.is_required ? 'yes' : 'no']]} />
				<div class="target-name"><span class="mono">${data.iqn}</span><${CopyButton} value=${data.iqn} /></div><//></div>
			<${Sessions} volume=${name} />`}<//><//>`;
}
