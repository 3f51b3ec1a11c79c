// SPDX-License-Identifier: MIT
// datastore-form.js - the fields of a new datastore.

/** @type {import('../parts/fields.js').Field[]} */
export const datastoreFields = [
	{ name: 'name', label: 'Name', help: 'Letters, digits, ".", "_" and "-". It never changes.', isFirst: true },
	{ name: 'type', label: 'Kind', type: 'choice', choices: [
		{ value: 'dir', text: 'A directory: sparse files' }, { value: 'block', text: 'A block device' }, { value: 'mem', text: 'Memory: lost at a restart' }] },
	{ name: 'path', label: 'Path', placeholder: '/srv/sluice/main', when: v => v.type !== 'mem',
		help: 'An existing directory of its own, or a device by its lasting name, /dev/disk/by-id/...' },
	{ name: 'is_buffered', label: 'Through the page cache', type: 'bool', when: v => v.type === 'dir',
		help: 'Off: direct I/O, which most file systems support and which keeps memory free.' },
	{ name: 'overcommit_limit_pct', label: 'Overcommit limit', type: 'number', unit: '%', isOptional: true,
		help: 'How much may be promised to thin volumes, in percent of the capacity. 0 is no limit.' },
	{ name: 'description', label: 'Description', isOptional: true },
];
