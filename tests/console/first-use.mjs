// SPDX-License-Identifier: MIT
// first-use.mjs - from the set-up token to a volume that a host can use, by clicks alone; nothing is typed that the
// console does not ask for. Prints the commands that the console gives for Linux.
import { check, clean, note, open, password, run, url, SIGNED_OUT } from './browser.mjs';

const folder = `${process.env.CONSOLE_T}/main`;

async function administrator(page) {
	page.allowed.push(SIGNED_OUT, /403|422/);
	await page.goto(url);
	await page.getByRole('heading', { name: 'Set up this appliance' }).waitFor();
	// A wrong token is refused with the server's sentence at its field.
	await page.getByLabel('Set-up token').fill('x'.repeat(43));
	await page.getByLabel('User name').fill('anna');
	await page.getByLabel('Password', { exact: true }).fill(password);
	await page.getByLabel('Password, once more').fill(password);
	await page.getByRole('button', { name: 'Make the administrator' }).click();
	await page.getByRole('alert').first().waitFor();
	await page.getByLabel('Set-up token').fill(process.env.SETUP_TOKEN);
	await page.getByRole('button', { name: 'Make the administrator' }).click();
	await page.getByRole('heading', { name: 'Dashboard' }).waitFor();
	page.allowed = [];
}

async function firstSteps(page) {
	await page.getByRole('heading', { name: 'First steps' }).waitFor();
	await page.getByLabel('Path').fill(folder);
	await page.getByLabel('Through the page cache').check();
	await page.getByRole('button', { name: 'Add the datastore' }).click();
	await page.getByLabel('Address', { exact: true }).fill('127.0.0.1');
	await page.getByRole('button', { name: 'Add the address' }).click();
	await page.getByRole('link', { name: 'Create the first volume' }).click();
}

async function volume(page) {
	await page.getByRole('heading', { name: 'Create a volume' }).waitFor();
	await page.getByLabel('Name', { exact: true }).fill('first');
	await page.getByLabel('Size', { exact: true }).fill('64');
	await page.getByLabel('Unit of Size').selectOption('MiB');
	await page.getByRole('button', { name: 'Add a host' }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByLabel('Name', { exact: true }).fill('laptop');
	await dialog.getByLabel('Initiator name').fill(process.env.CONSOLE_IQN);
	await dialog.getByRole('button', { name: 'Add the host' }).click();
	await dialog.waitFor({ state: 'detached' });
	check(await page.getByLabel('laptop').isChecked(), 'the new host is not chosen');
	await page.getByRole('button', { name: 'Create the volume' }).click();
	await page.getByRole('heading', { name: 'Connect a host to first' }).waitFor();
	await page.locator('.page-head .state.good').waitFor();
}

await run({
	'from the token to a volume': async (browser, see) => {
		const page = await open(browser);
		see(page);
		await administrator(page);
		await firstSteps(page);
		await volume(page);
		// What is to be typed on a host, to be copied with one click.
		await page.getByRole('tab', { name: /Linux/ }).click();
		const box = page.locator('.code').first();
		await box.getByRole('button', { name: 'Copy' }).click();
		const copied = await page.evaluate(() => navigator.clipboard.readText());
		check(/iscsiadm/.test(copied), `what was copied is '${copied}'`);
		for (const name of [/ESXi/, /Windows/, /QEMU/])
			await page.getByRole('tab', { name }).first().click();
		clean(page, 'first use');
		note(`COMMANDS ${copied.split('\n').length} lines`);
		await page.context().close();
	},
});
