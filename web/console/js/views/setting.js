// SPDX-License-Identifier: MIT
// setting.js - the form of one setting, made from what the server says of it.
import { html } from '../lib.js';
import { part } from '../rest.js';
import { label } from '../format.js';
import { change } from '../parts/act.js';
import { Dialog } from '../parts/dialog.js';
import { Form } from '../parts/form.js';

function typeOf(setting) {
	if (Array.isArray(setting.value))
		return 'lines';
	return { number: 'number', boolean: 'bool' }[typeof setting.value] || 'line';
}

/** @param {{setting: any, onClose: () => void}} props */
export function SettingDialog({ setting, onClose }) {
	const type = typeOf(setting);
	const field = { name: 'value', label: label(setting.key), type, unit: setting.unit || undefined, help: type === 'lines' ? `${setting.help} One a line.` : setting.help, isFirst: true };
	return html`<${Dialog} title=${label(setting.key)} onClose=${onClose}><${Form} fields=${[field]} initial=${{ value: setting.value }} submit="Save" role="admin" onCancel=${onClose} onSubmit=${async body => {
		await change(label(setting.key), 'PUT', `/settings/${part(setting.key)}`, { value: body.value });
		onClose();
	}} /><//>`;
}
