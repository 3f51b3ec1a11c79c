// SPDX-License-Identifier: MIT
// fields.js - one input for each kind of value. What is valid is the server's to say; a field only shows it.
import { html, useId, useState } from '../lib.js';

const SIZES = [['MiB', 2 ** 20], ['GiB', 2 ** 30], ['TiB', 2 ** 40], ['KiB', 2 ** 10], ['bytes', 1]];
const sizeFactor = Object.fromEntries(SIZES);

/** "1073741824" as {number: "1", unit: "GiB"}: the largest unit that leaves nothing over. */
function splitSize(value, fallback) {
	const number = Number(value);
	if (value === '' || value === undefined || value === null || !Number.isFinite(number))
		return { number: '', unit: fallback };
	if (number === 0)
		return { number: '0', unit: fallback };
	const fit = ['TiB', 'GiB', 'MiB', 'KiB'].find(unit => number % sizeFactor[unit] === 0);
	return { number: String(number / sizeFactor[fit || 'bytes']), unit: fit || 'bytes' };
}

function SizeInput({ field, value, onInput, common }) {
	const first = splitSize(value, field.unitFirst || 'GiB');
	const [unit, setUnit] = useState(first.unit);
	const [text, setText] = useState(first.number);
	const say = (number, factor) => onInput(number === '' ? '' : String(Math.round(Number(number.replace(',', '.')) * sizeFactor[factor])));
	return html`<div class="joined">
		<input ...${common} type="text" inputmode="decimal" value=${text} onInput=${e => {
			setText(e.target.value);
			say(e.target.value, unit);
		}} />
		<select aria-label=${`Unit of ${field.label}`} value=${unit} onChange=${e => {
			setUnit(e.target.value);
			say(text, e.target.value);
		}}>${SIZES.map(([name]) => html`<option value=${name}>${name}</option>`)}</select></div>`;
}

function PickInput({ field, value = [], onInput, id }) {
	const [filter, setFilter] = useState('');
	const all = field.choices || [];
	const shown = filter ? all.filter(c => c.value.includes(filter) || value.includes(c.value)) : all;
	const flip = name => onInput(value.includes(name) ? value.filter(v => v !== name) : [...value, name]);
	if (!all.length)
		return html`<p class="muted" id=${id}>${field.none || 'There is nothing to choose from yet.'}</p>`;
	return html`<div class="pick" role="group" aria-label=${field.label} id=${id}>
		${all.length > 8 && html`<input type="search" placeholder="Search" aria-label=${`Search in ${field.label}`} value=${filter}
			onInput=${e => setFilter(e.target.value)} />`}
		<div class="pick-list">${shown.slice(0, 200).map(choice => html`<label class="check"><input type="checkbox" name=${field.name}
			value=${choice.value} checked=${value.includes(choice.value)} onChange=${() => flip(choice.value)} />
			<span>${choice.text || choice.value}${choice.help && html`<small>${choice.help}</small>`}</span></label>`)}</div></div>`;
}

function ChoiceInput({ field, value, onInput, common }) {
	return html`<select ...${common} value=${value ?? ''} onChange=${e => onInput(e.target.value)}>
		${field.empty !== undefined && html`<option value="">${field.empty}</option>`}
		${(field.choices || []).map(c => html`<option value=${c.value}>${c.text || c.value}</option>`)}</select>`;
}

function LinesInput({ value, onInput, common, field }) {
	const [text, setText] = useState((value || []).join('\n'));
	return html`<textarea ...${common} rows=${field.rows || 3} value=${text} onInput=${e => {
		setText(e.target.value);
		onInput(e.target.value.split('\n').map(line => line.trim()).filter(Boolean));
	}}></textarea>`;
}

function input({ field, value, onInput, common, id }) {
	const typed = e => onInput(e.target.value);
	switch (field.type) {
	case 'bytes': return html`<${SizeInput} field=${field} value=${value} onInput=${onInput} common=${common} />`;
	case 'choice': return html`<${ChoiceInput} field=${field} value=${value} onInput=${onInput} common=${common} />`;
	case 'pick': return html`<${PickInput} field=${field} value=${value} onInput=${onInput} id=${id} />`;
	case 'lines': return html`<${LinesInput} field=${field} value=${value} onInput=${onInput} common=${common} />`;
	case 'text': return html`<textarea ...${common} rows=${field.rows || 4} value=${value ?? ''} onInput=${typed}></textarea>`;
	case 'password': return html`<input ...${common} type="password" autocomplete=${field.autocomplete || 'new-password'} value=${value ?? ''} onInput=${typed} />`;
	case 'number': return html`<div class=${field.unit ? 'joined' : ''}><input ...${common} type="text" inputmode="decimal" value=${value ?? ''}
		onInput=${typed} />${field.unit && html`<span class="unit">${field.unit}</span>`}</div>`;
	default: return html`<input ...${common} type="text" autocomplete=${field.autocomplete || 'off'} spellcheck=${false} value=${value ?? ''}
		placeholder=${field.placeholder} onInput=${typed} />`;
	}
}

/**
 * @typedef {{name: string, label: string, type?: string, help?: any, unit?: string, choices?: {value: string, text?: any, help?: any}[],
 *            empty?: string, rows?: number, isOptional?: boolean, placeholder?: string, none?: string, range?: string,
 *            unitFirst?: string, autocomplete?: string, isFirst?: boolean, when?: (values: any) => boolean}} Field
 */

/** @param {{field: Field, value: any, problem?: string, onInput: (value: any) => void}} props */
export function FieldInput({ field, value, problem, onInput }) {
	const id = useId();
	const about = [field.help || field.range ? `${id}h` : '', problem ? `${id}p` : ''].filter(Boolean).join(' ') || undefined;
	const common = {
		id, name: field.name, 'aria-describedby': about, 'aria-invalid': problem ? 'true' : undefined, autofocus: field.isFirst,
	};
	const said = problem && html`<p class="field-problem" id=${`${id}p`} role="alert">${problem}</p>`;
	if (field.type === 'bool')
		return html`<div class="field"><label class="check switch"><input ...${common} type="checkbox" role="switch" checked=${value === true || value === 'true'}
			onChange=${e => onInput(e.target.checked)} /><span>${field.label}${field.help && html`<small id=${`${id}h`}>${field.help}</small>`}</span></label>${said}</div>`;
	return html`<div class=${`field${problem ? ' wrong' : ''}`}>
		<label class="field-label" for=${id}>${field.label}${field.isOptional && html` <span class="optional">optional</span>`}</label>
		${input({ field, value, onInput, common, id })}
		${(field.help || field.range) && html`<p class="field-help" id=${`${id}h`}>${field.help}${field.range && html` <span class="range">${field.range}</span>`}</p>`}
		${said}</div>`;
}
