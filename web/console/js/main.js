// SPDX-License-Identifier: MIT
// main.js - the start: ask who we are, then draw.
import { html, render } from './lib.js';
import { begin, session } from './session.js';
import { startLive } from './live.js';
import { App } from './shell.js';
import './theme.js';

const root = document.getElementById('app');
const WAIT_MS = 2000;

async function start() {
	try {
		await begin();
	} catch (problem) {
		if (session.get().state === 'unknown')
			session.set({ ...session.get(), state: 'away' });
		setTimeout(start, WAIT_MS);
		return;
	}
	startLive();
}

root.replaceChildren();
render(html`<${App} />`, root);
start();
