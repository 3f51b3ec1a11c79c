// SPDX-License-Identifier: MIT
// replication-actions.js - what may be asked of a replication: pause, planned failover, promotion, split brain, the end.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { words } from '../format.js';
import { change, changed, useAct } from '../parts/act.js';
import { Button, Facts, Note } from '../parts/basics.js';
import { Dialog, TypedName, confirm } from '../parts/dialog.js';
import { toast } from '../parts/toast.js';

const pathOf = r => `/replications/${part(r.name)}`;

/* The two ways of changing the parts on purpose: each loses nothing, but takes the disk from the hosts of one side. */
const WAYS = {
	handover: { title: 'Planned failover', task: 'Failover', verb: r => `Fail over to ${r.peer}`, text: 'Writes are held for a moment, everything is brought over, then the parts change.' },
	failback: { title: 'Failback', task: 'Failback', verb: () => 'Fail back', text: 'What was changed meanwhile is brought over first, and nothing more; then writes are held for a moment and the parts are again those that it began with.' },
};

/* In three steps: what it means, while it goes on, what is to be done at the other side. */
function Wizard({ r, way, onClose }) {
	const [step, setStep] = useState('before');
	const [problem, setProblem] = useState('');
	const [typed, setTyped] = useState('');
	const { title, task, verb, text } = WAYS[way];
	const s = r.status || {};
	const isHereNow = r.role === 'primary', here = 'this appliance';
	// The card that asked may show the changed roles already.
	const [sides] = useState(isHereNow ? [here, r.peer] : [r.peer, here]);
	const begin = async () => {
		setStep('under way');
		setProblem('');
		try {
			await changed(`${task} of ${r.name}`, 'POST', `${pathOf(r)}/${way}`);
			setStep('after');
		} catch (refusal) {
			setProblem(refusal.message);
			setStep('before');
		}
	};
	const actions = step === 'after' ? html`<${Button} kind="primary" onClick=${onClose}>Close<//>`
		: html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="primary" role="operator" isBusy=${step === 'under way'} disabled=${typed !== r.name} onClick=${begin}>${verb(r)}<//>`;
	return html`<${Dialog} title=${`${title} of ${r.name}`} onClose=${onClose} actions=${actions}>
		<div class="stack">${step === 'after' ? html`<${Note} tone="good" title=${`${words(sides[1])} serves ${r.volumes.join(', ')} now`}>Nothing was lost. Hosts reach it at the portals of ${sides[1]}, where they need access to it; ${sides[0]} has the replica.<//>`
			: html`<p>${text} Nothing is lost, but hosts that know only the side that serves now lose the disk.</p>
			<${Facts} items=${[['Serves now', sides[0]], ['Serves afterwards', sides[1]], ['Volumes', r.volumes.join(', ')], ['Connection', s.peer_up ? 'there' : 'none'], ['State', words(r.state)]]} />
			${isHereNow && r.state !== 'primary_pair' && html`<${Note} tone="warn">The other side is not complete yet; it is brought up to date first.<//>`}
			${problem && html`<${Note} tone="bad">${problem}<//>`}<${TypedName} name=${r.name} value=${typed} onInput=${setTyped} />`}</div><//>`;
}

/* It is tried without force: what would be lost is said by the server, at once or when it has asked around, and that
 * is what the person is asked. */
async function promote(r) {
	const title = `Promotion of ${r.name}`;
	const send = (body, options) => change(title, 'POST', `${pathOf(r)}/promote`, body, options);
	const ask = lost => confirm({ title: `Promote ${r.name} here by force?`, verb: 'Promote by force', name: r.name, lost, run: () => send({ force: true, confirm: r.name }) });
	try {
		const { task } = await send({}, { isWaiting: true });
		if (task?.state === 'failed')
			ask(task.error_text);
	} catch (refusal) {
		if (refusal.field === 'force')
			ask(refusal.message);
		else
			toast({ tone: 'bad', title: `${title}: refused`, text: refusal.message });
	}
}

function SplitBrain({ r }) {
	const keep = (whose, text, lost) => confirm({ title: `Keep ${text} of ${r.name}?`, verb: `Keep ${text}`, name: r.name, lost,
		run: () => change(`End of the split brain of ${r.name}`, 'POST', `${pathOf(r)}/resolve`, { keep: whose, confirm: r.name }) });
	return html`<${Note} tone="bad" title="Split brain" actions=${html`
		<${Button} role="admin" isSmall onClick=${() => keep('own', 'this side', html`What <b>${r.peer}</b> wrote alone is overwritten.`)}>Keep this side<//>
		<${Button} role="admin" isSmall onClick=${() => keep('peer', 'the other side', html`What <b>this appliance</b> wrote alone is overwritten by what ${r.peer} has.`)}>Keep the other side<//>`}>
		Both sides were written without the other. Look at both, since when each wrote alone; then say on one of them whose data stays.<//>`;
}

function remove(r) {
	confirm({ title: `End replication ${r.name}?`, verb: 'End', name: r.name, lost: html`<b>${r.peer}</b> gets no more of ${r.volumes.join(', ')}. Both copies stay; what was the replica is offline afterwards.`,
		run: () => change(`End of ${r.name}`, 'DELETE', `${pathOf(r)}?confirm=${part(r.name)}`) });
}

/** @param {{r: any}} props a replication */
export function ReplicationActions({ r }) {
	const [isBusy, run] = useAct();
	const [way, setWay] = useState('');
	const s = r.status || {};
	const say = (title, verb, body) => run(`${title} ${r.name}`, 'POST', `${pathOf(r)}/${verb}`, body);
	const isPrimary = r.role === 'primary';
	const end = html`<${Button} role="admin" isSmall kind="ghost" icon="trash" hint=${`End ${r.name}`} onClick=${() => remove(r)} />`;
	if (r.phase !== 'active')
		return end;
	return html`${isPrimary && s.is_serving && html`<${Button} role="operator" isSmall onClick=${() => setWay('handover')}>Fail over<//>`}
		${isPrimary && !s.is_serving && r.state !== 'diverged' && html`<${Button} role="operator" isSmall onClick=${() => confirm({ title: `May ${r.name} serve here?`, verb: 'It may serve', name: r.name,
			lost: html`Say this only if you know that <b>${r.peer}</b> was not promoted: if it was, both sides are written and one of them is lost.`, run: () => change(`Confirmation of ${r.name}`, 'POST', `${pathOf(r)}/confirm`) })}>Let it serve<//>`}
		${!s.is_serving && !isPrimary && r.state !== 'diverged' && html`<${Button} role="operator" isSmall onClick=${() => promote(r)}>Promote here<//>`}
		${r.initial_role !== r.role && r.role !== 'none' && html`<${Button} role="operator" isSmall onClick=${() => setWay('failback')}>Fail back<//>`}
		${isPrimary && (r.mode === 'async' || s.is_paused) && html`<${Button} role="operator" isSmall isBusy=${isBusy} onClick=${() => say(s.is_paused ? 'Going on with' : 'Pause of', s.is_paused ? 'resume' : 'pause')}>${s.is_paused ? 'Go on' : 'Pause'}<//>`}
		${isPrimary && html`<${Button} role="operator" isSmall isBusy=${isBusy} onClick=${() => say('Comparison of', 'verify', { repair: false })}>Compare<//>`}${end}
		${way && html`<${Wizard} r=${r} way=${way} onClose=${() => setWay('')} />`}`;
}

/** What needs somebody now. @param {{r: any}} props */
export const ReplicationTrouble = ({ r }) => r.state === 'diverged' ? html`<${SplitBrain} r=${r} />` : '';
