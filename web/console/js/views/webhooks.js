// SPDX-License-Identifier: MIT
// webhooks.js - where events are sent, signed.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Code, Empty, Loaded, Note, Page, State, Time } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';
import { SettingDialog } from './setting.js';

const fields = isKnown => [
	...(isKnown ? [] : [{ name: 'name', label: 'Name', isFirst: true }]),
	{ name: 'url', label: 'Address', placeholder: 'https://example.org/hook', help: 'Its host has to be allowed first: Destinations, above.' },
	{ name: 'min_severity', label: 'From severity', type: 'choice', choices: ['info', 'warning', 'error', 'critical'].map(value => ({ value })) },
	{ name: 'kinds', label: 'Only these kinds', type: 'lines', help: 'One a line, such as "volume.*" or "alert.raised"; empty: all.' },
	{ name: 'is_enabled', label: 'Enabled', type: 'bool' },
];

function HookDialog({ hook, onClose }) {
	const [made, setMade] = useState(/** @type {any} */ (null));
	if (made)
		return html`<${Dialog} title=${made.name} onClose=${onClose}><${Note} tone="warn" title="Shown this once">The secret with which requests are signed (HMAC-SHA-256); the receiver checks them by it.<//><${Code} text=${made.secret} label="Secret" /><//>`;
	return html`<${Dialog} title=${hook ? hook.name : 'Add a webhook'} onClose=${onClose}><${Form} fields=${fields(Boolean(hook))} submit="Save" role="admin" onCancel=${onClose}
		initial=${hook || { min_severity: 'warning', kinds: [], is_enabled: true }} onSubmit=${async body => {
			if (hook) {
				await change(`Webhook ${hook.name}`, 'PATCH', `/webhooks/${part(hook.name)}`, body, { revision: hook.revision });
				onClose();
			} else {
				setMade(await change(`Webhook ${body.name}`, 'POST', '/webhooks', body));
			}
		}} /><//>`;
}

export function Webhooks() {
	const hooks = useResource('/webhooks', { isList: true, watch: ['webhook', 'task'], every_s: 10 });
	const settings = useResource('/settings', { isList: true });
	const [dialog, setDialog] = useState(/** @type {any} */ (null));
	const [isBusy, run] = useAct();
	const allow = settings.data?.find(s => s.key === 'egress_allow');
	const remove = h => confirm({ title: `Delete webhook ${h.name}?`, verb: 'Delete', name: h.name, lost: html`<b>${h.url}</b> gets no more events. Its secret is lost.`,
		run: () => change(`Deletion of ${h.name}`, 'DELETE', `/webhooks/${part(h.name)}`).then(hooks.reload) });
	const columns = [
		{ key: 'name', title: 'Webhook', cell: h => html`<span class="cell-main">${h.name}</span><span class="cell-sub mono">${h.url}</span>` },
		{ key: 'min_severity', title: 'From', isWide: true, cell: h => html`${h.min_severity} <span class="muted">${h.kinds.join(', ')}</span>` },
		{ key: 'last_status', title: 'Last answer', isWide: true, cell: h => html`<span class="cell-main wrap">${h.last_status || html`<span class="muted">none yet</span>`}</span>` },
		{ key: 'last_attempt_ms', title: 'Last sent', isWide: true, cell: h => html`<${Time} ms=${h.last_attempt_ms} />` },
		{ key: 'state', title: 'State', cell: h => html`<${State} state=${!h.is_enabled ? 'off' : h.failures ? 'failed' : 'enabled'} text=${h.failures ? `failed ${h.failures} times` : undefined} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: h => html`<div class="actions"><${Button} role="admin" isSmall isBusy=${isBusy} onClick=${() => run(`Test of ${h.name}`, 'POST', `/webhooks/${part(h.name)}/test`, {})}>Test<//>
			<${Button} role="admin" kind="ghost" icon="edit" hint=${`Change ${h.name}`} onClick=${() => setDialog(h)} /><${Button} role="admin" kind="ghost" icon="trash" hint=${`Delete ${h.name}`} onClick=${() => remove(h)} /></div>` },
	];
	const add = html`<${Button} kind="primary" role="admin" icon="plus" onClick=${() => setDialog('new')}>Add a webhook<//>`;
	const close = () => {
		setDialog(null);
		hooks.reload();
		settings.reload();
	};
	return html`<${Page} title="Webhooks" sub="Events and alerts, sent elsewhere as they happen." actions=${html`<${Button} role="admin" onClick=${() => setDialog('allow')}>Destinations<//>${add}`}>
		<${Loaded} resource=${hooks}>${rows => html`<${Card} isFlush><${Table} label="webhooks" rows=${rows} columns=${columns} rowKey=${h => h.name}
			empty=${html`<${Empty} icon="webhook" title="Nothing is sent anywhere" action=${add}>First allow the destination, then add the webhook: what this appliance may reach is closed otherwise.<//>`} /><//>`}<//>
		${dialog === 'allow' && allow && html`<${SettingDialog} setting=${allow} onClose=${close} />`}
		${dialog && dialog !== 'allow' && html`<${HookDialog} hook=${dialog === 'new' ? null : dialog} onClose=${close} />`}<//>`;
}
