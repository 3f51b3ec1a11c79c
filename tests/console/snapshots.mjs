// SPDX-License-Identifier: MIT
// snapshots.mjs PART - one part of what is done with snapshots, by clicks; test-console-snapshots.sh says in which order, and
// what a host writes between them. What loses data wants a name typed.
import { join } from 'node:path';
import { check, clean, limit, open, run, shots, signIn, told, view } from './browser.mjs';

const VOLUME = 'silver';
const SLOW = limit(30); // blocks are merged, daemons follow

const shot = (page, name) => page.screenshot({ path: join(shots, `snapshots-${name}.png`), fullPage: true });
const done = (page, title) => told(page, `${title}: done`, SLOW);
const line = (page, name) => page.getByRole('list', { name: 'snapshots' }).getByRole('listitem').filter({ hasText: name });

async function confirmTyped(page, button, name, lost) {
	const dialog = page.getByRole('dialog');
	await dialog.getByText(lost).first().waitFor();
	check(await dialog.getByRole('button', { name: button }).isDisabled(), `'${button}' is offered before '${name}' is typed`);
	await dialog.getByRole('textbox').fill(`not ${name}`);
	check(await dialog.getByRole('button', { name: button }).isDisabled(), `'${button}' is offered for another name`);
	await dialog.getByRole('textbox').fill(name);
	await dialog.getByRole('button', { name: button }).click();
	await dialog.waitFor({ state: 'detached', ...SLOW });
}

async function make(page, button, name, { linked, submit }) {
	await line(page, 'before').getByRole('button', { name: button, exact: true }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByLabel('Name of the new volume').fill(name);
	if (linked !== undefined)
		await dialog.getByLabel('Linked').setChecked(linked);
	await dialog.getByLabel('esx-01').check();
	await shot(page, name);
	await dialog.getByRole('button', { name: submit, exact: true }).click();
	await done(page, `Volume ${name}`);
	await dialog.waitFor({ state: 'detached' });
	await line(page, 'before').getByRole('link', { name: new RegExp(name) }).waitFor(SLOW);
}

async function deleteVolume(page, name) {
	await view(page, `/volumes/${name}`);
	await page.locator('summary', { hasText: 'More' }).click();
	await page.getByRole('button', { name: 'Delete', exact: true }).click();
	await confirmTyped(page, 'Delete the volume', name, /is lost/);
	await done(page, `Deletion of ${name}`);
}

const parts = {
	async take(page) {
		await view(page, `/volumes/${VOLUME}?tab=snapshots`);
		for (const name of ['before', 'later']) {
			await page.getByRole('button', { name: 'Take a snapshot' }).first().click();
			const dialog = page.getByRole('dialog');
			await dialog.getByLabel(/^Name/).fill(name);
			await dialog.getByRole('button', { name: 'Take it' }).click();
			await done(page, `Snapshot of ${VOLUME}`);
			await dialog.waitFor({ state: 'detached' });
			await line(page, name).getByRole('button', { name: 'Clone' }).and(page.locator(':enabled')).waitFor(SLOW);
		}
		await shot(page, 'tree');
	},

	async use(page) {
		await view(page, `/volumes/${VOLUME}?tab=snapshots`);
		await make(page, 'Clone', 'silver-linked', { linked: true, submit: 'Clone' });
		await make(page, 'Clone', 'silver-whole', { linked: false, submit: 'Clone' });
		await make(page, 'Show', 'silver-then', { submit: 'Show it' });
		await shot(page, 'used');
		await line(page, 'before').getByRole('button', { name: 'Go back' }).click();
		await confirmTyped(page, 'Go back', VOLUME, /since this snapshot is lost/);
		await done(page, `Return of ${VOLUME} to before`);
		await shot(page, 'returned');
	},

	async away(page) {
		// Something rests on it: the server's sentence, where it was asked for.
		await view(page, `/volumes/${VOLUME}?tab=snapshots`);
		page.allowed.push(/409/);
		await line(page, 'before').getByRole('button', { name: 'Delete before' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByRole('textbox').fill('before');
		await dialog.getByRole('button', { name: 'Delete the snapshot' }).click();
		await dialog.getByRole('alert').getByText(/silver-then|silver-linked/).waitFor();
		page.allowed = [];
		await page.keyboard.press('Escape');
		for (const name of ['silver-linked', 'silver-whole', 'silver-then'])
			await deleteVolume(page, name);
		await view(page, `/volumes/${VOLUME}?tab=snapshots`);
		for (const name of ['before', 'later']) {
			await line(page, name).getByRole('button', { name: `Delete ${name}` }).click();
			await confirmTyped(page, 'Delete the snapshot', name, /is lost/);
			await done(page, `Deletion of ${name}`);
			await line(page, name).waitFor({ state: 'detached', ...SLOW });
		}
		await page.getByText('There is no snapshot').waitFor(SLOW);
	},

	async schedule(page) {
		const dialog = page.getByRole('dialog');
		await view(page, '/snapshots');
		await page.getByRole('button', { name: 'Make a schedule' }).first().click();
		await dialog.getByLabel('Name', { exact: true }).fill('nightly');
		page.allowed.push(/422/);
		await dialog.getByLabel('At', { exact: true }).fill('25:00');
		await dialog.getByLabel(VOLUME).check();
		await dialog.getByRole('button', { name: 'Make it' }).click();
		await dialog.locator('.field', { hasText: 'At' }).locator('.field-problem').first().waitFor();
		page.allowed = [];
		await dialog.getByLabel('At', { exact: true }).fill('03:30');
		await dialog.getByRole('button', { name: 'Make it' }).click();
		await done(page, 'Schedule nightly');
		await page.getByRole('row', { name: /nightly/ }).getByText('every day at 03:30').waitFor();
		await page.getByRole('button', { name: 'Change nightly' }).click();
		await dialog.getByLabel('Keep daily').fill('3');
		await dialog.getByRole('button', { name: 'Save' }).click();
		await done(page, 'Schedule nightly');
		await page.getByRole('row', { name: /nightly/ }).getByText('3 daily').waitFor();
		await page.getByRole('button', { name: 'Delete nightly' }).click();
		await confirmTyped(page, 'Delete the schedule', 'nightly', /No more snapshots/);
		await page.getByText('Nothing is taken by itself').waitFor(SLOW);
	},

	async group(page) {
		const dialog = page.getByRole('dialog');
		await view(page, '/snapshots?tab=groups');
		await page.getByRole('button', { name: 'Take a group' }).first().click();
		await dialog.getByLabel('Name', { exact: true }).fill('together');
		await dialog.getByLabel(VOLUME).check();
		await dialog.getByRole('button', { name: 'Take them' }).click();
		await done(page, 'Snapshots together');
		await page.getByRole('row', { name: /together/ }).getByText(VOLUME).waitFor(SLOW);
		await view(page, '/snapshots?tab=all');
		await page.getByRole('row', { name: /together/ }).waitFor();
		await view(page, '/snapshots?tab=groups');
		await page.getByRole('button', { name: 'Delete together' }).click();
		await confirmTyped(page, 'Delete the snapshots', 'together', /are lost/);
		await done(page, 'Deletion of together');
		await page.getByText('There is no group').waitFor(SLOW);
	},
};

let page;
const part = name => async (browser, made) => {
	if (!page) {
		page = await open(browser);
		made(page);
		await signIn(page, 'anna');
	}
	made(page);
	await parts[name](page);
	clean(page, name);
};
await run(Object.fromEntries(process.argv.slice(2).map(name => [name, part(name)])));
