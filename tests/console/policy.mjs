// SPDX-License-Identifier: MIT
// policy.mjs - a policy's life by clicks, on a volume under load: a sample is cloned, edited, given to the volume; its
// limit is seen in the chart while it holds the load back; a new version makes the volume out_of_date until it is
// applied. What the server refuses is said at its field.
import { check, clean, fail, limit, note, open, run, signIn, told, view } from './browser.mjs';

const VOLUME = 'bronze';

async function cloneAndEdit(page) {
	await view(page, '/policies');
	await page.getByRole('row', { name: /io-shares-low/ }).getByRole('button', { name: 'Clone' }).click();
	await page.getByRole('dialog').getByLabel('Name').fill('slow-lane');
	await page.getByRole('dialog').getByRole('button', { name: 'Clone' }).click();
	await page.getByRole('heading', { name: 'Edit slow-lane' }).waitFor();
	const rule = page.getByRole('region', { name: /Class I\/O control/ });
	// Out of range: the server's sentence, at the field.
	page.allowed.push(/422/);
	await rule.getByLabel('Limit IOPS').fill('minus one');
	await page.getByRole('button', { name: 'Save a new version' }).click();
	const said = rule.locator('.field-problem');
	await said.waitFor();
	check(/limit_iops/.test(await said.textContent()), `at the field stands '${await said.textContent()}'`);
	check(await rule.getByLabel('Limit IOPS').getAttribute('aria-invalid') === 'true', 'the field is not marked');
	page.allowed = [];
	await rule.getByLabel('Limit IOPS').fill('50');
	await page.getByLabel('What changes, and why').fill('a limit');
	await page.getByRole('button', { name: 'Save a new version' }).click();
	await page.getByRole('heading', { name: 'slow-lane', exact: true }).waitFor();
}

const iops = page => page.evaluate(async name => {
	const { figures } = await import('/js/live.js');
	const row = figures.get()?.volumes.find(v => v.name === name);
	return row ? row.read_iops + row.write_iops : -1;
}, VOLUME);

/* The first answer about a task says that it runs, and comes only when the stream has told of its end long ago: so it
   happens on a busy machine. Resolves when the window has it. */
function answerLate(page, end) {
	return new Promise((resolve, reject) => {
		page.route('**/api/v1/tasks/*', async route => {
			try {
				const answer = await route.fetch();
				const task = await answer.json();
				await end;
				const arrived = page.waitForResponse(/api\/v1\/tasks\//);
				await route.fulfill({ response: answer, json: { ...task, state: 'running', ended_ms: null } });
				await (await arrived).finished();
				await page.waitForTimeout(100); // what the window makes of it is no event that could be awaited
				resolve(undefined);
			} catch (error) {
				reject(error);
			}
		}, { times: 1 });
	});
}

async function giveToVolume(page) {
	await view(page, `/volumes/${VOLUME}`);
	await page.getByRole('button', { name: 'Policy', exact: true }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByLabel('Policy').selectOption('slow-lane');
	await dialog.getByRole('button', { name: 'Show what would be done' }).click();
	await dialog.locator('.plan, .note').first().waitFor();
	const done = told(page, 'Policy of bronze: done');
	const answered = answerLate(page, done);
	await Promise.all([done, dialog.getByRole('button', { name: 'Apply', exact: true }).click()]);
	await dialog.waitFor({ state: 'detached' });
	await answered;
	check(await page.locator('.toast .spinner').count() === 0, 'a task that has ended is shown as running again');
}

async function seeThrottling(page) {
	// A busy machine may be held by its datastore's latency first, and by the limit in the next second.
	await page.locator('.mark-text', { hasText: 'limit' }).first().waitFor(limit(30));
	// The second in which it began counts both.
	const held = await page.waitForFunction(async name => {
		const { figures } = await import('/js/live.js');
		const row = figures.get()?.volumes.find(v => v.name === name);
		const now = row ? row.read_iops + row.write_iops : -1;
		return now > 0 && now < 400 && now;
	}, VOLUME).catch(async () => fail(`a limit of 50 and ${await iops(page)} IOPS`));
	await view(page, '/io-control');
	await page.locator('.sharer', { hasText: VOLUME }).getByText(/held by/).waitFor();
	note(`held at ${await held.jsonValue()} IOPS, seen in the chart`);
}

async function newVersion(page) {
	await view(page, '/policies/slow-lane/edit');
	await page.getByRole('region', { name: /Class I\/O control/ }).getByLabel('Limit IOPS').fill('300');
	await page.getByRole('button', { name: 'Save a new version' }).click();
	await page.getByRole('heading', { name: 'slow-lane', exact: true }).waitFor();
	await page.getByRole('row', { name: new RegExp(VOLUME) }).getByText('out of date').waitFor();
	await view(page, `/volumes/${VOLUME}`);
	await page.getByText('The policy has a newer version').waitFor();
	await view(page, '/policies/slow-lane');
	await page.locator('.diff.warn', { hasText: 'limit_iops' }).waitFor();
	await page.getByRole('button', { name: 'Apply again' }).click();
	await page.getByRole('dialog').getByText('1 step').or(page.getByRole('dialog').locator('.plan, .note')).first().waitFor();
	await page.getByRole('button', { name: /Apply version/ }).click();
	await page.getByRole('row', { name: new RegExp(VOLUME) }).getByText('compliant', { exact: true }).waitFor();
}

async function refusals(page) {
	page.allowed.push(/409|422/);
	await page.getByRole('button', { name: 'Delete' }).click();
	const dialog = page.getByRole('dialog');
	check(await dialog.getByRole('button', { name: 'Delete the policy' }).isDisabled(), 'deletion without the name typed');
	await dialog.locator('[data-confirm]').fill('slow-lane');
	await dialog.getByRole('button', { name: 'Delete the policy' }).click();
	const said = await dialog.locator('.field-problem').textContent();
	check(new RegExp(VOLUME).test(said), `the reason is '${said}'`);
	await page.keyboard.press('Escape');
	// A task that fails says why where it was asked for.
	await view(page, '/datastores');
	await page.getByRole('button', { name: 'Add a datastore' }).click();
	await dialog.getByLabel('Name', { exact: true }).fill('nowhere');
	await dialog.getByLabel('Path').fill('/nonexistent/place');
	await dialog.getByRole('button', { name: 'Add', exact: true }).click();
	await page.locator('.toast.bad, dialog .field-problem').getByText(/nonexistent/).first().waitFor();
	page.allowed = [];
}

await run({
	'a policy\'s life': async (browser, see) => {
		const page = await open(browser);
		see(page);
		await signIn(page, 'otto');
		await cloneAndEdit(page);
		await giveToVolume(page);
		await seeThrottling(page);
		await newVersion(page);
		await refusals(page);
		clean(page, 'policy');
		await page.context().close();
	},
});
