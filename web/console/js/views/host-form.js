// SPDX-License-Identifier: MIT
// host-form.js - the fields of a host.

/** @param {boolean} isKnown whether the host is there already @returns {import('../parts/fields.js').Field[]} */
export function hostFields(isKnown) {
	const usesChap = v => Boolean(v.chap_user);
	return [
		...(isKnown ? [] : [{ name: 'name', label: 'Name', isFirst: true }]),
		{ name: 'iqn', label: 'Initiator name', placeholder: 'iqn.1993-08.org.debian:01:abcdef',
			help: 'On Linux in /etc/iscsi/initiatorname.iscsi; on ESXi in the properties of the iSCSI adapter; on Windows in the iSCSI initiator, Configuration.' },
		{ name: 'addresses', label: 'Only from these addresses', type: 'lines', isOptional: true, help: 'One address or network (10.0.0.0/24) a line; empty: from anywhere.' },
		{ name: 'chap_user', label: 'CHAP user', isOptional: !isKnown, help: 'Empty: no CHAP. The hosts of one volume all use CHAP, or none does.' },
		{ name: 'generate_chap_secret', label: 'Make a secret', type: 'bool', when: usesChap, help: 'A good one, shown once.' },
		{ name: 'chap_secret', label: 'CHAP secret', type: 'password', isOptional: true, help: '12 to 16 characters; never read back.', when: v => usesChap(v) && !v.generate_chap_secret },
		{ name: 'description', label: 'Description', isOptional: !isKnown },
	];
}
