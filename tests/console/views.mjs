// SPDX-License-Identifier: MIT
// views.mjs - every view with real data, as an administrator: no complaint of the browser, no failed request, no
// finding of axe in either theme, nothing that sticks out of a narrow screen. With "shots" pictures are kept.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { axePath, check, clean, note, open, run, shots, signIn, view } from './browser.mjs';
import { routes } from '../../web/console/js/routes.js';

const isLong = process.argv.includes('shots');
const params = { '/volumes/:name': ['/volumes/silver', '/volumes/gold?tab=history', '/volumes/silver?tab=snapshots', '/volumes/silver?tab=access', '/volumes/gold?tab=events'], '/volumes/:name/connect': ['/volumes/silver/connect'],
	'/policies/:name': ['/policies/database', '/policies/read-cache'], '/policies/:name/edit': ['/policies/database/edit'], '/tasks/:id': ['/tasks/3'],
	'/hosts': ['/hosts', '/hosts?tab=groups', '/hosts?tab=sessions', '/hosts?tab=portals'], '/policies': ['/policies', '/policies?tab=compliance'],
	'/encryption': ['/encryption', '/encryption?tab=keys', '/encryption?tab=providers'], '/alerts': ['/alerts', '/alerts?tab=past', '/alerts?tab=rules'],
	'/users': ['/users', '/users?tab=tokens', '/users?tab=sessions'], '/snapshots': ['/snapshots', '/snapshots?tab=groups', '/snapshots?tab=all'] };
const places = routes.flatMap(route => params[route.path] || [route.path]);

/* Buttons that open a window, by view: what is in the window is looked at, too. */
const windows = { '/hosts': 'Add a host', '/datastores': 'Add a datastore', '/volumes/silver': 'Grow', '/volumes/silver?tab=snapshots': 'Take a snapshot', '/snapshots': 'Make a schedule', '/snapshots?tab=groups': 'Take a group', '/encryption?tab=keys': 'Make a key', '/encryption?tab=providers': 'Add a provider',
	'/users': 'Add a user', '/users?tab=tokens': 'Make a token', '/webhooks': 'Add a webhook', '/policies': 'New policy', '/io-control': 'Settings', '/policies/database': 'Delete' };

const rules = { runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] } };

const contrast = { runOnly: { type: 'rule', values: ['color-contrast'] } };

async function axe(page, where, options = rules) {
	const found = await page.evaluate(what => window.axe.run(document, what), options);
	const text = found.violations.map(v => `${v.id}: ${v.help}\n\t\t${v.nodes.slice(0, 3).map(n => `${n.html.slice(0, 160)} ${n.failureSummary?.split('\n')[1] || ''}`).join('\n\t\t')}`);
	return text.length ? [`${where}: ${text.join('\n\t')}`] : [];
}

async function loadAxe(page) {
	// By the debugger: the page's policy lets no inline script in, which is as it is to be.
	await page.evaluate(readFileSync(axePath, 'utf8'));
}

const fileOf = path => path.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'dashboard';

async function windowOf(page, path, findings, where) {
	const name = windows[path];
	if (!name)
		return;
	await page.getByRole('button', { name, exact: true }).first().click();
	await page.getByRole('dialog').waitFor();
	findings.push(...await axe(page, `${where}, window`));
	if (isLong)
		await page.screenshot({ path: join(shots, `${fileOf(path)}-window-${where.split(' ').pop()}.png`) });
	await page.keyboard.press('Escape');
	await page.getByRole('dialog').waitFor({ state: 'detached' });
}

/* Nothing is wider than the screen. */
async function fits(page, where) {
	const over = await page.evaluate(() => {
		const most = document.documentElement.clientWidth;
		return document.documentElement.scrollWidth > most ? `${document.documentElement.scrollWidth} of ${most}` : '';
	});
	return over ? [`${where}: wider than the screen: ${over}`] : [];
}

async function walk(browser, see, colorScheme, width) {
	const page = await open(browser, { colorScheme, viewport: { width, height: 900 } });
	const findings = [];
	see(page);
	await signIn(page, 'anna');
	await page.waitForTimeout(isLong ? 4000 : 1500); // charts want figures
	await loadAxe(page);
	for (const path of places) {
		const where = `${path} ${width}-${colorScheme}`;
		await view(page, path);
		await page.waitForTimeout(isLong ? 1300 : 150);
		findings.push(...await axe(page, where), ...await fits(page, where));
		if (isLong)
			await page.screenshot({ path: join(shots, `${fileOf(path)}-${width}-${colorScheme}.png`), fullPage: true });
		if (!isLong)
			findings.push(...await glance(page, path));
		if (width > 1000)
			await windowOf(page, path, findings, where);
		clean(page, where);
	}
	check(findings.length === 0, `${findings.length} findings:\n${findings.join('\n')}`);
	await page.context().close();
	note(`${places.length} views, ${width} wide, ${colorScheme}`);
}

/* The short form: each view once; in the other theme only its colours, on a narrow screen only its width. */
async function glance(page, where) {
	await page.emulateMedia({ colorScheme: 'dark' });
	await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
	const findings = await axe(page, `${where}, dark`, contrast);
	await page.setViewportSize({ width: 390, height: 900 });
	await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))));
	findings.push(...await fits(page, `${where}, 390 wide`));
	await page.setViewportSize({ width: 1440, height: 900 });
	await page.emulateMedia({ colorScheme: 'light' });
	return findings;
}

const parts = {};
for (const theme of isLong ? ['light', 'dark'] : ['light'])
	for (const width of isLong ? [1440, 390] : [1440])
		parts[`views, ${width} wide, ${theme}`] = (browser, see) => walk(browser, see, theme, width);
await run(parts);
