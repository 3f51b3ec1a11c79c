// SPDX-License-Identifier: MIT
// hosts.js - who may use volumes: hosts with their paths, groups, and the addresses they come by.
import { html, useState } from '../lib.js';
import { part } from '../rest.js';
import { useResource } from '../resource.js';
import { place, setQuery } from '../router.js';
import { useStore } from '../store.js';
import { time } from '../format.js';
import { change } from '../parts/act.js';
import { Button, Card, Code, Empty, Loaded, Note, Page, State, Tabs } from '../parts/basics.js';
import { Dialog, confirm } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { Table } from '../parts/table.js';
import { hostFields } from './host-form.js';
import { Portals } from './portals.js';
import { Sessions } from './volume-parts.js';

const TABS = [['hosts', 'Hosts'], ['groups', 'Groups'], ['sessions', 'Sessions'], ['portals', 'Addresses']];

function Volumes({ names }) {
	return names.length ? html`<span class="cell-main wrap">${names.slice(0, 4).map((n, i) => html`${i ? ', ' : ''}<a href=${`#/volumes/${part(n)}`}>${n}</a>`)}
		${names.length > 4 && ` and ${names.length - 4} more`}</span>` : html`<span class="muted">none</span>`;
}

function HostDialog({ host, onClose }) {
	const [secret, setSecret] = useState(/** @type {any} */ (null));
	if (secret)
		return html`<${Dialog} title=${`Host ${secret.name}`} onClose=${onClose}><${Note} tone="warn" title="Shown this once">The secret of CHAP user ${secret.chap_user}.<//>
			<${Code} text=${secret.chap_secret} label="CHAP secret" /><//>`;
	const send = async body => {
		const answer = host ? await change(`Host ${host.name}`, 'PATCH', `/hosts/${part(host.name)}`, body, { revision: host.revision })
			: await change(`Host ${body.name}`, 'POST', '/hosts', body);
		if (answer.chap_secret)
			setSecret(answer);
		else
			onClose();
	};
	return html`<${Dialog} title=${host ? `Host ${host.name}` : 'Add a host'} onClose=${onClose}><${Form} fields=${hostFields(Boolean(host))} submit="Save" role="operator" onCancel=${onClose} onSubmit=${send}
		initial=${host ? { iqn: host.iqn, addresses: host.addresses, chap_user: host.chap_user, description: host.description } : {}}>
		${host?.has_chap_secret && html`<p class="muted">It has a secret since ${time(host.chap_changed_ms)}; it stays unless you give another.</p>`}<//><//>`;
}

function Hosts() {
	const hosts = useResource('/hosts', { isList: true, watch: ['host', 'host_group', 'volume'] });
	const sessions = useResource('/iscsi-sessions', { isList: true, every_s: 5 });
	const [dialog, setDialog] = useState(/** @type {any} */ (null));
	const remove = h => confirm({
		title: `Delete host ${h.name}?`, verb: 'Delete the host', name: h.name,
		lost: html`<b>${h.name}</b> is logged out at once and loses ${h.volumes.length ? html`its volumes ${h.volumes.join(', ')}` : 'nothing: it has no volume'}. Their data stays.`,
		run: () => change(`Deletion of host ${h.name}`, 'DELETE', `/hosts/${part(h.name)}`),
	});
	const paths = h => (sessions.data || []).filter(s => s.host === h.name);
	const columns = [
		{ key: 'name', title: 'Host', cell: h => html`<span class="cell-main">${h.name}</span><span class="cell-sub mono">${h.iqn}</span>` },
		{ key: 'paths', title: 'Paths', sort: h => paths(h).length, cell: h => {
			const own = paths(h);
			return own.length ? html`<${State} state="connected" text=${`${own.length} logged in`} hint=${[...new Set(own.map(s => s.address))].join(', ')} />` : html`<span class="muted">not logged in</span>`;
		} },
		{ key: 'volumes', title: 'Volumes', isWide: true, sort: h => h.volumes.length, cell: h => html`<${Volumes} names=${h.volumes} />` },
		{ key: 'chap_user', title: 'CHAP', isWide: true, cell: h => h.chap_user ? html`${h.chap_user}${!h.has_chap_secret && html` <${State} state="warning" text="no secret" />`}` : html`<span class="muted">off</span>` },
		{ key: 'description', title: 'Description', isWide: true, cell: h => html`<span class="cell-main wrap">${h.description}</span>` },
		{ key: 'act', title: 'Actions', isAction: true, cell: h => html`<div class="actions"><${Button} role="operator" kind="ghost" icon="edit" hint=${`Change ${h.name}`} onClick=${() => setDialog(h)} />
			<${Button} role="operator" kind="ghost" icon="trash" hint=${`Delete ${h.name}`} onClick=${() => remove(h)} /></div>` },
	];
	const add = html`<${Button} kind="primary" role="operator" icon="plus" onClick=${() => setDialog('new')}>Add a host<//>`;
	return html`<${Loaded} resource=${hosts}>${rows => html`<${Card} isFlush title="Hosts" actions=${rows.length > 0 && add}><${Table} label="hosts" rows=${rows} columns=${columns} rowKey=${h => h.name}
		search=${h => `${h.name} ${h.iqn} ${h.description} ${h.volumes.join(' ')}`} empty=${html`<${Empty} icon="host" title="No host is known" action=${add}>Add the machines that are to use volumes, each by the name of its initiator.<//>`} /><//>`}<//>
		${dialog && html`<${HostDialog} host=${dialog === 'new' ? null : dialog} onClose=${() => setDialog(null)} />`}`;
}

function GroupDialog({ group, onClose }) {
	const hosts = useResource('/hosts', { isList: true });
	const fields = [...(group ? [] : [{ name: 'name', label: 'Name', isFirst: true }]), { name: 'description', label: 'Description', isOptional: !group },
		{ name: 'members', label: 'Members', type: 'pick', choices: (hosts.data || []).map(h => ({ value: h.name, help: h.iqn })) }];
	return html`<${Dialog} title=${group ? `Group ${group.name}` : 'Add a group'} onClose=${onClose}>${hosts.data && html`<${Form} fields=${fields} submit="Save" role="operator" onCancel=${onClose}
		initial=${group ? { description: group.description, members: group.members } : { members: [] }} onSubmit=${async body => {
			if (group)
				await change(`Group ${group.name}`, 'PATCH', `/host-groups/${part(group.name)}`, body, { revision: group.revision });
			else
				await change(`Group ${body.name}`, 'POST', '/host-groups', body);
			onClose();
		}} />`}<//>`;
}

function Groups() {
	const groups = useResource('/host-groups', { isList: true, watch: ['host_group', 'host'] });
	const [dialog, setDialog] = useState(/** @type {any} */ (null));
	const remove = g => confirm({
		title: `Delete group ${g.name}?`, verb: 'Delete the group', name: g.name,
		lost: html`Its members (${g.members.join(', ') || 'none'}) lose what they may use through it: ${g.volumes.join(', ') || 'nothing'}. Hosts and data stay.`,
		run: () => change(`Deletion of group ${g.name}`, 'DELETE', `/host-groups/${part(g.name)}`),
	});
	const columns = [
		{ key: 'name', title: 'Group', cell: g => html`<span class="cell-main">${g.name}</span><span class="cell-sub">${g.description}</span>` },
		{ key: 'members', title: 'Members', sort: g => g.members.length, cell: g => html`<span class="cell-main wrap">${g.members.join(', ') || 'none'}</span>` },
		{ key: 'volumes', title: 'Volumes', isWide: true, sort: g => g.volumes.length, cell: g => html`<${Volumes} names=${g.volumes} />` },
		{ key: 'act', title: 'Actions', isAction: true, cell: g => html`<div class="actions"><${Button} role="operator" kind="ghost" icon="edit" hint=${`Change ${g.name}`} onClick=${() => setDialog(g)} />
			<${Button} role="operator" kind="ghost" icon="trash" hint=${`Delete ${g.name}`} onClick=${() => remove(g)} /></div>` },
	];
	const add = html`<${Button} kind="primary" role="operator" icon="plus" onClick=${() => setDialog('new')}>Add a group<//>`;
	return html`<${Loaded} resource=${groups}>${rows => html`<${Card} isFlush title="Groups" actions=${rows.length > 0 && add}><${Table} label="groups" rows=${rows} columns=${columns} rowKey=${g => g.name}
		empty=${html`<${Empty} icon="host" title="There is no group" action=${add}>A group is for hosts that share volumes, such as a cluster: a host that joins it gets them all.<//>`} /><//>`}<//>
		${dialog && html`<${GroupDialog} group=${dialog === 'new' ? null : dialog} onClose=${() => setDialog(null)} />`}`;
}

export function HostsView() {
	const at = useStore(place).query.get('tab') || 'hosts';
	return html`<${Page} title="Hosts" sub="Machines that use volumes. Only who is named here gets in.">
		<${Tabs} label="Hosts and their ways" tabs=${TABS.map(([key, title]) => ({ key, title }))} at=${at} onPick=${key => setQuery({ tab: key === 'hosts' ? '' : key })} />
		<div role="tabpanel" aria-label=${TABS.find(([key]) => key === at)?.[1]}>${at === 'hosts' && html`<${Hosts} />`}${at === 'groups' && html`<${Groups} />`}
			${at === 'sessions' && html`<${Sessions} />`}${at === 'portals' && html`<${Portals} />`}</div><//>`;
}
