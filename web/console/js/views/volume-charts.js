// SPDX-License-Identifier: MIT
// volume-charts.js - a volume's figures: the last minutes as they come, and a day of history.
import { html, useState } from '../lib.js';
import { figures, recent, watch } from '../live.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { useStore } from '../store.js';
import { bytes, count, latency, percent, rate } from '../format.js';
import { Card, Empty, Loaded } from '../parts/basics.js';
import { Chart } from '../parts/chart.js';

const READ = '--series-1', WRITE = '--series-2';

function pair(of, read, write) {
	return [{ label: 'Reads', color: READ, values: of(read), fill: true }, { label: 'Writes', color: WRITE, values: of(write) }];
}

/** @param {{name: string}} props */
export function LiveCharts({ name }) {
	watch(name);
	useStore(figures);
	const ring = recent(name);
	const of = member => ring[member];
	const held = { marks: ring.throttle, markText: 'held back' };
	return html`<${Card}><${Chart} title="I/Os per second" at_s=${ring.at_s} format=${count} least=${10} lines=${pair(of, 'read_iops', 'write_iops')} ...${held} /><//>
		<${Card}><${Chart} title="Latency, p99" at_s=${ring.at_s} format=${latency} least=${1000} lines=${pair(of, 'read_p99_us', 'write_p99_us')} ...${held} /><//>`;
}

const SPANS = [['1', 'Last hour'], ['6', 'Last 6 hours'], ['24', 'Last day']];

/** @param {{name: string}} props  "" is all volumes together */
export function History({ name }) {
	const [hours, setHours] = useState('1');
	const [from_ms, setFrom] = useState(() => Date.now() - 3600e3);
	const history = useResource(name ? `/volumes/${part(name)}/history` : '/stats/history', { query: { from_ms: Math.round(from_ms), points: 360 }, every_s: 10 });
	const pick = value => {
		setHours(value);
		setFrom(Date.now() - Number(value) * 3600e3);
	};
	return html`<div class="toolbar" role="group" aria-label="How far back">${SPANS.map(([value, text]) => html`<button type="button" class=${`button small${value === hours ? ' on' : ''}`}
			aria-pressed=${value === hours ? 'true' : 'false'} onClick=${() => pick(value)}>${text}</button>`)}</div>
		<${Loaded} resource=${history}>${data => {
			if (!data.points.length)
				return html`<${Card}><${Empty} icon="dashboard" title="No history yet">A sample is kept every 10 seconds, for a day.<//><//>`;
			const at_s = data.points.map(p => p.at_ms / 1000);
			const of = member => data.points.map(p => p[member]);
			const common = { at_s, isLong: true };
			return html`<div class="charts two">
				<${Card}><${Chart} ...${common} title="I/Os per second" format=${count} least=${10} lines=${pair(of, 'read_iops', 'write_iops')} /><//>
				<${Card}><${Chart} ...${common} title="Throughput" format=${rate} isBytes least=${1048576} lines=${pair(of, 'read_bytes_per_s', 'write_bytes_per_s')} /><//>
				<${Card}><${Chart} ...${common} title="Latency, p99" format=${latency} least=${1000} lines=${pair(of, 'read_p99_us', 'write_p99_us')} /><//>
				<${Card}><${Chart} ...${common} title="Space in use" format=${bytes} isBytes least=${1048576} lines=${[{ label: 'In use', color: '--series-4', values: of('allocated_bytes'), fill: true }]} /><//>
				<${Card}><${Chart} ...${common} title="Cache hits" format=${percent} least=${100} lines=${[{ label: 'Hits', color: '--series-3', values: of('read_hit_pct') }]} /><//>
				<${Card}><${Chart} ...${common} title="Dirty in the cache" format=${bytes} isBytes least=${1048576} lines=${[{ label: 'Dirty', color: '--series-5', values: of('dirty_bytes'), fill: true }]} /><//>
			</div>`;
		}}<//>`;
}
