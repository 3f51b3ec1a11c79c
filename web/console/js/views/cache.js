// SPDX-License-Identifier: MIT
// cache.js - the caches of all volumes: what they answer, what they hold, what only they have.
import { html, useState } from '../lib.js';
import { figures, recent } from '../live.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { useStore } from '../store.js';
import { bytes, count, duration, percent, plural, rate, words } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Empty, Facts, Loaded, Meter, Note, Page, State } from '../parts/basics.js';
import { Chart } from '../parts/chart.js';
import { confirm } from '../parts/dialog.js';
import { FilterDialog } from './datastore-filter.js';

const CLASS = 'cache';

function Occupancy({ text, used, whole, tone }) {
	return html`<div><${Meter} label=${text} value=${used} max=${whole} tone=${tone || 'alt'} text=${`${bytes(used)} of ${bytes(whole)}`} />
		<p class="meter-note"><span>${text}</span><span>${bytes(used)} of ${bytes(whole)}</span></p></div>`;
}

function VolumeCache({ name }) {
	const cache = useResource(`/volumes/${part(name)}/cache`, { watch: ['volume', 'task'], every_s: 3 });
	const [isBusy, run] = useAct();
	const c = cache.data;
	if (!c || !c.filter)
		return null;
	const path = `/volumes/${part(name)}/cache`;
	const drop = () => confirm({
		title: `Give up what the cache of ${name} has?`, verb: 'Give it up', name,
		lost: html`<b>${bytes(c.dirty_bytes)}</b> that hosts were told are written exist only in this cache, and are lost for ever. What is left in the datastore is older, and its file system may be damaged.`,
		run: () => change(`Dirty data of ${name}, given up`, 'POST', `${path}/drop`, c.dirty_bytes === null ? { unknown: true } : { dirty_bytes: c.dirty_bytes }),
	});
	return html`<${Card} title=${html`<a href=${`#/volumes/${part(name)}`}>${name}</a> ${c.is_known ? html`<${State} state=${c.state} />` : ''}`} sub=${c.mode && words(c.mode)} actions=${html`
		${c.flash?.log_bytes ? html`<${Button} role="operator" isSmall isBusy=${isBusy} onClick=${() => run(`Flush of the cache of ${name}`, 'POST', `${path}/flush`, {})}>Flush<//>` : ''}
		<${Button} role="operator" isSmall isBusy=${isBusy} onClick=${() => run(`Warming of the cache of ${name}`, 'POST', `${path}/warm`, {})}>Warm<//>
		${c.state === 'degraded' && html`<${Button} role="admin" isSmall kind="danger" onClick=${drop}>Give up dirty data<//>`}`}>
		${c.state_text && html`<${Note} tone=${c.state === 'degraded' ? 'bad' : 'info'}>${c.state_text}<//>`}
		${!c.is_known ? html`<p class="muted">It has said nothing yet.</p>` : html`
		${c.dirty_max_bytes > 0 && html`<${Occupancy} text="Dirty: acknowledged, in its log alone" used=${c.dirty_bytes} whole=${c.dirty_max_bytes} tone=${c.dirty_bytes > 0.9 * c.dirty_max_bytes ? 'bad' : 'warn'} />`}
		${c.ram && html`<${Occupancy} text=${c.ram.is_warming ? 'Memory, being warmed' : 'Memory'} used=${c.ram.used_bytes} whole=${c.ram.bytes} />`}
		${c.flash?.log_bytes > 0 && html`<${Occupancy} text="Log on flash" used=${c.flash.log_used_bytes} whole=${c.flash.log_bytes} />`}
		${c.flash?.clean_bytes > 0 && html`<${Occupancy} text="Reads on flash" used=${c.flash.clean_used_bytes} whole=${c.flash.clean_bytes} />`}
		<${Facts} items=${[['Hits, last minute', percent(c.hit_pct)], ['Reads answered', `${count(c.read_hits)} of ${count(c.reads)}`], c.flash?.log_bytes > 0 && ['Oldest dirty', c.dirty_bytes ? duration(c.dirty_age_ms / 1000) : 'none'],
			c.flash?.log_bytes > 0 && ['To the datastore now', rate(c.destage_bytes_per_s)], c.writers_waiting > 0 && ['Writes held back', count(c.writers_waiting)]]} />`}<//>`;
}

function Quota({ datastore, filter }) {
	const set = useResource(`/datastores/${part(datastore)}/filters`, { watch: ['datastore', 'task'], every_s: 5 });
	const [isOpen, setOpen] = useState(false);
	const own = set.data?.items.find(i => i.filter === filter.name);
	const s = own?.status;
	return html`<${Card} title=${`Datastore ${datastore}`} actions=${html`<${Button} role="admin" isSmall icon="settings" onClick=${() => setOpen(true)}>${own ? 'Settings' : 'Give it a place'}<//>`}>
		${own ? s ? html`${s.flash_bytes > 0 && html`<${Occupancy} text=${`Flash, of ${plural(s.volumes, 'volume')}`} used=${s.flash_used_bytes} whole=${s.flash_bytes} />`}
			${s.ram_bytes > 0 && html`<${Occupancy} text="Memory" used=${s.ram_used_bytes} whole=${s.ram_bytes} />`}
			<p class="muted">Dirty: <b>${bytes(s.dirty_bytes)}</b></p>` : html`<p class="muted">Set, but no volume uses it yet.</p>`
			: html`<p class="muted">Caches in memory work with the usual quota; write-back needs a place on flash first.</p>`}
		${isOpen && html`<${FilterDialog} datastore=${datastore} filter=${filter} set=${own} onClose=${() => {
			setOpen(false);
			set.reload();
		}} />`}<//>`;
}

function Ratio() {
	useStore(figures);
	const ring = recent('');
	return html`<div class="charts two"><${Card}><${Chart} title="Hits of all caches" at_s=${ring.at_s} format=${percent} least=${100} lines=${[{ label: 'Hits', color: '--series-3', values: ring.read_hit_pct, fill: true }]} /><//>
		<${Card}><${Chart} title="Dirty in all caches" at_s=${ring.at_s} format=${bytes} isBytes least=${1048576} lines=${[{ label: 'Dirty', color: '--series-5', values: ring.dirty_bytes, fill: true }]} /><//></div>`;
}

export function Cache() {
	const filters = useResource('/filters', { query: { class: CLASS }, isList: true, watch: ['volume', 'policy', 'datastore'] });
	const datastores = useResource('/datastores', { isList: true, watch: ['datastore'] });
	return html`<${Page} title="Cache" sub="Hot blocks in memory and on flash. What is dirty was acknowledged and is not in the datastore yet.">
		<${Loaded} resource=${filters}>${rows => {
			const able = rows.find(f => f.group_parameters.length);
			const names = [...new Set(rows.flatMap(f => f.used_by.volumes))].sort();
			return html`<${Ratio} />
				${able && datastores.data && html`<div class="charts">${datastores.data.map(d => html`<${Quota} key=${d.name} datastore=${d.name} filter=${able} />`)}</div>`}
				${names.length ? html`<div class="charts two">${names.slice(0, 60).map(name => html`<${VolumeCache} key=${name} name=${name} />`)}</div>`
					: html`<${Card}><${Empty} icon="cache" title="No volume has a cache" action=${html`<${Button} href="#/policies">To the policies<//>`}>Give a volume a policy with a cache, such as a clone of one of the samples.<//><//>`}`;
		}}<//><//>`;
}
