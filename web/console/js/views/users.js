// SPDX-License-Identifier: MIT
// users.js - who may sign in, tokens for programs, and the browsers that are signed in.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { place, setQuery } from '../router.js';
import { session } from '../session.js';
import { useStore } from '../store.js';
import { change, useAct } from '../parts/act.js';
import { Button, Card, Code, Empty, Loaded, Note, Page, State, Tabs, Time } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';

const ROLE = { name: 'role', label: 'Role', type: 'choice', choices: [{ value: 'viewer', text: 'Viewer: reads' }, { value: 'operator', text: 'Operator: also runs volumes, hosts and policies' },
	{ value: 'admin', text: 'Administrator: also deletes data and manages users' }] };
const PASSWORD = { name: 'password', label: 'Password', type: 'password', help: '12 characters or more; several words are easier to keep than odd signs.' };

function UserDialog({ user, onClose }) {
	const fields = user ? [ROLE, { name: 'is_enabled', label: 'May sign in', type: 'bool' }, { ...PASSWORD, label: 'New password', isOptional: true }] : [{ name: 'name', label: 'Name', isFirst: true }, ROLE, PASSWORD];
	return html`<${Dialog} title=${user ? user.name : 'Add a user'} onClose=${onClose}>${user && html`<p class="muted">A change ends the user's sessions.</p>`}
		<${Form} fields=${fields} initial=${user ? { role: user.role, is_enabled: user.is_enabled, password: '' } : { role: 'viewer' }} submit="Save" role="admin" onCancel=${onClose} onSubmit=${async body => {
			if (user)
				await change(`User ${user.name}`, 'PATCH', `/users/${part(user.name)}`, body, { revision: user.revision });
			else
				await change(`User ${body.name}`, 'POST', '/users', body);
			onClose();
		}} /><//>`;
}

function UserList() {
	const users = useResource('/users', { isList: true, watch: ['user'], every_s: 20 });
	const [dialog, setDialog] = useState(/** @type {any} */ (null));
	const remove = u => confirm({ title: `Delete user ${u.name}?`, verb: 'Delete', name: u.name, lost: html`<b>${u.name}</b> is signed out and cannot sign in any more. What the audit says of ${u.name} stays.`,
		run: () => change(`Deletion of ${u.name}`, 'DELETE', `/users/${part(u.name)}`).then(users.reload) });
	const columns = [
		{ key: 'name', title: 'User', cell: u => html`<span class="cell-main">${u.name}${u.name === session.get().name ? ' (you)' : ''}</span>` },
		{ key: 'role', title: 'Role' },
		{ key: 'state', title: 'State', cell: u => html`<${State} state=${!u.is_enabled ? 'off' : u.locked_until_ms > Date.now() ? 'locked' : 'enabled'} text=${!u.is_enabled ? 'disabled' : undefined} />` },
		{ key: 'last_login_ms', title: 'Last signed in', isWide: true, cell: u => html`<${Time} ms=${u.last_login_ms} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: u => html`<div class="actions"><${Button} role="admin" kind="ghost" icon="edit" hint=${`Change ${u.name}`} onClick=${() => setDialog(u)} />
			<${Button} role="admin" kind="ghost" icon="trash" hint=${`Delete ${u.name}`} onClick=${() => remove(u)} /></div>` },
	];
	return html`<${Loaded} resource=${users}>${rows => html`<${Card} isFlush title="Users" actions=${html`<${Button} kind="primary" role="admin" icon="plus" onClick=${() => setDialog('new')}>Add a user<//>`}>
		<${Table} label="users" rows=${rows} columns=${columns} rowKey=${u => u.name} /><//>`}<//>
		${dialog && html`<${UserDialog} user=${dialog === 'new' ? null : dialog} onClose=${() => {
			setDialog(null);
			users.reload();
		}} />`}`;
}

const DAY_S = 86400;

function TokenDialog({ onClose }) {
	const [made, setMade] = useState(/** @type {any} */ (null));
	if (made)
		return html`<${Dialog} title=${`Token ${made.name}`} onClose=${onClose}><${Note} tone="warn" title="Shown this once">Requests bear it as "Authorization: Bearer ...".<//><${Code} text=${made.token} label="Token" /><//>`;
	const fields = [{ name: 'name', label: 'Name', isFirst: true, help: 'What it is for.' }, ROLE, { name: 'days', label: 'Ends after', type: 'number', unit: 'days' }];
	return html`<${Dialog} title="Make a token" onClose=${onClose}><${Form} fields=${fields} initial=${{ role: 'operator', days: '90' }} submit="Make the token" role="admin" onCancel=${onClose}
		onSubmit=${async body => setMade(await change(`Token ${body.name}`, 'POST', '/tokens', { name: body.name, role: body.role, expires_in_s: Math.round(Number(body.days) * DAY_S) }))} /><//>`;
}

function TokenList() {
	const tokens = useResource('/tokens', { isList: true, watch: ['token'] });
	const [isAdding, setAdding] = useState(false);
	const remove = t => confirm({ title: `Delete token ${t.name}?`, verb: 'Delete', name: t.name, lost: html`What uses <b>${t.name}</b> is refused from now on.`,
		run: () => change(`Deletion of token ${t.name}`, 'DELETE', `/tokens/${part(t.name)}`).then(tokens.reload) });
	const columns = [
		{ key: 'name', title: 'Token', cell: t => html`<span class="cell-main">${t.name}</span><span class="cell-sub">made by ${t.user || 'local root'}</span>` }, { key: 'role', title: 'Role' },
		{ key: 'expires_ms', title: 'Ends', cell: t => html`<${Time} ms=${t.expires_ms} />` }, { key: 'last_used_ms', title: 'Last used', isWide: true, cell: t => html`<${Time} ms=${t.last_used_ms} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: t => html`<${Button} role="admin" kind="ghost" icon="trash" hint=${`Delete ${t.name}`} onClick=${() => remove(t)} />` },
	];
	const add = html`<${Button} kind="primary" role="admin" icon="plus" onClick=${() => setAdding(true)}>Make a token<//>`;
	return html`<${Loaded} resource=${tokens}>${rows => html`<${Card} isFlush title="Tokens" actions=${rows.length > 0 && add}><${Table} label="tokens" rows=${rows} columns=${columns} rowKey=${t => t.name}
		empty=${html`<${Empty} icon="key" title="There is no token" action=${add}>Programs and scripts use tokens instead of a password.<//>`} /><//>`}<//>
		${isAdding && html`<${TokenDialog} onClose=${() => {
			setAdding(false);
			tokens.reload();
		}} />`}`;
}

function SessionList() {
	const sessions = useResource('/sessions', { isList: true, every_s: 20 });
	const [isBusy, run] = useAct();
	const columns = [
		{ key: 'user', title: 'User', cell: s => html`<span class="cell-main">${s.user}${s.is_current ? ' (this browser)' : ''}</span><span class="cell-sub">${s.agent}</span>` }, { key: 'address', title: 'From', isWide: true },
		{ key: 'last_seen_ms', title: 'Last seen', cell: s => html`<${Time} ms=${s.last_seen_ms} />` }, { key: 'expires_ms', title: 'Ends at the latest', isWide: true, cell: s => html`<${Time} ms=${s.expires_ms} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: s => html`<${Button} role="admin" isSmall isBusy=${isBusy} onClick=${() => run(`Session of ${s.user}`, 'DELETE', `/sessions/${s.id}`).then(sessions.reload)}>End<//>` },
	];
	return html`<${Loaded} resource=${sessions}>${rows => html`<${Card} isFlush title="Signed in now"><${Table} label="browser sessions" rows=${rows} columns=${columns} rowKey=${s => s.id} /><//>`}<//>`;
}

export function Users() {
	const at = useStore(place).query.get('tab') || 'users';
	return html`<${Page} title="Users and tokens"><${Tabs} label="Users and tokens" tabs=${[{ key: 'users', title: 'Users' }, { key: 'tokens', title: 'Tokens' }, { key: 'sessions', title: 'Browsers' }]} at=${at}
		onPick=${key => setQuery({ tab: key === 'users' ? '' : key })} />
		<div role="tabpanel" aria-label=${at}>${at === 'users' && html`<${UserList} />`}${at === 'tokens' && html`<${TokenList} />`}${at === 'sessions' && html`<${SessionList} />`}</div><//>`;
}
