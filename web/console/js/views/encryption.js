// SPDX-License-Identifier: MIT
// encryption.js - keys and who keeps them, and what is encrypted with them. No key ever comes to a browser.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { place, setQuery } from '../router.js';
import { useStore } from '../store.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Empty, Loaded, Page, State, Tabs, Time } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';
import { EncryptedVolumes } from './encryption-volumes.js';
import { Providers } from './key-providers.js';

function KeyDialog({ onClose }) {
	const providers = useResource('/key-providers', { isList: true });
	const fields = [{ name: 'name', label: 'Name', isFirst: true, help: 'Policies name the key by it.' },
		{ name: 'provider', label: 'Kept by', type: 'choice', choices: (providers.data || []).map(p => ({ value: p.name, text: `${p.name} (${p.state})` })) },
		{ name: 'description', label: 'Description', isOptional: true },
		{ name: 'provider_key_id', label: 'Take over a key that is there already', isOptional: true, help: 'Its identifier at the provider; empty: a new one is made.' }];
	return html`<${Dialog} title="Make a key" onClose=${onClose}>${providers.data && html`<${Form} fields=${fields} initial=${{ provider: providers.data[0]?.name }} submit="Make the key" role="admin" onCancel=${onClose} onSubmit=${async body => {
		await change(`Key ${body.name}`, 'POST', '/keys', body);
		onClose();
	}} />`}<//>`;
}

function KeyDetail({ name, onClose }) {
	const key = useResource(`/keys/${part(name)}`, { watch: ['key', 'volume', 'task'], every_s: 5 });
	return html`<${Dialog} title=${`Key ${name}`} onClose=${onClose} isWide><${Loaded} resource=${key}>${k => {
		const newest = k.volumes.filter(v => v.version === k.version).length;
		return html`${k.state_text && html`<p class="muted">${k.state_text}</p>`}
			<h3 class="part">Volumes</h3>${k.volumes.length ? html`<p class="muted">${newest} of ${k.volumes.length} are on version ${k.version}.</p>
				<div class="progress" role="progressbar" aria-label="Rotation" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(newest / k.volumes.length * 100)}><i style=${{ width: `${newest / k.volumes.length * 100}%` }}></i></div>
				<ul class="lines">${k.volumes.map(v => html`<li><a class="cell-main" href=${`#/volumes/${part(v.volume)}`}>${v.volume}</a><span class="muted">${v.is_formatted ? `version ${v.version}` : 'not formatted yet'}</span></li>`)}</ul>`
				: html`<p class="muted">No volume needs it.</p>`}
			<h3 class="part">Versions</h3><ul class="lines">${k.versions.map(v => html`<li><b>v${v.version}</b><span class="cell-main mono">${v.provider_key_id}</span><${State} state=${v.state} /><span class="muted"><${Time} ms=${v.created_ms} /></span></li>`)}</ul>`;
	}}<//><//>`;
}

function Keys() {
	const keys = useResource('/keys', { isList: true, watch: ['key', 'key_provider', 'task'], every_s: 10 });
	const [dialog, setDialog] = useState(/** @type {any} */ (null));
	const [isBusy, run] = useAct();
	const rotate = k => confirm({ title: `Rotate key ${k.name}?`, verb: 'Rotate', run: () => change(`Rotation of ${k.name}`, 'POST', `/keys/${part(k.name)}/rotate`, {}),
		lost: html`A new version is made, and each volume's header is sealed with it. Data is not written anew; hosts notice nothing. Copies of headers from before open with the old version only.` });
	const remove = k => confirm({ title: `Delete key ${k.name}?`, verb: 'Delete the key', name: k.name,
		lost: html`<b>${k.name}</b> is forgotten here and stays at its provider. Images encrypted with it can be opened only by who has it there. The server refuses this while a volume needs it.`,
		run: () => change(`Deletion of key ${k.name}`, 'DELETE', `/keys/${part(k.name)}`) });
	const destroy = k => confirm({ title: `Destroy key ${k.name}?`, verb: 'Destroy the key', name: k.name,
		lost: html`All versions of <b>${k.name}</b> are destroyed at ${k.provider}, for ever. Whatever was encrypted with it, every export and every backup of an image too, can never be read again.`,
		run: () => change(`Destruction of key ${k.name}`, 'DELETE', `/keys/${part(k.name)}?destroy=true&confirm=${part(k.name)}`) });
	const columns = [
		{ key: 'name', title: 'Key', cell: k => html`<button type="button" class="link-button cell-main" onClick=${() => setDialog(k.name)}>${k.name}</button><span class="cell-sub">${k.description}</span>` },
		{ key: 'provider', title: 'Kept by', isWide: true }, { key: 'version', title: 'Version', align: 'right', isWide: true, cell: k => k.version || 'none yet' },
		{ key: 'state', title: 'State', cell: k => html`<${State} state=${k.state} hint=${k.state_text} />` },
		{ key: 'rotated_ms', title: 'Rotated', isWide: true, cell: k => html`<${Time} ms=${k.rotated_ms} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: k => html`<div class="actions"><${Button} role="admin" isSmall isBusy=${isBusy} onClick=${() => rotate(k)}>Rotate<//>
			<${Button} role="admin" kind="ghost" icon="trash" hint=${`Delete ${k.name}`} onClick=${() => remove(k)} /><${Button} role="admin" kind="ghost" icon="warning" hint=${`Destroy ${k.name}`} onClick=${() => destroy(k)} /></div>` },
	];
	const add = html`<${Button} kind="primary" role="admin" icon="plus" onClick=${() => setDialog({})}>Make a key<//>`;
	return html`<${Loaded} resource=${keys}>${rows => html`<${Card} isFlush title="Keys" actions=${rows.length > 0 && add}><${Table} label="keys" rows=${rows} columns=${columns} rowKey=${k => k.name}
		empty=${html`<${Empty} icon="key" title="There is no key" action=${add}>First a provider that keeps keys, then a key, then a policy that names it.<//>`} /><//>`}<//>
		${typeof dialog === 'string' && html`<${KeyDetail} name=${dialog} onClose=${() => setDialog(null)} />`}
		${dialog && typeof dialog !== 'string' && html`<${KeyDialog} onClose=${() => setDialog(null)} />`}`;
}

export function Encryption() {
	const at = useStore(place).query.get('tab') || 'volumes';
	return html`<${Page} title="Encryption" sub="Volumes whose blocks are unreadable without their key. A running volume goes on when its key's provider is away.">
		<${Tabs} label="Encryption" tabs=${[{ key: 'volumes', title: 'Volumes' }, { key: 'keys', title: 'Keys' }, { key: 'providers', title: 'Providers' }]} at=${at} onPick=${key => setQuery({ tab: key === 'volumes' ? '' : key })} />
		<div role="tabpanel" aria-label=${at}>${at === 'volumes' && html`<${EncryptedVolumes} />`}${at === 'keys' && html`<${Keys} />`}${at === 'providers' && html`<${Providers} />`}</div><//>`;
}
