// SPDX-License-Identifier: MIT
// session.mjs - a viewer sees no button that would be refused; a session that ends asks for the password and comes
// back to its place; daemons may restart under an open page; the keyboard alone is enough.
import { writeFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { answered, check, clean, fail, limit, note, open, password, run, signIn, view, SIGNED_OUT } from './browser.mjs';
import { routes } from '../../web/console/js/routes.js';

const T = process.env.CONSOLE_T;

/* The script around us does it: ends and starts daemons, ends sessions. */
async function ask(page, what) {
	writeFileSync(join(T, 'asked'), what);
	for (let i = 0; i < 600; i++) {
		if (existsSync(join(T, 'answered'))) {
			rmSync(join(T, 'answered'));
			return;
		}
		await page.waitForTimeout(100);
	}
	fail(`nobody did: ${what}`);
}

async function viewer(browser, see) {
	const page = await open(browser);
	see(page);
	await signIn(page, 'vera');
	const places = routes.map(r => r.path.replace(':name', r.path.startsWith('/policies') ? 'limited' : 'silver').replace(':id', '1'));
	for (const path of places) {
		await view(page, path);
		const buttons = await page.locator('main [data-role=operator], main [data-role=admin]').count();
		check(buttons === 0, `${path}: a viewer sees ${buttons} buttons that would be refused`);
	}
	check(await page.getByRole('link', { name: 'Audit' }).count() === 0, 'a viewer is led to the audit');
	clean(page, 'viewer');
	await page.context().close();
}

async function expiry(browser, see) {
	const page = await open(browser);
	see(page);
	await signIn(page, 'anna');
	await view(page, '/volumes/silver');
	page.allowed.push(/401/, SIGNED_OUT);
	await ask(page, 'sessions');
	await page.getByText('Your session has ended').waitFor(limit(15));
	await page.getByLabel('User name').fill('anna');
	await page.getByLabel('Password').fill(password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByRole('heading', { name: 'silver' }).waitFor();
	await page.getByText('Live', { exact: true }).waitFor();
	await answered(page);
	page.allowed = [];
	clean(page, 'expiry');
	return page;
}

async function restarts(page) {
	page.allowed.push(/50[234]|ERR_|Failed to load resource|failed:/);
	await page.evaluate(() => {
		window.isTheSamePage = true;
	});
	for (const what of ['policyd', 'webd', 'filterd']) {
		await ask(page, what);
		await page.getByText('Live', { exact: true }).waitFor(limit(15));
		await page.waitForFunction(async at => (await import('/js/live.js')).figures.get()?.at_ms > at, Date.now(), limit(15));
		check(await page.evaluate(() => window.isTheSamePage), `the page was loaded anew after the end of ${what}`);
		note(`${what} was restarted under the page`);
	}
	await answered(page);
	page.allowed = [];
	await view(page, '/volumes');
	await page.getByRole('row', { name: /silver/ }).waitFor();
	clean(page, 'restarts');
}

async function keyboard(page) {
	await view(page, '/volumes');
	await page.keyboard.press('Tab');
	for (let i = 0; i < 60 && !await page.evaluate(() => document.activeElement.textContent === 'silver'); i++)
		await page.keyboard.press('Tab');
	check(await page.evaluate(() => document.activeElement.textContent === 'silver'), 'silver is not reached by the Tab key');
	await page.keyboard.press('Enter');
	await page.getByRole('heading', { name: 'silver' }).waitFor();
	await page.getByRole('tab', { name: 'Overview' }).focus();
	await page.keyboard.press('ArrowRight');
	check(await page.getByRole('tab', { name: 'History' }).getAttribute('aria-selected') === 'true', 'arrows do not move between tabs');
	await page.getByRole('button', { name: 'Grow' }).focus();
	await page.keyboard.press('Enter');
	await page.getByRole('dialog').waitFor();
	await page.keyboard.press('Escape');
	check(await page.evaluate(() => document.activeElement.textContent.includes('Grow')), 'the focus does not come back from a window');
	clean(page, 'keyboard');
}

let page;
await run({
	viewer,
	expiry: async (browser, see) => {
		page = await expiry(browser, see);
	},
	restarts: () => restarts(page),
	keyboard: () => keyboard(page),
});
