// SPDX-License-Identifier: MIT
// sign-in.js - the two pages before everything else: signing in, and making the first administrator.
import { html, useEffect } from '../lib.js';
import { ask } from '../rest.js';
import { go } from '../router.js';
import { signIn } from '../session.js';
import { Note } from '../parts/basics.js';
import { Form } from '../parts/form.js';
import { Mark } from '../parts/icons.js';

const USER = { name: 'user', label: 'User name', autocomplete: 'username', isFirst: true };
const PASSWORD = { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' };

const setupFields = [
	{ name: 'setup_token', label: 'Set-up token', isFirst: true,
		help: 'Printed when the appliance was first started; root finds it in the file setup-token of the run directory, and in the log of sluice-policyd.' },
	{ ...USER, isFirst: false, help: 'The first administrator. Others are made later.' },
	{ ...PASSWORD, autocomplete: 'new-password', help: '12 characters or more; several words are easier to keep than odd signs.' },
	{ name: 'again', label: 'Password, once more', type: 'password' },
];

async function setUp(body) {
	if (body.password !== body.again)
		throw Object.assign(new Error('This is not the same password as above.'), { field: 'again' });
	await ask('POST', '/setup', { setup_token: body.setup_token.trim(), user: body.user, password: body.password }, { isQuiet: true });
	await signIn(body.user, body.password);
	go('/');
}

function Gate({ title, children }) {
	useEffect(() => {
		document.title = `${title} · Sluice`;
	}, [title]);
	return html`<main class="gate"><div class="gate-card"><div class="gate-brand"><${Mark} size=${36} /><span>Sluice</span></div>
		<h1>${title}</h1>${children}</div></main>`;
}

/** @param {{state: string}} props */
export function SignIn({ state }) {
	if (state === 'setup')
		return html`<${Gate} title="Set up this appliance"><p class="muted">Step 1 of 3: who administers it. A place for volumes and the first volume come next.</p>
			<${Form} fields=${setupFields} submit="Make the administrator" onSubmit=${setUp} /><//>`;
	return html`<${Gate} title="Sign in">
		${state === 'ended' && html`<${Note} tone="warn">Your session has ended. Sign in again; you come back to where you were.<//>`}
		<${Form} fields=${[USER, PASSWORD]} submit="Sign in" onSubmit=${body => signIn(body.user || '', body.password || '')} /><//>`;
}
