// SPDX-License-Identifier: MIT
// plan.js - what a dry run answered: the steps that would be taken.
import { html } from '../lib.js';
import { Note } from '../parts/basics.js';

/** @param {{answer: any}} props */
export function Plan({ answer }) {
	if (answer.problem)
		return html`<${Note} tone="bad">${answer.problem.message}<//>`;
	if (!answer.plan.length)
		return html`<${Note} tone="good">Nothing would have to be done: everything runs as asked for.<//>`;
	return html`<div class="plan"><h3>${answer.plan.length} ${answer.plan.length === 1 ? 'step' : 'steps'}, in this order</h3>
		<ol>${answer.plan.map(step => html`<li><b>${step.object_name}</b> ${step.text}</li>`)}</ol></div>`;
}
