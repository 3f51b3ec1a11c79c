// SPDX-License-Identifier: MIT
// datastore-filter.js - the settings of a filter for a whole datastore, from its own table.
import { html } from '../lib.js';
import { part } from '../rest.js';
import { words } from '../format.js';
import { change, useAct } from '../parts/act.js';
import { Button } from '../parts/basics.js';
import { Dialog } from '../parts/dialog.js';
import { Form } from '../parts/form.js';
import { fieldsOf, textOf, valuesOf } from '../parts/params.js';

/** @param {{datastore: string, filter: any, set?: any, onClose: () => void}} props */
export function FilterDialog({ datastore, filter, set, onClose }) {
	const [isBusy, run] = useAct();
	const path = `/datastores/${part(datastore)}/filters/${part(filter.name)}`;
	const title = `${words(filter.name)} of ${datastore}`;
	const clear = async () => {
		if (await run(`${title}, taken away`, 'DELETE', path))
			onClose();
	};
	return html`<${Dialog} title=${title} onClose=${onClose}><p class="muted">${filter.help}</p>
		<${Form} fields=${fieldsOf(filter.group_parameters)} initial=${valuesOf(filter.group_parameters, set?.parameters)} submit="Save" role="admin" onCancel=${onClose}
			onSubmit=${async (body, values) => {
				await change(title, 'PUT', path, { parameters: textOf(filter.group_parameters, values) });
				onClose();
			}}>${set && html`<div><${Button} role="admin" kind="danger" isBusy=${isBusy} onClick=${clear}>Take it away<//></div>`}<//><//>`;
}
