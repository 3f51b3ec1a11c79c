// SPDX-License-Identifier: MIT
// dialog.js - a window above the view. The browser's own dialog keeps the focus inside and closes with Escape.
import { html, useEffect, useRef, useState } from '../lib.js';
import { makeStore, useStore } from '../store.js';
import { Button } from './basics.js';

/** @param {{title: string, onClose: () => void, isWide?: boolean, children?: any, actions?: any}} props */
export function Dialog({ title, onClose, isWide, children, actions }) {
	const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
	useEffect(() => {
		const before = /** @type {HTMLElement | null} */ (document.activeElement);
		ref.current.showModal();
		return () => before?.focus?.();
	}, []);
	const cancel = event => {
		event.preventDefault();
		onClose();
	};
	return html`<dialog ref=${ref} class=${isWide ? 'wide' : ''} aria-label=${title} onCancel=${cancel}>
		<header class="dialog-head"><h2>${title}</h2><${Button} kind="ghost" icon="close" hint="Close" onClick=${onClose} /></header>
		<div class="dialog-body">${children}</div>
		${actions && html`<footer class="dialog-foot">${actions}</footer>`}
	</dialog>`;
}

const asked = makeStore(/** @type {any} */ (null));

/**
 * Asks before something cannot be undone.
 * @param {{title: string, lost: any, name?: string, verb: string, run: () => Promise<any>, extra?: any}} question
 *        lost: what will be gone; name: what has to be typed; verb: on the button
 */
export function confirm(question) {
	asked.set(question);
}

/** The place of confirm()'s dialog; once, in the shell. */
export function Confirm() {
	const question = useStore(asked);
	return question && html`<${Question} key=${question} question=${question} />`;
}

/** Where a name is typed before something happens. @param {{name: string, value: string, onInput: (value: string) => void}} props */
export function TypedName({ name, value, onInput }) {
	return html`<label class="field"><span class="field-label">Type <b class="mono">${name}</b> to go on</span>
		<input type="text" value=${value} autocomplete="off" spellcheck=${false} data-confirm onInput=${e => onInput(e.target.value)} /></label>`;
}

function Question({ question }) {
	const [typed, setTyped] = useState('');
	const [problem, setProblem] = useState('');
	const [isBusy, setBusy] = useState(false);
	const close = () => asked.set(null);
	const isRight = !question.name || typed === question.name;
	const submit = async event => {
		event.preventDefault();
		if (!isRight)
			return;
		setBusy(true);
		setProblem('');
		try {
			await question.run();
			close();
		} catch (refusal) {
			setProblem(refusal.message);
			setBusy(false);
		}
	};
	return html`<${Dialog} title=${question.title} onClose=${close}>
		<form class="stack" onSubmit=${submit} novalidate>
			<div class="lost">${question.lost}</div>
			${question.name && html`<${TypedName} name=${question.name} value=${typed} onInput=${setTyped} />`}
			${problem && html`<p class="field-problem" role="alert">${problem}</p>`}
			<div class="form-actions"><${Button} onClick=${close}>Cancel<//>
				<${Button} type="submit" kind="danger" isBusy=${isBusy} disabled=${!isRight}>${question.verb}<//></div>
		</form><//>`;
}
