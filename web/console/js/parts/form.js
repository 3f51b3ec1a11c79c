// SPDX-License-Identifier: MIT
// form.js - a form from a list of fields. A refusal is shown at the field that the server names, else below.
import { html, useEffect, useRef, useState } from '../lib.js';
import { Button, Note } from './basics.js';
import { FieldInput } from './fields.js';

/** The field that a refusal is about, if the form has it: "rules[0].parameters.mode" ends in "mode". */
export function fieldOf(fields, problem) {
	if (!problem?.field)
		return null;
	const last = problem.field.split('.').pop().replace(/\[\d+\]$/, '');
	return fields.find(f => f.name === problem.field) || fields.find(f => f.name === last) || null;
}

/**
 * @param {{fields: import('./fields.js').Field[], values: any, problem?: any, onChange: (values: any) => void}} props
 */
export function Fields({ fields, values, problem, onChange }) {
	const guilty = fieldOf(fields, problem);
	return html`${fields.filter(f => !f.when || f.when(values)).map(field => html`<${FieldInput} key=${field.name} field=${field}
		value=${values[field.name]} problem=${guilty === field ? problem.message : ''}
		onInput=${value => onChange({ ...values, [field.name]: value })} />`)}`;
}

/** What the form holds as a body: empty optional members are left out, numbers are numbers. */
export function bodyOf(fields, values) {
	const body = {};
	for (const field of fields) {
		const value = values[field.name];
		if (field.when && !field.when(values))
			continue;
		if (value === undefined || (value === '' && field.isOptional))
			continue;
		const isNumber = field.type === 'bytes' || field.type === 'number';
		body[field.name] = isNumber && value !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
	}
	return body;
}

/**
 * @param {{fields: import('./fields.js').Field[], initial?: any, submit: string, role?: string, onSubmit: (body: any, values: any) => Promise<any>,
 *          onCancel?: () => void, children?: any, isInline?: boolean, kind?: string}} props
 */
export function Form({ fields, initial = {}, submit, role, onSubmit, onCancel, children, isInline, kind = 'primary' }) {
	const [values, setValues] = useState(initial);
	const [problem, setProblem] = useState(/** @type {any} */ (null));
	const [isBusy, setBusy] = useState(false);
	const ref = useRef(/** @type {HTMLFormElement | null} */ (null));
	useEffect(() => {
		if (problem)
			/** @type {HTMLElement | null} */ (ref.current?.querySelector('[aria-invalid]'))?.focus();
	}, [problem]);
	const send = async event => {
		event.preventDefault();
		setBusy(true);
		setProblem(null);
		try {
			await onSubmit(bodyOf(fields, values), values);
		} catch (refusal) {
			setProblem(refusal);
		}
		setBusy(false);
	};
	const isPlaced = fieldOf(fields.filter(f => !f.when || f.when(values)), problem);
	return html`<form ref=${ref} class=${isInline ? 'inline-form' : 'stack'} onSubmit=${send} novalidate>
		<${Fields} fields=${fields} values=${values} problem=${problem} onChange=${setValues} />
		${typeof children === 'function' ? children(values, setValues) : children}
		${problem && !isPlaced && html`<${Note} tone="bad">${problem.message}<//>`}
		<div class="form-actions">${onCancel && html`<${Button} onClick=${onCancel}>Cancel<//>`}
			<${Button} type="submit" kind=${kind} role=${role} isBusy=${isBusy}>${submit}<//></div>
	</form>`;
}
