// SPDX-License-Identifier: MIT
// encryption-volumes.js - each encrypted volume: open or locked, its key, how far a walk through its data is, and
// what may be asked of it.
import { html } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { bytes, percent, words } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Empty, Facts, Loaded, Note, State } from '../parts/basics.js';
import { confirm } from '../parts/dialog.js';

const CLASS = 'encryption';
const TONES = { unlocked: 'good', locked: 'warn', damaged: 'bad', erased: 'bad', unformatted: 'busy', clear: 'warn' };

function Walk({ name, walk, path }) {
	const [isBusy, run] = useAct();
	const pct = walk.total_bytes ? walk.done_bytes / walk.total_bytes * 100 : 0;
	const isPaused = walk.state === 'paused';
	return html`<div class="walk"><p><b>${words(walk.kind)}</b> ${words(walk.state)}${walk.text && html`: ${walk.text}`}</p>
		<div class="progress" role="progressbar" aria-label=${`${words(walk.kind)} of ${name}`} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(pct)}><i style=${{ width: `${pct}%` }}></i></div>
		<p class="meter-note"><span>${bytes(walk.done_bytes)} of ${bytes(walk.total_bytes)}</span><span>${percent(pct)}</span></p>
		<${Button} role="operator" isSmall isBusy=${isBusy} onClick=${() => run(`${isPaused ? 'Going on with' : 'Pause of'} ${name}`, 'POST', `${path}/${isPaused ? 'resume' : 'pause'}`, {})}>${isPaused ? 'Go on' : 'Pause'}<//></div>`;
}

function Actions({ name, status, path }) {
	const [isBusy, run] = useAct();
	const ask = (title, verb, lost, where, body) => confirm({ title, verb, name, lost, run: () => change(`${verb}: ${name}`, 'POST', where, body) });
	const erase = () => ask(`Erase volume ${name}?`, 'Erase', html`The key of <b>${name}</b> is destroyed: all its data is unreadable for good, but for exports and copies of its header made before.`, `${path}/erase?confirm=${part(name)}`, {});
	const decrypt = () => ask(`Decrypt volume ${name}?`, 'Decrypt', html`The data of <b>${name}</b> is written in clear to its datastore, where traces of it stay even when it is encrypted again.`, `${path}/decrypt?confirm=${part(name)}`, {});
	const deep = () => confirm({ title: `Write ${name} anew with another key?`, verb: 'Begin', lost: html`All of <b>${name}</b> is read and written once while its hosts work; that takes a while and can be paused. No data is lost.`,
		run: () => change(`Deep rekey of ${name}`, 'POST', `${path}/rekey`, { is_deep: true }) });
	if (status?.state === 'unformatted' || status?.state === 'clear')
		return html`<${Button} role="operator" isSmall isBusy=${isBusy} onClick=${() => run(`Encryption of ${name}`, 'POST', `${path}/encrypt`, {})}>Encrypt in place<//>`;
	return html`<${Button} role="operator" isSmall isBusy=${isBusy} onClick=${() => run(`New key for ${name}`, 'POST', `${path}/rekey`, { is_deep: false })}>New wrapping<//>
		<${Button} role="operator" isSmall onClick=${deep}>Deep rekey<//><${Button} role="admin" isSmall onClick=${decrypt}>Decrypt<//><${Button} role="admin" isSmall kind="danger" onClick=${erase}>Erase<//>`;
}

function VolumeCard({ name }) {
	const chain = useResource(`/volumes/${part(name)}/chain`, { watch: ['volume', 'key', 'task'], every_s: 3 });
	const filter = chain.data?.filters.find(f => f.class === CLASS);
	const s = filter?.status;
	const state = s?.is_erased ? 'erased' : s?.state;
	const path = `/volumes/${part(name)}/encryption`;
	return html`<${Card} title=${html`<a href=${`#/volumes/${part(name)}`}>${name}</a> ${s ? html`<${State} state=${state} tone=${TONES[state]} />` : ''}`} actions=${s && !s.reencrypt && !s.is_erased && html`<${Actions} name=${name} status=${s} path=${path} />`}>
		${s?.state_text && html`<${Note} tone=${['locked', 'damaged', 'erased'].includes(state) ? 'warn' : 'info'}>${s.state_text}<//>`}
		${s ? html`<${Facts} items=${[['Key', s.key_id || 'none'], ['Cipher', html`<span class="mono">${s.cipher}</span>`], ['Sectors', s.sector_bytes ? bytes(s.sector_bytes) : '–'], ['Key slots in use', s.slots]]} />
			${s.reencrypt && html`<${Walk} name=${name} walk=${s.reencrypt} path=${path} />`}` : html`<p class="muted">${filter ? 'It has said nothing yet.' : 'The volume does not run.'}</p>`}<//>`;
}

export function EncryptedVolumes() {
	const filters = useResource('/filters', { query: { class: CLASS }, isList: true, watch: ['volume', 'policy'], every_s: 30 });
	return html`<${Loaded} resource=${filters}>${rows => {
		const names = [...new Set(rows.flatMap(f => f.used_by.volumes))].sort();
		return names.length ? html`<div class="charts two">${names.slice(0, 60).map(name => html`<${VolumeCard} key=${name} name=${name} />`)}</div>`
			: html`<${Card}><${Empty} icon="lock" title="No volume is encrypted" action=${html`<${Button} href="#/encryption?tab=providers">To the providers<//>`}>
				It takes a provider, a key, and a policy with a filter of the class encryption that names the key.<//><//>`;
	}}<//>`;
}
