// SPDX-License-Identifier: MIT
// params.js - fields from a filter's table of parameters, as GET /filters gives it. This is all the console knows of
// filters: a new one's settings appear by themselves.
import { label, quantity, words } from '../format.js';

/** @typedef {{name: string, type: string, unit: string, help: string, min?: string, max?: string, default?: any, choices?: string[]}} Parameter */

const unitText = { us: 'µs', pct: '%', iops: 'IOPS', per_s: 'bytes/s', bytes_per_s: 'bytes/s' };
/* "No limit" of 64 bits is no help to anybody. */
const isHuge = value => Number(value) >= 2 ** 62;

/** @param {Parameter} p */
function range(p) {
	const show = value => p.unit === 'bytes' ? quantity(value, 'bytes') : Number(value).toLocaleString();
	if (p.type !== 'u64' || p.min === undefined || p.max === undefined)
		return '';
	const unit = p.unit === 'bytes' ? '' : unitText[p.unit] || p.unit;
	return (isHuge(p.max) ? `At least ${show(p.min)} ${unit}` : `${show(p.min)} to ${show(p.max)} ${unit}`).trim() + '.';
}

/** @param {Parameter} p @returns {import('./fields.js').Field} */
export function fieldOfParameter(p) {
	const common = { name: p.name, label: label(p.name), help: p.help };
	if (p.type === 'bool')
		return { ...common, type: 'bool' };
	if (p.type === 'enum')
		return { ...common, type: 'choice', choices: p.choices.map(value => ({ value, text: words(value) })) };
	if (p.type === 'u64' && p.unit === 'bytes')
		return { ...common, type: 'bytes', range: range(p), unitFirst: 'MiB' };
	if (p.type === 'u64')
		return { ...common, type: 'number', unit: unitText[p.unit] || p.unit, range: range(p) };
	return { ...common, type: 'line' };
}

/** @param {Parameter[]} parameters */
export const fieldsOf = parameters => parameters.map(fieldOfParameter);

/** Every parameter: what is set, else its default. @param {Parameter[]} parameters @param {Record<string, any>} [set] */
export function valuesOf(parameters, set = {}) {
	return Object.fromEntries(parameters.map(p => {
		const value = set[p.name] ?? p.default;
		return [p.name, p.type === 'bool' ? value === true || value === 'true' : value];
	}));
}

/** As the server takes them: text. @param {Parameter[]} parameters @param {Record<string, any>} values */
export function textOf(parameters, values) {
	return Object.fromEntries(parameters.filter(p => values[p.name] !== undefined).map(p => [p.name, String(values[p.name])]));
}

/** What differs from the defaults, for a line of a list. @param {Parameter[]} parameters @param {Record<string, any>} set */
export function notable(parameters, set) {
	return parameters.filter(p => set?.[p.name] !== undefined && String(set[p.name]) !== String(p.default))
		.map(p => [label(p.name), p.type === 'u64' ? quantity(set[p.name], p.unit) : words(set[p.name])]);
}
