// SPDX-License-Identifier: MIT
// basics.js - the small things that every view is made of.
import { html, useEffect, useRef, useState } from '../lib.js';
import { may } from '../session.js';
import { time, when, words } from '../format.js';
import { Icon } from './icons.js';
import { toast } from './toast.js';

/**
 * A button that is not there for whom the server would refuse it.
 * @param {{role?: string, kind?: string, icon?: string, label?: any, href?: string, isBusy?: boolean, disabled?: boolean,
 *          onClick?: (event: Event) => any, type?: string, hint?: string, isSmall?: boolean, children?: any}} props
 */
export function Button({ role, kind = 'plain', icon, href, isBusy, disabled, onClick, type = 'button', hint, isSmall, children }) {
	if (!may(role))
		return null;
	const look = `button ${kind}${isSmall ? ' small' : ''}${children ? '' : ' bare'}`;
	const inner = html`${icon && html`<${Icon} name=${icon} size=${16} />`}${children && html`<span>${children}</span>`}`;
	if (href)
		return html`<a class=${look} href=${href} data-role=${role} aria-label=${children ? undefined : hint}>${inner}</a>`;
	return html`<button class=${look} type=${type} data-role=${role} disabled=${disabled || isBusy} aria-busy=${isBusy ? 'true' : undefined}
		aria-label=${children ? undefined : hint} title=${hint} onClick=${onClick}>${inner}</button>`;
}

/** @param {{title: string, sub?: any, actions?: any, back?: {href: string, text: string}, children?: any}} props */
export function Page({ title, sub, actions, back, children }) {
	const head = useRef(/** @type {HTMLElement | null} */ (null));
	useEffect(() => {
		document.title = `${title} · Sluice`;
	}, [title]);
	return html`<div class="page">
		<header class="page-head">
			<div class="page-title">
				${back && html`<a class="back" href=${back.href}>${back.text}</a>`}
				<h1 ref=${head} tabindex="-1">${title}</h1>
				${sub && html`<p class="sub">${sub}</p>`}
			</div>
			${actions && html`<div class="actions">${actions}</div>`}
		</header>
		${children}
	</div>`;
}

/** @param {{title?: any, sub?: any, actions?: any, isFlush?: boolean, wide?: boolean, children?: any}} props */
export function Card({ title, sub, actions, isFlush, wide, children }) {
	return html`<section class=${`card${isFlush ? ' flush' : ''}${wide ? ' wide' : ''}`}>
		${(title || actions) && html`<header class="card-head"><div><h2>${title}</h2>${sub && html`<p class="sub">${sub}</p>`}</div>
			${actions && html`<div class="actions">${actions}</div>`}</header>`}
		<div class="card-body">${children}</div>
	</section>`;
}

const tones = {
	online: 'good', ok: 'good', compliant: 'good', succeeded: 'good', active: 'good', enabled: 'good', serving: 'good', paired: 'good',
	free: 'good', ready: 'good', connected: 'good', synced: 'good', in_sync: 'good',
	pending: 'busy', running: 'busy', queued: 'busy', warming: 'busy', settling: 'busy', preparing: 'busy', recovering: 'busy',
	syncing: 'busy', resync: 'busy', creating: 'busy', deleting: 'busy',
	out_of_date: 'warn', warning: 'warn', locked: 'warn', degraded: 'warn', acknowledged: 'warn', congested: 'warn', unreachable: 'warn',
	failed: 'bad', error: 'bad', critical: 'bad', non_compliant: 'bad', refused: 'bad', lost: 'bad', missing: 'bad', split_brain: 'bad',
};

/** A state, told by colour, shape and word. @param {{state: string, text?: any, hint?: string, tone?: string}} props */
export function State({ state, text, hint, tone }) {
	if (!state)
		return html`<span class="muted">–</span>`;
	return html`<span class=${`state ${tone || tones[state] || 'idle'}`} title=${hint}><i aria-hidden="true"></i>${text || words(state)}</span>`;
}

/** @param {{tone?: string, title?: any, actions?: any, children?: any}} props */
export function Note({ tone = 'info', title, actions, children }) {
	return html`<div class=${`note ${tone}`} role=${tone === 'bad' ? 'alert' : 'note'}>
		<${Icon} name=${tone === 'info' ? 'info' : tone === 'good' ? 'check' : 'warning'} />
		<div>${title && html`<strong>${title}</strong>`}<div>${children}</div></div>
		${actions && html`<div class="actions">${actions}</div>`}</div>`;
}

/** What a view shows while it has nothing, and why. @param {{resource: any, children?: any}} props */
export function Loaded({ resource, children }) {
	const { data, problem, reload } = resource;
	if (problem && data === undefined)
		return html`<${Note} tone="bad" title="This could not be read" actions=${html`<${Button} onClick=${reload}>Try again<//>`}>${problem.message}<//>`;
	if (data === undefined)
		return html`<div class="waiting" role="status"><span class="spinner"></span>Reading …</div>`;
	return html`${problem && html`<${Note} tone="warn">${problem.message} What you see is from before.<//>`}${children(data)}`;
}

/** @param {{icon?: string, title: string, action?: any, children?: any}} props */
export function Empty({ icon = 'info', title, action, children }) {
	return html`<div class="empty"><span class="empty-icon"><${Icon} name=${icon} size=${26} /></span>
		<p class="empty-title">${title}</p><p>${children}</p>${action}</div>`;
}

/** Pairs of a name and a value. @param {{items: any[]}} props */
export function Facts({ items }) {
	return html`<dl class="facts">${items.filter(Boolean).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value ?? '–'}</dd></div>`)}</dl>`;
}

/** @param {{ms: number, isFull?: boolean}} props */
export function Time({ ms, isFull }) {
	if (!ms)
		return html`<span class="muted">never</span>`;
	return html`<time datetime=${new Date(ms).toISOString()} title=${time(ms)}>${isFull ? time(ms) : when(ms)}</time>`;
}

/** A share of a whole. @param {{label: string, value: number, max: number, text?: string, tone?: string}} props */
export function Meter({ label, value, max, text, tone }) {
	const pct = max > 0 ? Math.min(100, Math.max(0, value / max * 100)) : 0;
	const look = tone || (pct >= 90 ? 'bad' : pct >= 75 ? 'warn' : 'good');
	return html`<div class=${`meter ${look}`} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100"
		aria-valuenow=${Math.round(pct)} aria-valuetext=${text || `${Math.round(pct)} %`}><i style=${{ width: `${pct}%` }}></i></div>`;
}

/** @param {{value: string, label?: string, isBlock?: boolean}} props */
export function CopyButton({ value, label = 'Copy' }) {
	const [isDone, setDone] = useState(false);
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(value);
			setDone(true);
			setTimeout(() => setDone(false), 1500);
		} catch {
			toast({ tone: 'bad', title: 'The browser does not let us copy; mark the text and copy it by hand.' });
		}
	};
	return html`<button type="button" class="button small ghost copy" onClick=${copy} aria-live="polite">
		<${Icon} name=${isDone ? 'check' : 'copy'} size=${15} /><span>${isDone ? 'Copied' : label}</span></button>`;
}

/** Text to copy. @param {{text: string, label?: string}} props */
export function Code({ text, label }) {
	return html`<div class="code"><pre tabindex="0" aria-label=${label || 'Text to copy'}>${text}</pre><${CopyButton} value=${text} /></div>`;
}

/**
 * @param {{tabs: {key: string, title: string, count?: number}[], at: string, onPick: (key: string) => void, label: string}} props
 */
export function Tabs({ tabs, at, onPick, label }) {
	const move = event => {
		const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
		if (!step)
			return;
		const next = tabs[(tabs.findIndex(tab => tab.key === at) + step + tabs.length) % tabs.length];
		onPick(next.key);
		event.currentTarget.querySelector(`[data-tab="${next.key}"]`)?.focus();
	};
	return html`<div class="tabs" role="tablist" aria-label=${label} onKeyDown=${move}>
		${tabs.map(tab => html`<button type="button" role="tab" data-tab=${tab.key} aria-selected=${tab.key === at ? 'true' : 'false'}
			tabindex=${tab.key === at ? 0 : -1} onClick=${() => onPick(tab.key)}>${tab.title}
			${tab.count ? html`<span class="pill">${tab.count}</span>` : ''}</button>`)}</div>`;
}
