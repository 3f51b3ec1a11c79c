// SPDX-License-Identifier: MIT
// routes.js - every view: its address, its module, which is fetched when it is first opened, and its place in the
// navigation. "role" is the least that may read it: the server refuses it to others.

/**
 * @typedef {{path: string, view: () => Promise<any>, name: string, title?: string, icon?: string, group?: string, role?: string, under?: string}} Route
 *          title, icon, group: an entry of the navigation; under: the entry that is marked for a view without one
 */

/** @type {Route[]} */
export const routes = [
	{ path: '/', view: () => import('./views/dashboard.js'), name: 'Dashboard', title: 'Dashboard', icon: 'dashboard', group: '' },
	{ path: '/volumes', view: () => import('./views/volumes.js'), name: 'Volumes', title: 'Volumes', icon: 'volume', group: 'Storage' },
	{ path: '/volumes/new', view: () => import('./views/volume-create.js'), name: 'VolumeCreate', under: '/volumes', role: 'operator' },
	{ path: '/volumes/:name', view: () => import('./views/volume.js'), name: 'Volume', under: '/volumes' },
	{ path: '/volumes/:name/connect', view: () => import('./views/connect.js'), name: 'Connect', under: '/volumes' },
	{ path: '/hosts', view: () => import('./views/hosts.js'), name: 'HostsView', title: 'Hosts', icon: 'host', group: 'Storage' },
	{ path: '/datastores', view: () => import('./views/datastores.js'), name: 'Datastores', title: 'Datastores', icon: 'datastore', group: 'Storage' },
	{ path: '/policies', view: () => import('./views/policies.js'), name: 'Policies', title: 'Policies', icon: 'policy', group: 'Services' },
	{ path: '/policies/:name', view: () => import('./views/policy.js'), name: 'Policy', under: '/policies' },
	{ path: '/policies/:name/edit', view: () => import('./views/policy-edit.js'), name: 'PolicyEdit', under: '/policies', role: 'operator' },
	{ path: '/io-control', view: () => import('./views/io-control.js'), name: 'IoControl', title: 'I/O control', icon: 'gauge', group: 'Services' },
	{ path: '/cache', view: () => import('./views/cache.js'), name: 'Cache', title: 'Cache', icon: 'cache', group: 'Services' },
	{ path: '/encryption', view: () => import('./views/encryption.js'), name: 'Encryption', title: 'Encryption', icon: 'lock', group: 'Services' },
	{ path: '/replication', view: () => import('./views/replication.js'), name: 'Replication', title: 'Replication', icon: 'replica', group: 'Services' },
	{ path: '/snapshots', view: () => import('./views/snapshots.js'), name: 'Snapshots', title: 'Snapshots', icon: 'copy', group: 'Services' },
	{ path: '/tasks', view: () => import('./views/tasks.js'), name: 'Tasks', title: 'Tasks', icon: 'task', group: 'Watch' },
	{ path: '/tasks/:id', view: () => import('./views/task.js'), name: 'Task', under: '/tasks' },
	{ path: '/events', view: () => import('./views/events.js'), name: 'Events', title: 'Events', icon: 'event', group: 'Watch' },
	{ path: '/alerts', view: () => import('./views/alerts.js'), name: 'Alerts', title: 'Alerts', icon: 'bell', group: 'Watch' },
	{ path: '/audit', view: () => import('./views/audit.js'), name: 'Audit', title: 'Audit', icon: 'audit', group: 'Watch', role: 'admin' },
	{ path: '/webhooks', view: () => import('./views/webhooks.js'), name: 'Webhooks', title: 'Webhooks', icon: 'webhook', group: 'Appliance', role: 'admin' },
	{ path: '/users', view: () => import('./views/users.js'), name: 'Users', title: 'Users and tokens', icon: 'user', group: 'Appliance', role: 'admin' },
	{ path: '/config', view: () => import('./views/config.js'), name: 'Config', title: 'Configuration', icon: 'config', group: 'Appliance', role: 'admin' },
	{ path: '/settings', view: () => import('./views/settings.js'), name: 'Settings', title: 'System', icon: 'settings', group: 'Appliance' },
	{ path: '/account', view: () => import('./views/account.js'), name: 'Account' },
];
