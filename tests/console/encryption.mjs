// SPDX-License-Identifier: MIT
// encryption.mjs - a volume's encryption by clicks: in clear, encrypted in place with a pause, another wrapping, another
// key, in clear again. What makes data readable or unreadable for good wants the volume's name typed.
import { join } from 'node:path';
import { check, clean, limit, open, run, shots, signIn, told, view } from './browser.mjs';

const VOLUME = 'secrets';
const SLOW = limit(30); // through all of the volume

const card = page => page.locator('.card', { has: page.getByRole('heading', { name: new RegExp(VOLUME) }) });
const done = (page, title) => told(page, `${title}: done`, SLOW);
const shot = (page, name) => page.screenshot({ path: join(shots, `encryption-${name}.png`), fullPage: true });

async function encrypt(page) {
	const c = card(page);
	await c.getByText('clear', { exact: true }).waitFor(SLOW);
	await shot(page, 'clear');
	await c.getByRole('button', { name: 'Encrypt in place' }).click();
	await c.getByRole('progressbar').waitFor(SLOW);
	await c.getByRole('button', { name: 'Pause' }).click();
	await c.getByRole('button', { name: 'Go on' }).waitFor(SLOW);
	await shot(page, 'paused');
	const at = await c.getByRole('progressbar').getAttribute('aria-valuenow');
	check(Number(at) < 100, `it is paused at ${at} %`);
	check(await c.getByRole('button', { name: 'Deep rekey' }).count() === 0, 'another change is offered beside a walk');
	await c.getByRole('button', { name: 'Go on' }).click();
	await done(page, `Encryption of ${VOLUME}`);
	await c.getByText('unlocked', { exact: true }).waitFor(SLOW);
}

async function rekey(page) {
	const c = card(page);
	await c.getByRole('button', { name: 'New wrapping' }).click();
	await done(page, `New key for ${VOLUME}`);
	await c.getByRole('button', { name: 'Deep rekey' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Begin' }).click();
	await c.getByText(/rekey/).first().waitFor(SLOW);
	await shot(page, 'rekey');
	await done(page, `Deep rekey of ${VOLUME}`);
}

/* The word alone is not enough. */
async function typed(page, button, lost) {
	const dialog = page.getByRole('dialog');
	await dialog.getByText(lost).first().waitFor();
	check(await dialog.getByRole('button', { name: button }).isDisabled(), `'${button}' is offered before the name is typed`);
	await shot(page, button.toLowerCase());
	await dialog.getByRole('textbox').fill(VOLUME);
	await dialog.getByRole('button', { name: button }).click();
	await dialog.waitFor({ state: 'detached' });
}

async function decrypt(page) {
	const c = card(page);
	await c.getByRole('button', { name: 'Decrypt' }).click();
	await typed(page, 'Decrypt', /in clear/);
	await done(page, `Decrypt: ${VOLUME}`);
	await c.getByRole('button', { name: 'Encrypt in place' }).waitFor(SLOW);
}

async function erase(page) {
	const c = card(page);
	await c.getByRole('button', { name: 'Encrypt in place' }).click();
	await c.getByRole('button', { name: 'Erase' }).waitFor(SLOW);
	await c.getByRole('button', { name: 'Erase' }).click();
	await typed(page, 'Erase', /unreadable for good/);
	await done(page, `Erase: ${VOLUME}`);
	await c.getByText('erased', { exact: true }).waitFor(SLOW);
	check(await c.getByRole('button').count() === 0, 'something is offered for an erased volume');
	await shot(page, 'erased');
}

let page;
const part = fn => async (browser, made) => {
	if (!page) {
		page = await open(browser);
		await signIn(page, 'anna');
		await view(page, '/encryption');
	}
	made(page);
	await fn(page);
	clean(page, fn.name);
};
await run({ encrypt: part(encrypt), rekey: part(rekey), decrypt: part(decrypt), erase: part(erase) });
