// SPDX-License-Identifier: MIT
// key-providers.js - who keeps keys: keystores of this appliance, and key servers.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { words } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Empty, Facts, Loaded, Note, State, Time } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';

const native = v => v.type === 'native', kmip = v => v.type === 'kmip';
const pem = (name, label, help) => ({ name, label, type: 'text', rows: 4, when: kmip, help });
const newFields = [
	{ name: 'name', label: 'Name', isFirst: true },
	{ name: 'type', label: 'Kind', type: 'choice', choices: [{ value: 'native', text: 'A keystore on this appliance' }, { value: 'kmip', text: 'A key server (KMIP)' }] },
	{ name: 'opened_by', label: 'Opened by', type: 'choice', when: native, help: 'What has to be there after a start before encrypted volumes open.',
		choices: [{ value: 'passphrase', text: 'A passphrase that somebody types' }, { value: 'credential', text: 'A credential of systemd' }, { value: 'key_file', text: 'A key file' }] },
	{ name: 'passphrase', label: 'Passphrase', type: 'password', when: v => native(v) && v.opened_by === 'passphrase', help: 'Whoever loses it loses every key in the keystore, and with them the data.' },
	{ name: 'opened_from', label: 'From', when: v => native(v) && v.opened_by !== 'passphrase', help: 'The credential\'s name, or the key file\'s absolute path.' },
	{ name: 'servers', label: 'Servers', type: 'lines', when: kmip, help: 'One "host:5696" a line, in the order in which they are asked. Each has to be allowed as "kmip://host:5696" under System, Egress allow.' },
	{ name: 'server_name', label: 'Name in their certificates', isOptional: true, when: kmip },
	pem('ca_certificates', 'Certificates of who signs for them', 'PEM.'), pem('client_certificate', 'Certificate of this appliance', 'PEM.'), pem('client_key', 'Its private key', 'PEM, without a passphrase; never read back.'),
	{ name: 'description', label: 'Description', isOptional: true },
];
const passphrase = [{ name: 'passphrase', label: 'Passphrase', type: 'password', autocomplete: 'current-password', isFirst: true }];
const bundle = [{ name: 'file', label: 'File in the transfer folder', isFirst: true }, { name: 'passphrase', label: 'Passphrase of the bundle', type: 'password' }];

/* Small windows with one form each: title, fields, button, path. */
const forms = {
	unlock: ['Unlock', passphrase, 'Unlock', 'operator'], export: ['Export the keys of', bundle, 'Export', 'admin'], import: ['Import keys into', bundle, 'Import', 'admin'],
};

function Provider({ provider, onDialog }) {
	const [isBusy, run] = useAct();
	const path = `/key-providers/${part(provider.name)}`;
	const remove = () => confirm({ title: `Delete provider ${provider.name}?`, verb: 'Delete', name: provider.name,
		lost: html`${provider.type === 'native' ? html`The keystore and <b>every key in it</b> are lost; what was encrypted with them can never be read again.` : html`The way to <b>${provider.servers.join(', ')}</b> is forgotten; keys stay there.`}
			The server refuses this while keys are of it.`, run: () => change(`Deletion of ${provider.name}`, 'DELETE', path) });
	return html`<${Card} title=${html`${provider.name} <${State} state=${provider.state} />`} sub=${provider.description} actions=${html`
		${provider.type === 'native' && provider.state !== 'ok' && html`<${Button} role="operator" kind="primary" isSmall icon="key" onClick=${() => onDialog('unlock', provider)}>Unlock<//>`}
		<${Button} role="operator" isSmall isBusy=${isBusy} onClick=${() => run(`Test of ${provider.name}`, 'POST', `${path}/test`, {})}>Test<//>
		${provider.type === 'native' && html`<${Button} role="admin" isSmall onClick=${() => onDialog('export', provider)}>Export<//><${Button} role="admin" isSmall onClick=${() => onDialog('import', provider)}>Import<//>`}
		<${Button} role="admin" kind="ghost" isSmall icon="trash" hint=${`Delete ${provider.name}`} onClick=${remove} />`}>
		${provider.state_text && html`<${Note} tone=${provider.state === 'ok' ? 'good' : provider.state === 'pending' ? 'info' : 'warn'}>${provider.state_text}<//>`}
		<${Facts} items=${[['Kind', provider.type === 'native' ? 'keystore of this appliance' : 'key server (KMIP)'], provider.type === 'native' ? ['Opened by', words(provider.opened_by)] : ['Servers', provider.servers.join(', ')],
			['Since', html`<${Time} ms=${provider.state_since_ms} />`]]} /><//>`;
}

export function Providers() {
	const list = useResource('/key-providers', { isList: true, watch: ['key_provider', 'task'], every_s: 5 });
	const [dialog, setDialog] = useState(/** @type {any} */ (null));
	const close = () => {
		setDialog(null);
		list.reload();
	};
	const add = html`<${Button} kind="primary" role="admin" icon="plus" onClick=${() => setDialog({ what: 'new' })}>Add a provider<//>`;
	const form = dialog && forms[dialog.what];
	return html`<div class="toolbar end">${list.data?.length ? add : ''}</div><${Loaded} resource=${list}>${rows => rows.length ? html`<div class="charts two">${rows.map(p => html`<${Provider} key=${p.name} provider=${p} onDialog=${(what, provider) => setDialog({ what, provider })} />`)}</div>`
		: html`<${Card}><${Empty} icon="key" title="Nobody keeps keys yet" action=${add}>A keystore on this appliance is quickest; a key server keeps keys where the disks are not.<//><//>`}<//>
		${dialog?.what === 'new' && html`<${Dialog} title="Add a provider" onClose=${close} isWide><${Form} fields=${newFields} initial=${{ type: 'native', opened_by: 'passphrase' }} submit="Add" role="admin" onCancel=${close} onSubmit=${async body => {
			await change(`Provider ${body.name}`, 'POST', '/key-providers', body);
			close();
		}} /><//>`}
		${form && html`<${Dialog} title=${`${form[0]} ${dialog.provider.name}`} onClose=${close}><${Form} fields=${form[1]} submit=${form[2]} role=${form[3]} onCancel=${close} onSubmit=${async body => {
			await change(`${form[0]} ${dialog.provider.name}`, 'POST', `/key-providers/${part(dialog.provider.name)}/${dialog.what}`, body);
			close();
		}} /><//>`}`;
}
