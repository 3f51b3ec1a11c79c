// SPDX-License-Identifier: MIT
// replication.mjs PART - one part of a replication's life by clicks; test-console-replication.sh says in which order,
// and at which of the two appliances.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, clean, limit, open, run, shots, signIn, told, view } from './browser.mjs';

const CODE = join(process.env.CONSOLE_T, 'code');
const NAME = 'r-web1';
const SLOW = limit(30); // what two appliances have to agree on

const card = page => page.locator('.card', { has: page.getByRole('heading', { name: new RegExp(NAME) }) });
const done = (page, title) => told(page, `${title}: done`, SLOW);
const shot = (page, name) => page.screenshot({ path: join(shots, `replication-${name}.png`), fullPage: true });

async function typed(dialog, button) {
	await dialog.waitFor();
	check(await dialog.getByRole('button', { name: button }).isDisabled(), `'${button}' is offered before the name is typed`);
	await dialog.getByRole('textbox').fill(NAME);
	await dialog.getByRole('button', { name: button }).click();
}

async function confirmTyped(page, button) {
	const dialog = page.getByRole('dialog');
	await typed(dialog, button);
	await dialog.waitFor({ state: 'detached', ...SLOW });
}

const parts = {
	async offer(page) {
		await page.getByRole('button', { name: 'Offer a pairing' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByLabel('What the other appliance is called here').fill('b');
		await dialog.getByRole('button', { name: 'Make a code' }).click();
		await dialog.getByText('It is shown once').waitFor();
		await shot(page, 'code');
		const code = (await dialog.locator('pre, code').first().textContent()).trim();
		check(code.length >= 8, `the code is '${code}'`);
		writeFileSync(CODE, code);
		await dialog.getByRole('button', { name: 'Done' }).click();
	},

	async join(page) {
		await page.getByRole('button', { name: 'Join by a code' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByLabel('What the other appliance is called here').fill('a');
		await dialog.getByLabel('Address').fill(process.env.PEER_ADDRESS);
		await dialog.getByLabel('Code', { exact: true }).fill(readFileSync(CODE, 'utf8'));
		await dialog.getByRole('button', { name: 'Join' }).click();
		await done(page, 'Pairing with a');
		await page.getByRole('row', { name: /^a/ }).getByText('paired').waitFor(SLOW);
		await shot(page, 'paired');
	},

	async replicate(page) {
		await page.getByRole('button', { name: 'Replicate volumes' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByLabel('Name').fill(NAME);
		await dialog.getByLabel('web1').check();
		await dialog.getByLabel('A write is acknowledged').selectOption('sync');
		await dialog.getByLabel('When the other side is lost').selectOption('continue');
		await shot(page, 'create');
		await dialog.getByRole('button', { name: 'Replicate' }).click();
		await done(page, `Replication ${NAME}`);
		await card(page).getByText('Both sides are the same').waitFor(SLOW);
		check(await card(page).getByRole('button', { name: 'Pause' }).count() === 0, 'a pause is offered that would be refused');
		await shot(page, 'pair');
	},

	async pause(page) {
		const c = card(page);
		await c.getByRole('button', { name: 'Pause' }).click();
		await done(page, `Pause of ${NAME}`);
		await c.getByText('Paused: nothing is sent').waitFor(SLOW);
		await shot(page, 'paused');
	},

	async go_on(page) {
		const c = card(page);
		await c.getByRole('button', { name: 'Go on' }).click();
		await done(page, `Going on with ${NAME}`);
		await c.getByRole('button', { name: 'Pause' }).waitFor(SLOW);
	},

	async rehearse(page) {
		await card(page).getByRole('button', { name: 'Test a failover' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByLabel('h1').check();
		await shot(page, 'test');
		await dialog.getByRole('button', { name: 'Begin the test' }).click();
		await done(page, 'Volume web1-test');
		await dialog.waitFor({ state: 'detached' });
		await card(page).getByText('A failover is being tested').waitFor(SLOW);
		await card(page).getByRole('link', { name: 'web1-test' }).waitFor();
		await shot(page, 'tested');
	},

	async end_rehearsal(page) {
		await card(page).getByRole('button', { name: 'End the test' }).click();
		await confirmTyped(page, 'End the test');
		await done(page, `Deletion of test-of-${NAME}`);
		await card(page).getByRole('button', { name: 'Test a failover' }).waitFor(SLOW);
	},

	async life(page) {
		const c = card(page);
		// A volume in sync mode may not lag behind; the server says so.
		await c.getByRole('button', { name: 'Compare' }).click();
		await done(page, `Comparison of ${NAME}`);
		await c.getByRole('button', { name: 'Fail over' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByText('Serves afterwards').waitFor();
		await shot(page, 'failover');
		await typed(dialog, 'Fail over to b');
		await dialog.getByText('Nothing was lost').waitFor(SLOW);
		await shot(page, 'failed-over');
		await dialog.getByRole('button', { name: 'Close' }).last().click();
		await c.getByRole('button', { name: 'Promote here' }).waitFor(SLOW);
	},

	async failback(page) {
		await card(page).getByRole('button', { name: 'Fail back' }).click();
		const dialog = page.getByRole('dialog');
		await typed(dialog, 'Fail back');
		await dialog.getByText('Nothing was lost').waitFor(SLOW);
		await dialog.getByRole('button', { name: 'Close' }).last().click();
		await done(page, `Failback of ${NAME}`);
		await card(page).getByRole('button', { name: 'Fail over' }).waitFor(SLOW);
	},

	async promote(page) {
		page.allowed.push(/409/);
		await card(page).getByRole('button', { name: 'Promote here' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByText(`Promote ${NAME} here by force?`).waitFor(SLOW);
		const lost = await dialog.textContent();
		check(/lose|lost/.test(lost), `what would be lost is not named: ${lost}`);
		await shot(page, 'promote');
		await confirmTyped(page, 'Promote by force');
		await done(page, `Promotion of ${NAME}`);
	},

	async resolve(page) {
		const keep = card(page).getByRole('button', { name: 'Keep this side' });
		await keep.waitFor(SLOW);
		await shot(page, 'split-brain');
		await keep.click();
		await confirmTyped(page, 'Keep this side');
		await done(page, `End of the split brain of ${NAME}`);
	},

	async end(page) {
		await card(page).getByRole('button', { name: `End ${NAME}` }).click();
		await confirmTyped(page, 'End');
		await done(page, `End of ${NAME}`);
		await page.getByText('No volume is replicated').waitFor(SLOW);
	},
};

const which = process.argv[2];
await run({ [which]: async (browser, made) => {
	const page = await open(browser);
	made(page);
	await signIn(page, 'anna');
	await view(page, '/replication');
	await parts[which](page);
	clean(page, which);
} });
