// SPDX-License-Identifier: MIT
// replica-card.js - one replicated volume, from what its filter says: its part of the pair, whether both sides are
// the same, how far behind the other one is, and how much is left when it catches up.
import { html } from '../lib.js';
import { figures, recent, watch } from '../live.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { useStore } from '../store.js';
import { bytes, count, duration, percent, words } from '../format.js';
import { Card, Facts, Note, State, Time } from '../parts/basics.js';
import { Chart } from '../parts/chart.js';

const CLASS = 'replication';
/* What a state means to a person, and how much it should worry. */
const MEANING = {
	primary_pair: ['good', 'Both sides are the same; writes are acknowledged when both have them.'],
	secondary_insync: ['good', 'This side is the same as the primary.'],
	primary_alone: ['warn', 'This side serves alone; the other one catches up, or is away.'],
	secondary_syncing: ['busy', 'This side catches up with the primary.'],
	outdated: ['warn', 'This side is older than the other one and is not promoted without force.'],
	standalone: ['idle', 'It has not met its other side yet.'],
	diverged: ['bad', 'Both sides were written while they did not see each other. Nothing is merged: one of them has to be given up.'],
};

function Walk({ name, walk, title }) {
	if (!walk || walk.state === 'idle' || walk.state === 'done')
		return null;
	const pct = walk.total_bytes ? walk.done_bytes / walk.total_bytes * 100 : 0;
	return html`<div class="walk"><p><b>${title}</b> ${words(walk.state)}</p>
		<div class="progress" role="progressbar" aria-label=${`${title} of ${name}`} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(pct)}><i style=${{ width: `${pct}%` }}></i></div>
		<p class="meter-note"><span>${bytes(Math.max(0, walk.total_bytes - walk.done_bytes))} left of ${bytes(walk.total_bytes)}</span><span>${percent(pct)}</span></p>
		${walk.different_blocks > 0 && html`<p>${count(walk.different_blocks)} blocks differed, ${count(walk.repaired_blocks)} repaired</p>`}</div>`;
}

function Pair({ s }) {
	const isFirst = s.role === 'primary';
	const side = (title, isPrimary, isHere) => html`<div class=${`pair-side${isHere ? ' here' : ''}`}><b>${title}</b><span class="muted">${s.role === 'none' ? 'no part yet' : isPrimary ? 'primary' : 'secondary'}</span></div>`;
	return html`<div class="pair">${side('This appliance', isFirst, true)}
		<div class=${`pair-link ${s.peer_up ? 'up' : 'down'}`}><span>${s.peer_up ? words(s.mode) : 'no connection'}</span></div>${side('The other one', !isFirst, false)}</div>`;
}

/* Those of which there is something to say. */
function Snapshots({ list }) {
	const open = (list || []).filter(x => x.state !== 'on_replica');
	if (!open.length)
		return null;
	return html`<table class="plain"><caption>Snapshots that the replica does not have</caption><tbody>${open.map(x => html`<tr key=${`${x.member} ${x.snapshot}`}><td>${x.name || x.snapshot}</td><td>${words(x.state)}</td><td>${x.why}</td></tr>`)}</tbody></table>`;
}

/** What the filter says of itself. @param {{s: any, name: string, isSaid?: boolean}} props name: the volume whose figures are drawn; isSaid: what the state means stands above already */
export function ReplicaBody({ s, name, isSaid }) {
	watch(name);
	useStore(figures);
	const [tone, meaning] = MEANING[s.state] || ['idle', ''];
	const ring = recent(name);
	const isAlone = !s.peer_up && s.role === 'secondary';
	return html`${meaning && !isSaid && html`<${Note} tone=${isAlone ? 'warn' : tone === 'idle' || tone === 'busy' ? 'info' : tone}>${isAlone ? 'There is no connection: whether the primary has gone on is not known here. ' : ''}${meaning}<//>`}
		${s.role === 'secondary' && s.state !== 'secondary_insync' && s.loss?.is_known && s.loss.bytes > 0 && html`<${Note} tone="info">A promotion here by force would lose about ${bytes(s.loss.bytes)} now.<//>`}
		<${Pair} s=${s} />
		<${Facts} items=${[['Lag', s.lag_ms === undefined ? '–' : duration(s.lag_ms / 1000)], s.lag_p99_ms !== undefined && ['Lag, 99th percentile', duration(s.lag_p99_ms / 1000)],
			['Not at the other side', bytes(s.dirty_bytes)], s.journal_bytes > 0 && ['Journal', `${bytes(s.journal_used_bytes)} of ${bytes(s.journal_bytes)}`],
			['Last common point', html`<${Time} ms=${s.last_mark_ms > 1e12 ? s.last_mark_ms : 0} />`], ['Term', s.term]]} />
		<${Walk} name=${name} walk=${s.resync} title="Resync" /><${Walk} name=${name} walk=${s.verify} title="Comparison" /><${Snapshots} list=${s.snapshots} />
		<${Chart} title="Lag" height=${110} at_s=${ring.at_s} format=${ms => duration(ms / 1000)} least=${1000} lines=${[{ label: 'Behind', color: '--series-2', values: ring.lag_ms, fill: true }]} />`;
}

/** @param {{state: string}} props */
export const ReplicaState = ({ state }) => html`<${State} state=${state} tone=${(MEANING[state] || ['idle'])[0]} />`;

/** One volume that its policy alone replicates, in no replication. @param {{name: string}} props */
export function ReplicaCard({ name }) {
	const chain = useResource(`/volumes/${part(name)}/chain`, { watch: ['volume', 'peer', 'task'], every_s: 2 });
	const filter = chain.data?.filters.find(f => f.class === CLASS);
	const s = filter?.status;
	return html`<${Card} title=${html`<a href=${`#/volumes/${part(name)}`}>${name}</a> ${s ? html`<${ReplicaState} state=${s.state} />` : ''}`}>
		${s ? html`<${ReplicaBody} s=${s} name=${name} />` : html`<p class="muted">${filter ? 'It has said nothing yet.' : 'The volume does not run.'}</p>`}<//>`;
}
