// SPDX-License-Identifier: MIT
// policy-edit.js - the editor of a policy: one place for each class in the chain's order, and the settings of the
// filter in it, all from the filters' own tables.
import { html, useState } from '../lib.js';
import { ask, part } from '../rest.js';
import { useResource } from '../resource.js';
import { go } from '../router.js';
import { words } from '../format.js';
import { change } from '../parts/act.js';
import { Button, Card, Loaded, Note, Page } from '../parts/basics.js';
import { Fields } from '../parts/form.js';
import { FieldInput } from '../parts/fields.js';
import { fieldsOf, textOf, valuesOf } from '../parts/params.js';
import { Icon } from '../parts/icons.js';

const ON_FAILURE = { name: 'on_failure', label: 'When the filter fails', type: 'choice', help: 'Only filters that leave data as it is may be gone past.',
	choices: [{ value: 'hold', text: 'I/O waits' }, { value: 'bypass', text: 'I/O goes past it' }] };

/* Classes in order, each with the filters that are there for it. */
function classesOf(filters) {
	const found = new Map();
	for (const f of [...filters].sort((a, b) => a.class_number - b.class_number || a.name.localeCompare(b.name))) {
		if (!found.has(f.class))
			found.set(f.class, []);
		found.get(f.class).push(f);
	}
	return [...found];
}

/* "rules[1].parameters.mode" belongs to the second rule. */
function ruleOf(problem) {
	const found = /^rules\[(\d+)\]/.exec(problem?.field || '');
	return found ? Number(found[1]) : -1;
}

function RuleEditor({ name, filters, rule, onChange, problem }) {
	const filter = filters.find(f => f.name === rule?.filter);
	const pick = to => {
		const next = filters.find(f => f.name === to);
		onChange(next ? { class: name, filter: to, on_failure: 'hold', values: valuesOf(next.parameters) } : null);
	};
	const field = { name: `filter_${name}`, label: words(name), type: 'choice', empty: 'No filter',
		choices: filters.map(f => ({ value: f.name, text: `${words(f.name)}${f.is_enabled ? '' : ' (disabled)'}` })) };
	return html`<section class=${`rule${rule ? ' on' : ''}`} aria-label=${`Class ${words(name)}`}>
		<div class="rule-head"><${FieldInput} field=${field} value=${rule?.filter || ''} onInput=${pick} problem=${problem && !/parameters/.test(problem.field) ? problem.message : ''} />
			${filter && html`<p class="muted">${filter.help}</p>`}</div>
		${filter && html`<div class="rule-body"><${Fields} fields=${fieldsOf(filter.parameters)} values=${rule.values} problem=${problem} onChange=${values => onChange({ ...rule, values })} />
			${filter.is_transparent && html`<${FieldInput} field=${ON_FAILURE} value=${rule.on_failure} onInput=${on_failure => onChange({ ...rule, on_failure })} />`}</div>`}</section>`;
}

function Editor({ policy, filters }) {
	const tables = new Map(filters.map(f => [f.name, f]));
	const [rules, setRules] = useState(() => Object.fromEntries(policy.rules.map(r => [r.class, {
		class: r.class, filter: r.filter, on_failure: r.on_failure, values: valuesOf(tables.get(r.filter)?.parameters || [], r.parameters) }])));
	const [texts, setTexts] = useState({ description: policy.description, comment: '' });
	const [problem, setProblem] = useState(/** @type {any} */ (null));
	const [isBusy, setBusy] = useState(false);
	const classes = classesOf(filters.filter(f => f.is_installed));
	const body = () => classes.filter(([name]) => rules[name]).map(([name]) => {
		const { filter, on_failure, values } = rules[name];
		return { class: name, filter, on_failure, parameters: textOf(tables.get(filter)?.parameters || [], values) };
	});
	const save = async event => {
		event.preventDefault();
		setBusy(true);
		setProblem(null);
		try {
			await ask('POST', '/policies/check', { rules: body() });
			await change(`Policy ${policy.name}`, 'PATCH', `/policies/${part(policy.name)}`, { description: texts.description, rules: body(), comment: texts.comment }, { revision: policy.revision });
			go(`/policies/${part(policy.name)}`);
		} catch (refusal) {
			setProblem(refusal);
			setBusy(false);
		}
	};
	const at = ruleOf(problem);
	const guilty = at >= 0 ? body()[at]?.class : '';
	return html`<form class="stack" onSubmit=${save} novalidate>
		<${Card}><div class="stack"><${FieldInput} field=${{ name: 'description', label: 'Description' }} value=${texts.description} onInput=${description => setTexts({ ...texts, description })} /></div><//>
		<${Card} title="The chain" sub="A write passes the classes from top to bottom; a volume has at most one filter of each.">
			<div class="rules"><p class="rule-end"><${Icon} name="host" /> Hosts</p>
			${classes.map(([name, own]) => html`<${RuleEditor} key=${name} name=${name} filters=${own} rule=${rules[name]} problem=${guilty === name ? problem : null}
				onChange=${rule => setRules({ ...rules, [name]: rule || undefined })} />`)}
			<p class="rule-end"><${Icon} name="datastore" /> Datastore</p></div><//>
		<${Card}><div class="stack"><${FieldInput} field=${{ name: 'comment', label: 'What changes, and why', isOptional: true, help: 'Stands beside the version, for whoever asks later.' }} value=${texts.comment}
			onInput=${comment => setTexts({ ...texts, comment })} />
			${problem && !guilty && html`<${Note} tone="bad">${problem.message}<//>`}${guilty && html`<${Note} tone="bad">Look at ${words(guilty)} above: ${problem.message}<//>`}
			<p class="muted">Saving makes a new version. Volumes stay on theirs until the policy is applied again.</p>
			<div class="form-actions"><${Button} href=${`#/policies/${part(policy.name)}`}>Cancel<//><${Button} type="submit" kind="primary" role="operator" isBusy=${isBusy}>Save a new version<//></div></div><//></form>`;
}

/** @param {{name: string}} props */
export function PolicyEdit({ name }) {
	const policy = useResource(`/policies/${part(name)}`);
	const filters = useResource('/filters', { isList: true });
	return html`<${Page} title=${`Edit ${name}`} back=${{ href: `#/policies/${part(name)}`, text: name }}><div class="narrow"><${Loaded} resource=${policy}>${p => p.is_bundled
		? html`<${Note} tone="warn">This sample cannot be changed; clone it.<//>` : html`<${Loaded} resource=${filters}>${f => html`<${Editor} policy=${p} filters=${f} />`}<//>`}<//></div><//>`;
}
