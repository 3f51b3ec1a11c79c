// SPDX-License-Identifier: MIT
// table.js - a list of rows: search, sort, and only the rows on the screen in the page, so that a thousand cost
// what twenty cost. All rows are of one height.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib.js';
import { Icon } from './icons.js';

const ROW_PX = 52, MARGIN = 12, VIRTUAL_FROM = 60;

/**
 * @typedef {{key: string, title: string, cell?: (row: any) => any, sort?: (row: any) => any, isWide?: boolean, align?: string,
 *            isAction?: boolean}} Column  isWide: not on narrow screens
 */

function sorted(rows, columns, by) {
	const column = columns.find(c => c.key === by.key);
	if (!column)
		return rows;
	const value = column.sort || (row => row[column.key]);
	const compare = (a, b) => {
		const x = value(a), y = value(b);
		if (x === y)
			return 0;
		if (typeof x === 'string' || typeof y === 'string')
			return String(x ?? '').localeCompare(String(y ?? ''), undefined, { numeric: true });
		return (x ?? -Infinity) < (y ?? -Infinity) ? -1 : 1;
	};
	return [...rows].sort((a, b) => by.isDown ? compare(b, a) : compare(a, b));
}

/* Which rows are on the screen, by the page's own scrolling. */
function useWindow(count, body) {
	const [range, setRange] = useState([0, VIRTUAL_FROM]);
	useLayoutEffect(() => {
		if (count <= VIRTUAL_FROM)
			return undefined;
		const look = () => {
			const top = -(body.current?.getBoundingClientRect().top ?? 0);
			const first = Math.max(0, Math.floor(top / ROW_PX) - MARGIN);
			const last = first + Math.ceil(innerHeight / ROW_PX) + 2 * MARGIN;
			setRange(was => was[0] === first && was[1] === last ? was : [first, last]);
		};
		look();
		addEventListener('scroll', look, { passive: true });
		addEventListener('resize', look);
		return () => {
			removeEventListener('scroll', look);
			removeEventListener('resize', look);
		};
	}, [count]);
	return count <= VIRTUAL_FROM ? [0, count] : range;
}

function Head({ columns, by, onSort }) {
	return html`<thead><tr>${columns.map(c => {
		const isBy = by.key === c.key;
		return html`<th scope="col" class=${`${c.isWide ? 'wide' : ''} ${c.align || ''}`} aria-sort=${isBy ? by.isDown ? 'descending' : 'ascending' : undefined}>
			${c.isAction ? html`<span class="visually-hidden">${c.title}</span>`
				: html`<button type="button" class="sorter" onClick=${() => onSort(c.key)}>${c.title}
					<span class=${`arrow${isBy ? ' on' : ''}${isBy && by.isDown ? ' down' : ''}`}><${Icon} name="down" size=${12} /></span></button>`}</th>`;
	})}</tr></thead>`;
}

/**
 * @param {{columns: Column[], rows: any[], rowKey: (row: any) => any, label: string, search?: (row: any) => string, href?: (row: any) => string,
 *          empty?: any, start?: {key: string, isDown?: boolean}, tools?: any, isPlain?: boolean}} props
 */
export function Table({ columns, rows, rowKey, label, search, href, empty, start = { key: '' }, tools, isPlain }) {
	const [by, setBy] = useState(start);
	const [words, setWords] = useState('');
	const body = useRef(null);
	const shown = useMemo(() => {
		const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
		const found = wanted.length ? rows.filter(row => {
			const text = search(row).toLowerCase();
			return wanted.every(word => text.includes(word));
		}) : rows;
		return sorted(found, columns, by);
	}, [rows, words, by]);
	const [first, last] = useWindow(shown.length, body);
	useEffect(() => {
		performance.mark(`table:${label}:${shown.length}`);
	}, [shown.length]);
	if (!rows.length && empty)
		return empty;
	const onSort = key => setBy({ key, isDown: by.key === key && !by.isDown });
	return html`<div class="table-box">
		${(search || tools) && html`<div class="table-tools">
			${search && html`<label class="search"><span class="visually-hidden">Search in ${label}</span>
				<input type="search" placeholder="Search" value=${words} onInput=${e => setWords(e.target.value)} /></label>`}
			${tools}<span class="muted count" aria-live="polite">${shown.length === rows.length ? `${rows.length}` : `${shown.length} of ${rows.length}`}</span></div>`}
		<table class=${`${isPlain ? 'plain' : ''}${shown.length <= VIRTUAL_FROM ? ' short' : ''}`} aria-label=${label} aria-rowcount=${shown.length}>
			<${Head} columns=${columns} by=${by} onSort=${onSort} />
			<tbody ref=${body}>
				${first > 0 && html`<tr class="spacer" aria-hidden="true" style=${{ height: `${Math.min(first, shown.length) * ROW_PX}px` }}></tr>`}
				${shown.slice(first, last).map(row => html`<tr key=${rowKey(row)} class=${href ? 'link-row' : ''}>
					${columns.map(c => html`<td class=${`${c.isWide ? 'wide' : ''} ${c.align || ''}${c.isAction ? ' act' : ''}`}>${c.cell ? c.cell(row) : row[c.key]}</td>`)}</tr>`)}
				${last < shown.length && html`<tr class="spacer" aria-hidden="true" style=${{ height: `${(shown.length - last) * ROW_PX}px` }}></tr>`}
			</tbody>
		</table>
		${rows.length > 0 && !shown.length && html`<p class="nothing">Nothing here has these words.</p>`}
	</div>`;
}
