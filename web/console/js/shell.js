// SPDX-License-Identifier: MIT
// shell.js - what stands around every view: navigation, who is signed in, the connection, messages.
import { html, Component, useEffect, useRef, useState } from './lib.js';
import { connection, figures } from './live.js';
import { forget, useResource } from './resource.js';
import { match, place } from './router.js';
import { routes } from './routes.js';
import { may, session, signOut } from './session.js';
import { useStore } from './store.js';
import { setTheme, themeChoice } from './theme.js';
import { Button, Note } from './parts/basics.js';
import { Confirm } from './parts/dialog.js';
import { Icon, Mark } from './parts/icons.js';
import { Toasts } from './parts/toast.js';

const THEMES = { auto: ['light', 'As the system', 'auto'], light: ['dark', 'Light', 'sun'], dark: ['auto', 'Dark', 'moon'] };

/** A fault in one view leaves the rest standing. */
class Guard extends Component {
	constructor(props) {
		super(props);
		this.state = { fault: null };
	}
	componentDidCatch(fault) {
		console.error(fault);
		this.setState({ fault });
	}
	render() {
		const { fault } = this.state;
		return fault ? html`<div class="page"><${Note} tone="bad" title="This view failed">${String(fault.message || fault)}<//>
			<${Button} onClick=${() => location.reload()}>Load the console again<//></div>` : this.props.children;
	}
}

/* The module of a view is fetched when it is first needed. */
function useModule(load) {
	const [loaded, setLoaded] = useState({ load: null, module: null, problem: null });
	useEffect(() => {
		let isCurrent = true;
		load().then(module => isCurrent && setLoaded({ load, module, problem: null }),
			problem => isCurrent && setLoaded({ load, module: null, problem }));
		return () => {
			isCurrent = false;
		};
	}, [load]);
	return loaded.load === load ? loaded : { module: null, problem: null };
}

function View({ load, name, params }) {
	const { module, problem } = useModule(load);
	if (problem)
		return html`<div class="page"><${Note} tone="bad" title="This part of the console could not be fetched"
			actions=${html`<${Button} onClick=${() => location.reload()}>Try again<//>`}>The appliance may be restarting.<//></div>`;
	if (!module)
		return html`<div class="page"><div class="waiting" role="status"><span class="spinner"></span>Opening …</div></div>`;
	return html`<${module[name]} ...${params} />`;
}

function Nav({ at, onGo, system, isOpen }) {
	const groups = [...new Set(routes.filter(r => r.title).map(r => r.group))];
	const counts = { '/alerts': system?.counts.alerts, '/tasks': system?.counts.tasks_running };
	return html`<nav class=${`nav${isOpen ? ' open' : ''}`} aria-label="Views" id="nav">
		<a class="brand" href="#/" onClick=${onGo}><${Mark} /><span>Sluice<small>${system?.appliance_name || ' '}</small></span></a>
		${groups.map(group => html`<div class="nav-group">${group && html`<h2>${group}</h2>`}
			<ul>${routes.filter(r => r.title && r.group === group && may(r.role)).map(r => html`<li>
				<a href=${`#${r.path}`} class=${at === r.path ? 'on' : ''} aria-current=${at === r.path ? 'page' : undefined} onClick=${onGo}>
				<${Icon} name=${r.icon} /><span>${r.title}</span>${counts[r.path] ? html`<span class=${`pill${r.path === '/alerts' ? ' bad' : ''}`}>${counts[r.path]}</span>` : ''}</a></li>`)}</ul></div>`)}
	</nav>`;
}

function TopBar({ onMenu, isOpen, system }) {
	const who = useStore(session);
	const link = useStore(connection);
	const choice = useStore(themeChoice);
	const at = useStore(place);
	const [next, text, icon] = THEMES[choice] || THEMES.auto;
	return html`<header class="top">
		<button type="button" class="button bare ghost menu" aria-label="Navigation" aria-expanded=${isOpen ? 'true' : 'false'} aria-controls="nav" onClick=${onMenu}>
			<${Icon} name="menu" size=${20} /></button>
		<span class=${`link ${link}`} role="status"><i aria-hidden="true"></i>${link === 'open' ? 'Live' : link === 'lost' ? 'Not connected' : 'Connecting'}</span>
		${system && system.status !== 'ok' && at.path !== '/' && html`<a class=${`health ${system.status}`} href="#/">${system.summary}</a>`}
		<span class="grow"></span>
		<button type="button" class="button bare ghost" aria-label=${`Theme: ${text}`} title=${`Theme: ${text}`} onClick=${() => setTheme(next)}><${Icon} name=${icon} /></button>
		<a class="who" href="#/account"><${Icon} name="user" /><span>${who.name}<small>${who.role}</small></span></a>
		<button type="button" class="button bare ghost" aria-label="Sign out" title="Sign out" onClick=${signOut}><${Icon} name="exit" /></button>
	</header>`;
}

function Lost() {
	const link = useStore(connection);
	return link === 'lost' && html`<div class="lost-link" role="alert"><${Icon} name="warning" />The connection to the appliance is lost; what you see
		may be old. It is tried again by itself. Volumes go on serving meanwhile.</div>`;
}

function Main() {
	const at = useStore(place);
	const [isOpen, setOpen] = useState(false);
	const main = useRef(/** @type {HTMLElement | null} */ (null));
	const isFirst = useRef(true);
	const { data: system } = useResource('/system', { watch: ['volume', 'datastore', 'alert', 'task', 'system'], every_s: 15 });
	const found = match(routes, at.path);
	useEffect(() => {
		setOpen(false);
		scrollTo(0, 0);
		if (!isFirst.current)
			main.current?.focus({ preventScroll: true });
		isFirst.current = false;
	}, [at.path]);
	useEffect(() => {
		const close = event => event.key === 'Escape' && setOpen(false);
		addEventListener('keydown', close);
		return () => removeEventListener('keydown', close);
	}, []);
	const route = found?.route;
	const isAllowed = route && may(route.role);
	const skip = event => {
		event.preventDefault();
		main.current?.focus();
	};
	return html`<div class="shell">
		<a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
		<${Nav} at=${route?.title ? route.path : route?.under} onGo=${() => setOpen(false)} system=${system} isOpen=${isOpen} />
		${isOpen && html`<div class="shade" onClick=${() => setOpen(false)}></div>`}
		<div class="body"><${TopBar} onMenu=${() => setOpen(!isOpen)} isOpen=${isOpen} system=${system} /><${Lost} />
			<main ref=${main} tabindex="-1" id="main"><${Guard} key=${at.path}>
				${isAllowed ? html`<${View} load=${route.view} name=${route.name} params=${found.params} key=${at.path} />`
					: html`<div class="page"><h1>${route ? 'Not for this role' : 'There is no such view'}</h1>
						<p>${route ? `This needs the role ${route.role}.` : 'The address may be from another version.'} <a href="#/">To the dashboard</a></p></div>`}<//></main>
		</div><${Toasts} /><${Confirm} />
	</div>`;
}

const gate = () => import('./views/sign-in.js');

export function App() {
	const { state } = useStore(session);
	useEffect(() => {
		if (state === 'out' || state === 'setup') {
			forget();
			figures.set(null);
		}
	}, [state]);
	if (state === 'unknown')
		return html`<div class="boot" role="status">Sluice</div>`;
	if (state === 'away')
		return html`<main class="gate"><div class="gate-card"><${Mark} size=${40} /><h1>The appliance is not answering</h1>
			<p role="status"><span class="spinner"></span> Its management may be starting. Volumes do not depend on it; this page goes on by itself.</p></div></main>`;
	return state === 'in' ? html`<${Main} />` : html`<${View} load=${gate} name="SignIn" params=${{ state }} /><${Toasts} />`;
}
