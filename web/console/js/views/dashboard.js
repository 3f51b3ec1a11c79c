// SPDX-License-Identifier: MIT
// dashboard.js - how the appliance is, in one sentence and then in figures.
import { html } from '../lib.js';
import { figures, recent } from '../live.js';
import { useResource } from '../resource.js';
import { useStore } from '../store.js';
import { bytes, count, duration, latency, percent, rate } from '../format.js';
import { Card, Loaded, Meter, Note, Page, State, Time } from '../parts/basics.js';
import { Chart, Spark } from '../parts/chart.js';
import { Icon } from '../parts/icons.js';
import { FirstSteps } from './first-steps.js';

const TONE = { ok: 'good', warning: 'warn', error: 'bad' };

function Health({ system }) {
	const { problems, strangers, filterd, tgtd } = system.health;
	const down = [['sluice-filterd', filterd], ['tgtd', tgtd]].filter(([, d]) => !d.is_up);
	return html`<section class=${`health-card ${TONE[system.status]}`} aria-label="Health">
		<${Icon} name=${system.status === 'ok' ? 'check' : 'warning'} size=${26} />
		<div><p class="health-line">${system.summary}</p>
			${down.map(([name, d]) => html`<p><b>${name}</b> is down: ${d.text || 'it does not answer'}</p>`)}
			${problems.slice(0, 5).map(p => html`<p>${p.object_type} <b>${p.object_name}</b>: ${p.text}</p>`)}
			${strangers.length > 0 && html`<p>${strangers.length} volumes of sluice-filterd are not in the database: <a href="#/datastores">look at them</a>.</p>`}
			<p class="muted">${system.appliance_name} · version ${system.version} · up ${duration(system.uptime_s)}${system.health.pending
				? ` · ${system.health.pending} changes under way` : ''}</p></div></section>`;
}

function Tile({ label, value, sub, href }) {
	return html`<div class="tile"><span class="tile-label">${href ? html`<a href=${href}>${label}</a>` : label}</span>
		<span class="tile-value num">${value}</span>${sub && html`<span class="tile-sub">${sub}</span>`}</div>`;
}

function Tiles({ now }) {
	const total = now?.total;
	const reads = total ? total.read_iops : null;
	return html`<div class="tiles">
		<${Tile} label="I/Os per second" value=${total ? count(total.read_iops + total.write_iops) : '–'} sub=${total && `${count(reads)} reads, ${count(total.write_iops)} writes`} />
		<${Tile} label="Throughput" value=${total ? rate(total.read_bytes_per_s + total.write_bytes_per_s) : '–'} sub=${total && `${rate(total.read_bytes_per_s)} read`} />
		<${Tile} label="Latency, 99th percentile" value=${total ? latency(Math.max(total.read_p99_us, total.write_p99_us)) : '–'}
			sub=${total && `median ${latency(Math.max(total.read_p50_us, total.write_p50_us))}`} />
		<${Tile} label="Cache hits" href="#/cache" value=${percent(total?.read_hit_pct)} sub=${total && `${bytes(total.dirty_bytes)} dirty`} />
		<${Tile} label="Replication lag" href="#/replication" value=${total ? total.lag_ms ? duration(total.lag_ms / 1000) : 'none' : '–'} sub="worst replica" />
		<${Tile} label="Held back" href="#/io-control" value=${total ? count(total.throttled_volumes) : '–'} sub="volumes throttled now" />
	</div>`;
}

function Charts() {
	const ring = recent('');
	const two = (a, b) => [{ label: 'Reads', color: '--series-1', values: ring[a], fill: true }, { label: 'Writes', color: '--series-2', values: ring[b] }];
	return html`<div class="charts">
		<${Card}><${Chart} title="I/Os per second" at_s=${ring.at_s} lines=${two('read_iops', 'write_iops')} format=${count} least=${10} /><//>
		<${Card}><${Chart} title="Throughput" at_s=${ring.at_s} lines=${two('read_bytes_per_s', 'write_bytes_per_s')} format=${rate} isBytes least=${1048576} /><//>
		<${Card}><${Chart} title="Latency, p99" at_s=${ring.at_s} lines=${two('read_p99_us', 'write_p99_us')} format=${latency} least=${1000} /><//>
	</div>`;
}

function Capacity({ system, datastores }) {
	const { used_bytes, available_bytes, provisioned_bytes } = system.capacity;
	const whole = used_bytes + available_bytes;
	const over = whole ? provisioned_bytes / whole * 100 : 0;
	return html`<${Card} title="Capacity" actions=${html`<a href="#/datastores">Datastores</a>`}>
		<div class="big-line"><b>${bytes(available_bytes)}</b> free of ${bytes(whole)}</div>
		<${Meter} label="Space in use" value=${used_bytes} max=${whole} text=${`${bytes(used_bytes)} of ${bytes(whole)} in use`} />
		<p class="meter-note"><span>In use ${bytes(used_bytes)}</span><span>${percent(whole ? used_bytes / whole * 100 : 0)}</span></p>
		<${Meter} label="Promised to volumes" value=${provisioned_bytes} max=${whole} tone=${over > 100 ? 'warn' : 'alt'} text=${`${bytes(provisioned_bytes)} promised`} />
		<p class="meter-note"><span>Promised to volumes ${bytes(provisioned_bytes)}</span><span>${over > 100 ? `${count(over)} %: overcommitted` : percent(over)}</span></p>
		<ul class="lines">${(datastores || []).map(d => html`<li><span class="cell-main">${d.name}</span><${State} state=${d.running_state} />
			<span class="num muted">${bytes(d.used_bytes)} of ${d.type === 'mem' ? 'memory' : bytes(d.used_bytes + d.available_bytes)}</span></li>`)}</ul>
	<//>`;
}

function Top({ now }) {
	const busy = (now?.volumes || []).map(v => ({ ...v, iops: v.read_iops + v.write_iops })).filter(v => v.iops > 0)
		.sort((a, b) => b.iops - a.iops).slice(0, 6);
	return html`<${Card} title="Busiest volumes" actions=${html`<a href="#/volumes">All volumes</a>`}>
		${busy.length ? html`<ul class="lines">${busy.map(v => {
			const ring = recent(v.name);
			return html`<li key=${v.name}><a class="cell-main" href=${`#/volumes/${encodeURIComponent(v.name)}`}>${v.name}</a>
				${v.throttle ? html`<${State} state=${v.throttle} tone="warn" text=${`held: ${v.throttle}`} />` : ''}
				<${Spark} label=${`I/Os per second of ${v.name}`} values=${ring.read_iops.slice(-60).map((r, i) => r + ring.write_iops.slice(-60)[i])} />
				<span class="num right">${count(v.iops)} IOPS</span><span class="num right muted">${latency(Math.max(v.read_p99_us, v.write_p99_us))}</span></li>`;
		})}</ul>` : html`<p class="muted">No volume is being read or written just now.</p>`}<//>`;
}

function Alerts({ alerts }) {
	const active = (alerts || []).filter(a => a.state !== 'cleared');
	return html`<${Card} title="Alerts" actions=${html`<a href="#/alerts">All alerts</a>`}>
		${active.length ? html`<ul class="lines">${active.slice(0, 5).map(a => html`<li><${State} state=${a.severity} />
			<span class="cell-main wrap">${a.text}</span><span class="muted"><${Time} ms=${a.raised_ms} /></span></li>`)}</ul>`
			: html`<p class="muted">No threshold is passed.</p>`}<//>`;
}

function Recent({ events }) {
	return html`<${Card} title="Latest events" actions=${html`<a href="#/events">All events</a>`}>
		<ul class="lines">${(events || []).map(e => html`<li key=${e.id}><${State} state=${e.severity} tone=${e.severity === 'info' ? 'idle' : undefined} />
			<span class="cell-main wrap">${e.text}</span><span class="muted"><${Time} ms=${e.at_ms} /></span></li>`)}</ul><//>`;
}

export function Dashboard() {
	const system = useResource('/system', { watch: ['volume', 'datastore', 'alert', 'task', 'system', 'host', 'portal'], every_s: 10 });
	const datastores = useResource('/datastores', { isList: true, watch: ['datastore'], every_s: 30 });
	const alerts = useResource('/alerts', { query: { sort: '-raised_ms', limit: 20 }, watch: ['alert'] });
	const events = useResource('/events', { query: { sort: '-id', limit: 6 }, watch: ['volume', 'datastore', 'policy', 'host', 'filter', 'task', 'user'] });
	const now = useStore(figures);
	return html`<${Page} title="Dashboard"><${Loaded} resource=${system}>${data => {
		const isNew = !data.counts.datastores || !data.counts.volumes || !data.counts.portals;
		return html`<${Health} system=${data} />
			${isNew && html`<${FirstSteps} system=${data} />`}
			${data.counts.volumes > 0 && html`<${Tiles} now=${now} /><${Charts} />`}
			<div class="columns">
				<div><${Capacity} system=${data} datastores=${datastores.data} /><${Alerts} alerts=${alerts.data?.items} /></div>
				<div>${data.counts.volumes > 0 && html`<${Top} now=${now} />`}<${Recent} events=${events.data?.items} /></div></div>`;
	}}<//>${system.data?.status === undefined && system.problem && html`<${Note} tone="warn">${system.problem.message}<//>`}<//>`;
}
