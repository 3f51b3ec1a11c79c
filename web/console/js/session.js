// SPDX-License-Identifier: MIT
// session.js - who is signed in, and what they may do. The session itself is in a cookie that no script can read;
// the token against forged requests is kept for all windows of this browser.
import { ask, guard } from './rest.js';
import { kept, makeStore } from './store.js';

const CSRF = 'sluice-csrf';
const ranks = { viewer: 1, operator: 2, admin: 3 };

/**
 * state: "unknown" until the server was asked; "setup": nobody can sign in yet; "out"; "ended": was in; "in".
 * @typedef {{state: string, name: string, role: string}} Session
 */
/** @type {import('./store.js').Store<Session>} */
export const session = makeStore({ state: 'unknown', name: '', role: '' });

guard.csrf = () => kept.get(CSRF) || '';
guard.onUnauthorized = () => {
	if (session.get().state === 'in')
		session.set({ ...session.get(), state: 'ended' });
};

/** Whether a role's buttons are shown at all. @param {string} [role] */
export function may(role) {
	return !role || (ranks[session.get().role] || 0) >= ranks[role];
}

async function beforeSignIn() {
	const setup = await ask('GET', '/setup');
	session.set({ state: setup.is_needed ? 'setup' : 'out', name: '', role: '' });
}

/** Asks who we are; called once at the start, and when the stream is refused. */
export async function begin() {
	// Who never signed in here need not ask, and be refused, and stand in the audit for it.
	if (!kept.get(CSRF))
		return beforeSignIn();
	try {
		const me = await ask('GET', '/me', undefined, { isQuiet: true });
		session.set({ state: 'in', name: me.name.replace(/^user:/, ''), role: me.role });
	} catch (problem) {
		if (problem.status !== 401)
			throw problem;
		if (session.get().state === 'in') {
			guard.onUnauthorized();
			return;
		}
		kept.set(CSRF, null);
		await beforeSignIn();
	}
}

/** @param {string} user @param {string} password */
export async function signIn(user, password) {
	const body = await ask('POST', '/login', { user, password }, { isQuiet: true });
	kept.set(CSRF, body.csrf_token);
	session.set({ state: 'in', name: body.user, role: body.role });
}

export async function signOut() {
	try {
		await ask('POST', '/logout', {}, { isQuiet: true });
	} catch { /* the session may be over already: then it is as wanted */ }
	kept.set(CSRF, null);
	session.set({ state: 'out', name: '', role: '' });
}
