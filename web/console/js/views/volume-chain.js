// SPDX-License-Identifier: MIT
// volume-chain.js - the chain drawn as it runs: hosts above, the datastore below, each filter with its part of the
// latency. Which filters there are, what they are set to and what they say is the server's alone.
import { html, useState } from '../lib.js';
import { figures } from '../live.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { useStore } from '../store.js';
import { label, percent, quantity, unitOf, words } from '../format.js';
import { Card, Facts, Loaded, State } from '../parts/basics.js';
import { notable } from '../parts/params.js';
import { Icon } from '../parts/icons.js';

function flat(status, prefix = '') {
	return Object.entries(status || {}).flatMap(([name, value]) => {
		if (value === null || value === '' || Array.isArray(value))
			return [];
		if (typeof value === 'object')
			return flat(value, `${prefix}${words(name)}: `);
		const shown = typeof value === 'boolean' ? value ? 'yes' : 'no' : typeof value === 'number' ? quantity(value, unitOf(name)) : words(value);
		return [[prefix + label(name), shown]];
	});
}

function Share({ pct }) {
	return html`<div class="share"><div class="share-bar" aria-hidden="true"><i style=${{ width: `${Math.max(pct ? 1.5 : 0, pct || 0)}%` }}></i></div>
		<span class="num">${pct === undefined ? '–' : percent(pct)}</span></div>`;
}

function Filter({ filter, table, pct }) {
	const [isOpen, setOpen] = useState(false);
	const set = notable(table?.parameters || [], filter.params);
	return html`<li class=${`layer${filter.is_bypassed ? ' off' : ''}`}>
		<div class="layer-head"><div class="layer-name"><b>${words(filter.filter)}</b>${filter.class !== filter.filter && html`<span class="muted"> ${words(filter.class)}</span>`}
			${filter.is_bypassed && html` <${State} state="bypassed" tone="warn" />`}
			${filter.status?.state && html` <${State} state=${filter.status.state} hint=${filter.status.state_text} />`}</div>
			<${Share} pct=${pct} />
			<button type="button" class="button small ghost bare" aria-expanded=${isOpen ? 'true' : 'false'} aria-label=${`Details of ${filter.filter}`} onClick=${() => setOpen(!isOpen)}>
				<${Icon} name=${isOpen ? 'down' : 'right'} size=${15} /></button></div>
		<p class="layer-set">${set.length ? set.map(([name, value]) => html`<span>${name} <b>${value}</b></span>`) : html`<span class="muted">all as by default</span>`}</p>
		${isOpen && html`<div class="layer-more">${table && html`<p class="muted">${table.help}</p>`}
			<h4>What it says</h4>${filter.status ? html`<${Facts} items=${flat(filter.status)} />` : html`<p class="muted">Nothing yet.</p>`}
			<h4>Settings in force</h4><${Facts} items=${(table?.parameters || []).map(p => [label(p.name), p.type === 'u64' ? quantity(filter.params[p.name], p.unit)
				: p.type === 'bool' ? words(filter.params[p.name]) === 'true' ? 'yes' : 'no' : words(filter.params[p.name]) || 'none'])} />
			<p class="muted">When it fails: ${filter.on_failure === 'bypass' ? 'its I/O goes past it' : 'its I/O waits'}.</p></div>`}</li>`;
}

/** @param {{volume: any}} props */
export function Chain({ volume }) {
	const chain = useResource(`/volumes/${part(volume.name)}/chain`, { watch: ['volume', 'policy', 'task'], every_s: 3 });
	const filters = useResource('/filters', { isList: true });
	const now = useStore(figures);
	return html`<${Card} title="Chain" sub="The way of a write, top to bottom; a read's answer comes up the other way. The bars say where the time goes.">
		<${Loaded} resource=${chain}>${data => {
			const layers = now?.volumes.find(v => v.name === volume.name)?.layers || data.layers;
			const share = name => layers.find(l => l.layer === name)?.latency_share_pct;
			const order = name => (filters.data || []).find(f => f.name === name)?.class_number || 0;
			const shown = filters.data ? data.filters : [];
			return html`<ol class="chain">
				<li class="layer end"><${Icon} name="host" /><div><b>Hosts</b><span class="muted"> over iSCSI, LUN ${volume.target.lun}</span></div></li>
				${shown.map(f => html`<${Filter} key=${f.class} filter=${f} pct=${share(f.filter) ?? share(f.class)} table=${filters.data.find(t => t.name === f.filter)} order=${order(f.filter)} />`)}
				${!shown.length && html`<li class="layer none muted">No filter: I/O goes straight to the datastore.</li>`}
				<li class="layer end"><${Icon} name="datastore" /><div class="layer-head"><div class="layer-name"><b>Datastore ${volume.datastore}</b></div><${Share} pct=${share('backend')} /></div></li>
			</ol>`;
		}}<//><//>`;
}
