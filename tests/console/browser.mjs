// SPDX-License-Identifier: MIT
// browser.mjs - a Chromium before the console, and what the tests ask of it. Whatever the browser complains of, and
// each request that fails, is a failure of the test unless it was announced.
import { createRequire } from 'node:module';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const root = process.env.CONSOLE_ROOT;
const require = createRequire(join(root, 'build/npm-dev/package.json'));
const { chromium } = require('playwright-core');
export const axePath = require.resolve('axe-core/axe.min.js');
export const url = process.env.CONSOLE_URL;
export const password = process.env.CONSOLE_PASSWORD;
export const shots = join(root, 'build/console-shots');
mkdirSync(shots, { recursive: true });

export function fail(text) {
	throw new Error(text);
}
export function check(isTrue, text) {
	if (!isTrue)
		fail(text);
}
export const note = text => console.log(`console: ${text}`);
/* Nothing here is judged by time: these end what hangs, on a busy machine too. */
const PATIENCE = Number(process.env.SLUICE_PATIENCE || 3);
export const limit = seconds => ({ timeout: seconds * 1000 * PATIENCE });

export async function launch() {
	return chromium.launch({
		executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
		args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--force-prefers-reduced-motion'],
	});
}

/* Runs in the page before its scripts: the console's messages go away by themselves, so each is kept as it comes. */
function keepMessages() {
	const last = new WeakMap();
	window.messages = [];
	new MutationObserver(() => {
		for (const title of document.querySelectorAll('.toast strong')) {
			if (last.get(title) !== title.textContent) {
				last.set(title, title.textContent);
				window.messages.push(title.textContent);
			}
		}
	}).observe(document, { childList: true, subtree: true, characterData: true });
}

/** Waits until the console has told this, now or since it was last asked; each message is taken once. */
export async function told(page, text, options = limit(15)) {
	const taken = words => {
		const at = window.messages.indexOf(words);
		return at >= 0 && window.messages.splice(at, 1).length > 0;
	};
	await page.waitForFunction(taken, text, options).catch(async () => {
		fail(`not told: '${text}'; but: ${await page.evaluate(() => window.messages.join('; '))}`);
	});
}

/** Waits until each request that is under way, but for the stream, has its answer. */
export async function answered(page) {
	const under_way = [...page.under_way];
	while (under_way.some(request => page.under_way.has(request)))
		await page.waitForTimeout(20);
	await page.evaluate(() => 0); // what the browser says of them came before this answer
}

/** A window of its own, with a list of what went wrong in it. */
export async function open(browser, options = {}) {
	const context = await browser.newContext({
		ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce', ...options,
	});
	await context.grantPermissions(['clipboard-read', 'clipboard-write']);
	const page = await context.newPage();
	page.setDefaultTimeout(limit(15).timeout);
	await page.addInitScript(keepMessages);
	page.under_way = new Set();
	page.on('request', request => /\/stream\?/.test(request.url()) || page.under_way.add(request));
	for (const end of ['requestfinished', 'requestfailed'])
		page.on(end, request => page.under_way.delete(request));
	page.allowed = [];
	page.wrong = [];
	const wrong = text => page.allowed.some(pattern => pattern.test(text)) || page.wrong.push(text);
	page.on('console', message => message.type() === 'error' && wrong(`console: ${message.text()} ${message.location().url}`));
	page.on('pageerror', error => wrong(`exception: ${error.message}`));
	page.on('response', answer => answer.status() >= 400 && wrong(`${answer.status()} ${answer.request().method()} ${answer.url()}`));
	page.on('requestfailed', request => !/ERR_ABORTED/.test(request.failure()?.errorText) && wrong(`failed: ${request.method()} ${request.url()} ${request.failure()?.errorText}`));
	return page;
}

/** Nothing may have gone wrong so far. */
export function clean(page, where) {
	check(page.wrong.length === 0, `${where}: ${page.wrong.join('\n\t')}`);
}

/* Who is not signed in is told so with 401, on purpose. */
export const SIGNED_OUT = /401.*(\/me|\/login)|status of 401/;

export async function signIn(page, user, word = password) {
	page.allowed.push(SIGNED_OUT);
	await page.goto(url);
	await page.getByLabel('User name').fill(user);
	await page.getByLabel('Password').fill(word);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByRole('heading', { name: 'Dashboard' }).waitFor();
	// What changes before the stream is open is told to nobody.
	await page.getByText('Live', { exact: true }).waitFor();
	page.allowed = page.allowed.filter(pattern => pattern !== SIGNED_OUT);
}

export async function view(page, path) {
	await page.evaluate(to => {
		location.hash = to;
	}, path);
	await page.locator('main h1').first().waitFor();
	await page.waitForFunction(() => !document.querySelector('.waiting'), null, limit(15));
}

/** Runs a test's parts one after the other; the first that fails ends it, with a picture of what was to be seen. */
export async function run(parts) {
	const browser = await launch();
	let page;
	try {
		for (const [name, fn] of Object.entries(parts)) {
			const from = Date.now();
			await fn(browser, made => {
				page = made;
			});
			note(`${name}: ${Date.now() - from} ms`);
		}
	} catch (error) {
		if (page)
			await page.screenshot({ path: join(shots, 'failure.png') }).catch(() => {});
		console.error(error.stack || error);
		if (page?.wrong.length)
			console.error(page.wrong.join('\n'));
		process.exitCode = 1;
	}
	await browser.close();
}
