// SPDX-License-Identifier: MIT
// io-control.js - a datastore's latency against its threshold, its window, and who of its volumes is held and why.
import { html, useEffect, useState } from '../lib.js';
import { figures, recent } from '../live.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { useStore } from '../store.js';
import { count, latency, percent, rate, words } from '../format.js';
import { Button, Card, Empty, Facts, Loaded, Meter, Note, Page, State } from '../parts/basics.js';
import { Chart } from '../parts/chart.js';
import { FilterDialog } from './datastore-filter.js';

const FILTER = 'io_control', KEEP = 150, SHOWN = 12;

/* What a datastore said, every two seconds while somebody looks; kept between visits. */
const rings = new Map();

function remember(name, status) {
	const ring = rings.get(name) || { at_s: [], latency_us: [], threshold_us: [], window_ios: [], in_flight: [] };
	rings.set(name, ring);
	const at = Date.now() / 1000;
	if (!status || at - (ring.at_s[ring.at_s.length - 1] || 0) < 1)
		return ring;
	ring.at_s.push(at);
	for (const member of ['latency_us', 'threshold_us', 'window_ios', 'in_flight'])
		ring[member].push(status[member] ?? null);
	if (ring.at_s.length > KEEP)
		for (const list of Object.values(ring))
			list.shift();
	return ring;
}

function Volume({ name, now, whole }) {
	const chain = useResource(`/volumes/${part(name)}/chain`, { every_s: 2 });
	const filter = chain.data?.filters.find(f => f.class === FILTER);
	const s = filter?.status;
	const limits = s && [s.limit_iops && `at most ${count(s.limit_iops)} IOPS`, s.limit_bytes_per_s && `at most ${rate(s.limit_bytes_per_s)}`,
		s.reservation_iops && `at least ${count(s.reservation_iops)} IOPS`].filter(Boolean).join(', ');
	const ring = recent(name);
	return html`<li class="sharer"><div class="sharer-head"><a class="cell-main" href=${`#/volumes/${part(name)}`}>${name}</a>
			${now?.throttle ? html`<${State} state="throttled" tone="warn" text=${`held by ${words(now.throttle)}`} />` : html`<${State} state="free" text="not held" />`}
			<span class="num muted">${s ? `${count(s.shares)} shares` : ''}${limits ? ` · ${limits}` : ''}</span></div>
		<${Meter} label=${`Part of ${name}`} tone="alt" value=${now ? now.read_iops + now.write_iops : 0} max=${Math.max(1, whole)} text=${`${count(now ? now.read_iops + now.write_iops : 0)} of ${count(whole)} IOPS`} />
		<p class="meter-note"><span>${count(now ? now.read_iops + now.write_iops : 0)} IOPS${s?.waited_us_avg ? ` · waits ${latency(s.waited_us_avg)} on average` : ''}${s?.queued ? ` · ${count(s.queued)} queued` : ''}</span>
			<span>${s?.effective_share_pct !== undefined ? `due ${percent(s.effective_share_pct)}` : ''}</span></p>
		${now?.throttle && html`<${Chart} title="I/Os per second" height=${110} at_s=${ring.at_s} format=${count} least=${10} marks=${ring.throttle} markText="held back"
			lines=${[{ label: 'Reads', color: '--series-1', values: ring.read_iops, fill: true }, { label: 'Writes', color: '--series-2', values: ring.write_iops }]} />`}</li>`;
}

function Signal({ name, status }) {
	const ring = remember(name, status);
	const [, draw] = useState(0);
	useEffect(() => {
		draw(n => n + 1);
	}, [status]);
	return html`<div class="charts two inner"><${Chart} title="Latency of the datastore" at_s=${ring.at_s} format=${latency} least=${1000} lines=${[
			{ label: 'Latency', color: '--series-1', values: ring.latency_us, fill: true }, { label: 'Threshold', color: '--bad', values: ring.threshold_us, dash: [6, 4] }]} />
		<${Chart} title="I/Os under way" at_s=${ring.at_s} format=${count} least=${4} lines=${[
			{ label: 'Under way', color: '--series-4', values: ring.in_flight, fill: true }, { label: 'Window', color: '--series-3', values: ring.window_ios, dash: [6, 4] }]} /></div>`;
}

function Datastore({ name, filter }) {
	const set = useResource(`/datastores/${part(name)}/filters`, { watch: ['datastore', 'task'], every_s: 2 });
	const volumes = useResource('/volumes', { query: { datastore: name }, isList: true, watch: ['volume'] });
	const now = useStore(figures);
	const [isOpen, setOpen] = useState(false);
	const own = set.data?.items.find(i => i.filter === FILTER);
	const status = own?.status;
	const here = new Set((volumes.data || []).map(v => v.name));
	const busy = (now?.volumes || []).filter(v => here.has(v.name) && v.read_iops + v.write_iops > 0).sort((a, b) => b.read_iops + b.write_iops - a.read_iops - a.write_iops);
	const whole = busy.reduce((sum, v) => sum + v.read_iops + v.write_iops, 0);
	const isOn = status?.enabled ?? own?.parameters.enabled === 'true';
	return html`<${Card} title=${html`Datastore ${name} ${own ? html`<${State} state=${isOn ? status?.state || 'unknown' : 'off'} text=${isOn ? words(status?.state || 'not known') : 'off'} />` : ''}`}
		actions=${html`<${Button} role="admin" icon="settings" onClick=${() => setOpen(true)}>${own ? 'Settings' : 'Switch it on'}<//>`}>
		${!own ? html`<p class="muted">No I/O control here: whoever asks most gets most. Limits and shares of policies have no effect below a threshold that nobody set.</p>` : html`
			${status && html`<${Facts} items=${[['Latency', latency(status.latency_us)],
				['Threshold', html`${latency(status.threshold_us)} <span class="muted">${status.threshold_mode}${status.is_threshold_learned ? ', learned' : ''}</span>`],
				['Window', status.window_ios ? `${count(status.window_ios)} I/Os` : 'open'], ['Throughput', `${count(status.throughput_iops)} IOPS`], ['Queued', count(status.queued)],
				['Reserved', status.reserved_iops ? `${count(status.reserved_iops)} of ${count(status.capacity_iops)} IOPS` : 'nothing']]} />`}
			${status ? html`<${Signal} name=${name} status=${status} />` : html`<${Note}>It has said nothing yet: no volume of this datastore runs it.<//>`}`}
		${own && html`<h3 class="part">Who shares it</h3>${busy.length ? html`<ul class="sharers">${busy.slice(0, SHOWN).map(v => html`<${Volume} key=${v.name} name=${v.name} now=${v} whole=${whole} />`)}</ul>
			${busy.length > SHOWN && html`<p class="muted">and ${busy.length - SHOWN} quieter ones</p>`}` : html`<p class="muted">No volume of it is being read or written now.</p>`}`}
		${isOpen && html`<${FilterDialog} datastore=${name} filter=${filter} set=${own} onClose=${() => {
			setOpen(false);
			set.reload();
		}} />`}<//>`;
}

export function IoControl() {
	const datastores = useResource('/datastores', { isList: true, watch: ['datastore'] });
	const filter = useResource(`/filters/${FILTER}`);
	return html`<${Page} title="I/O control" sub="Keeps a busy volume from taking a datastore away from the others. Nobody waits while the datastore is faster than its threshold; above it, shares decide.">
		<${Loaded} resource=${filter}>${f => html`<${Loaded} resource=${datastores}>${rows => rows.length ? rows.map(d => html`<${Datastore} key=${d.name} name=${d.name} filter=${f} />`)
			: html`<${Card}><${Empty} icon="gauge" title="There is no datastore">I/O control works for a datastore; add one first.<//><//>`}<//>`}<//><//>`;
}
