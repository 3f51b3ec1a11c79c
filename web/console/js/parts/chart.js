// SPDX-License-Identifier: MIT
// chart.js - lines over time, drawn by uPlot in the colours of the theme. Beside the picture the newest values stand
// as text, for who does not see it.
import { html, useEffect, useRef } from '../lib.js';
import { useStore } from '../store.js';
import { theme } from '../theme.js';
import uPlot from '../../vendor/uplot.js';

/** @typedef {{label: string, color: string, values: any[], fill?: boolean, dash?: number[]}} Line */

/* Above this an axis shows no seconds. */
const MINUTES_ONLY_S = 900;

const pad = value => String(value).padStart(2, '0');
const clock = s => {
	const at = new Date(s * 1000);
	return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
};
const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* Sizes are binary, so their steps are. */
const BINARY = Array.from({ length: 50 }, (_, i) => 2 ** i);

function axes(format, isLong, isBytes) {
	const common = { stroke: color('--text-muted'), font: '11px Inter, system-ui, sans-serif', ticks: { show: false } };
	return [
		{ ...common, grid: { show: false }, size: 26, space: isLong ? 70 : 80,
			values: (u, marks) => marks.map(isLong && u.scales.x.max - u.scales.x.min > MINUTES_ONLY_S ? s => clock(s).slice(0, 5) : clock) },
		{ ...common, grid: { stroke: color('--line'), width: 1 }, size: 70, space: 34,
			incrs: isBytes ? BINARY : undefined, values: (_, marks) => marks.map(v => v === null ? '' : format(v)) },
	];
}

function series(lines) {
	return [{}, ...lines.map(line => ({
		label: line.label, stroke: color(line.color), width: 1.75, dash: line.dash, points: { show: false }, spanGaps: false,
		fill: line.fill ? `${color(line.color)}22` : undefined,
	}))];
}

/* Where throttling was: a band behind the lines. */
function bands(marks) {
	return u => {
		const { ctx, bbox } = u;
		const xs = u.data[0];
		ctx.save();
		ctx.fillStyle = `${color('--warn')}2e`;
		for (let i = 0; i < xs.length; i++) {
			if (!marks()?.[i])
				continue;
			const from = Math.floor(u.valToPos(xs[i] - 0.5, 'x', true)), to = Math.ceil(u.valToPos((xs[i + 1] ?? xs[i] + 1) - 0.5, 'x', true));
			ctx.fillRect(Math.max(bbox.left, from), bbox.top, Math.max(1, Math.min(to, bbox.left + bbox.width) - Math.max(bbox.left, from)), bbox.height);
		}
		ctx.restore();
	};
}

const newest = values => [...values].reverse().find(v => v !== null && v !== undefined);

/**
 * @param {{title: string, at_s: number[], lines: Line[], format: (value: number) => string, height?: number, marks?: any[], markText?: string,
 *          isLong?: boolean, isBytes?: boolean, least?: number}} props  marks: truthy where the ground is coloured; least: the scale's top at least
 */
export function Chart({ title, at_s, lines, format, height = 180, marks, markText, isLong, isBytes, least = 0 }) {
	const box = useRef(/** @type {HTMLElement | null} */ (null));
	const plot = useRef(/** @type {any} */ (null));
	const now = useRef({ marks });
	now.current = { marks };
	const look = useStore(theme);
	const data = () => /** @type {any} */ ([at_s, ...lines.map(line => line.values)]);

	useEffect(() => {
		const width = box.current.clientWidth || 300;
		plot.current = new uPlot({
			width, height, series: series(lines), axes: axes(format, isLong, isBytes), legend: { show: false },
			cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } }, padding: [10, 8, 0, 0],
			scales: { x: { time: true, range: (_, low, high) => low === null ? [0, 60] : [Math.min(low, high - 60), high] }, y: { range: (_, low, high) => [0, Math.max(least, (high || 0) * 1.12) || 1] } },
			hooks: { drawClear: [bands(() => now.current.marks)] },
		}, data(), box.current);
		const resize = new ResizeObserver(() => plot.current?.setSize({ width: box.current.clientWidth, height }));
		resize.observe(box.current);
		return () => {
			resize.disconnect();
			plot.current.destroy();
			plot.current = null;
		};
	}, [look, lines.length, height]);
	useEffect(() => {
		plot.current?.setData(data());
	});
	const isMarked = marks && marks[marks.length - 1];
	const text = lines.map(line => `${line.label} ${format(newest(line.values) ?? 0)}`).join(', ');
	return html`<figure class="chart">
		<figcaption><span class="chart-title">${title}</span>
			<span class="legend">${lines.map(line => html`<span><i style=${{ background: `var(${line.color})` }}></i>${line.label}
				<b>${newest(line.values) === undefined ? '–' : format(newest(line.values))}</b></span>`)}
				${isMarked && html`<span class="mark-text"><i class="band"></i>${markText}: <b>${isMarked}</b></span>`}</span></figcaption>
		<div class="plot" style=${{ height: `${height}px` }} ref=${box} role="img" aria-label=${`${title}: ${text}`}></div>
		${!at_s.length && html`<p class="plot-empty">No figures yet</p>`}</figure>`;
}

/** A line without axes, for a list. @param {{values: number[], label: string, width?: number}} props */
export function Spark({ values, label, width = 90 }) {
	const most = Math.max(1, ...values);
	const step = width / Math.max(1, values.length - 1);
	const points = values.map((v, i) => `${(i * step).toFixed(1)},${(22 - v / most * 20).toFixed(1)}`).join(' ');
	return html`<svg class="spark" width=${width} height="24" viewBox=${`0 0 ${width} 24`} role="img" aria-label=${label}>
		<polyline points=${points} fill="none" /></svg>`;
}
