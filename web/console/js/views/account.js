// SPDX-License-Identifier: MIT
// account.js - the own password and the look of the console.
import { html } from '../lib.js';
import { change } from '../parts/act.js';
import { Card, Page } from '../parts/basics.js';
import { Form } from '../parts/form.js';
import { session } from '../session.js';
import { useStore } from '../store.js';
import { setTheme, themeChoice } from '../theme.js';

const fields = [{ name: 'old_password', label: 'Password until now', type: 'password', autocomplete: 'current-password' },
	{ name: 'new_password', label: 'New password', type: 'password', help: '12 characters or more; several words are easier to keep than odd signs.' },
	{ name: 'again', label: 'New password, once more', type: 'password' }];

export function Account() {
	const who = useStore(session);
	const choice = useStore(themeChoice);
	return html`<${Page} title=${who.name} sub=${`Signed in as ${who.role}.`}><div class="columns">
		<${Card} title="Password"><${Form} fields=${fields} submit="Change the password" onSubmit=${async body => {
			if (body.new_password !== body.again)
				throw Object.assign(new Error('This is not the same password as above.'), { field: 'again' });
			await change('New password', 'POST', '/users/me/password', { old_password: body.old_password || '', new_password: body.new_password || '' });
			location.hash = '/';
		}} /><//>
		<${Card} title="Look"><div class="toolbar" role="group" aria-label="Theme">${[['auto', 'As the system'], ['light', 'Light'], ['dark', 'Dark']].map(([value, text]) => html`<button type="button"
			class=${`button${choice === value ? ' on' : ''}`} aria-pressed=${choice === value ? 'true' : 'false'} onClick=${() => setTheme(value)}>${text}</button>`)}</div><//></div><//>`;
}
