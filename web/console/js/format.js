// SPDX-License-Identifier: MIT
// format.js - quantities as people read them: binary sizes, local times with their zone. Pure.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

function digits(value) {
	const most = value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2;
	return value.toLocaleString(undefined, { maximumFractionDigits: most });
}

/** @param {number | null | undefined} value */
export function bytes(value) {
	let left = Number(value);
	let unit = 0;
	if (value === null || value === undefined || Number.isNaN(left))
		return '–';
	while (Math.abs(left) >= 1024 && unit < UNITS.length - 1) {
		left /= 1024;
		unit++;
	}
	return `${digits(left)} ${UNITS[unit]}`;
}

/** @param {number | null | undefined} value */
export const rate = value => value === null || value === undefined ? '–' : `${bytes(value)}/s`;

/** @param {number | null | undefined} value */
export const count = value => value === null || value === undefined ? '–' : digits(Math.round(value));

/** @param {number | null | undefined} us */
export function latency(us) {
	if (us === null || us === undefined)
		return '–';
	if (us >= 1e6)
		return `${digits(us / 1e6)} s`;
	return us >= 1000 ? `${digits(us / 1000)} ms` : `${digits(us)} µs`;
}

/** @param {number | null | undefined} pct */
export const percent = pct => pct === null || pct === undefined ? '–' : `${digits(Math.round(pct * 10) / 10)} %`;

/** @param {number} s */
export function duration(s) {
	if (s < 60)
		return `${Math.max(0, Math.round(s))} s`;
	if (s < 3600)
		return `${Math.floor(s / 60)} min`;
	if (s < 86400)
		return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

const full = new Intl.DateTimeFormat(undefined, {
	year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
	hourCycle: 'h23', timeZoneName: 'short',
});
const clock = new Intl.DateTimeFormat(undefined, {
	hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short',
});
const day = new Intl.DateTimeFormat(undefined, {
	month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short',
});

/** Local time with its zone; 0 is never. @param {number} ms */
export const time = ms => ms ? full.format(ms) : 'never';

/** Short for lists: today without the day. @param {number} ms */
export function when(ms) {
	if (!ms)
		return 'never';
	return new Date(ms).toDateString() === new Date().toDateString() ? clock.format(ms) : day.format(ms);
}

/** A quantity by the unit that the server names. @param {any} value @param {string} unit */
export function quantity(value, unit) {
	const number = Number(value);
	const by = {
		bytes: bytes, us: latency, ms: ms => latency(ms * 1000), pct: percent, s: duration,
		iops: n => `${count(n)} IOPS`, bytes_per_s: rate,
	}[unit];
	if (value === null || value === undefined || value === '')
		return '–';
	if (by && Number.isFinite(number))
		return by(number);
	return `${value}${unit ? ` ${unit}` : ''}`;
}

const SHORT_FORMS = { io: 'I/O', ram: 'RAM', chap: 'CHAP', iscsi: 'iSCSI', iqn: 'IQN', uuid: 'UUID' };
/** "write_back" as a person writes it. @param {string} word */
export const words = word => String(word ?? '').replace(/[_-]/g, ' ').replace(/\b(io|ram|chap|iscsi|iqn|uuid)\b/g, short => SHORT_FORMS[short]);

/** "1 volume", "3 volumes". @param {number} n @param {string} noun */
export const plural = (n, noun) => `${digits(n)} ${noun}${n === 1 ? '' : 's'}`;

/** The unit that the end of a member's name says. @param {string} name */
export function unitOf(name) {
	const found = /_(bytes_per_s|bytes|us|ms|pct|iops|s)$/.exec(name);
	return found ? found[1] : '';
}

const SHORT = { bytes_per_s: '', bytes: '', us: '', ms: '', pct: '', iops: '', s: '' };
/** A member's name as a label: its unit is told by the value. @param {string} name */
export function label(name) {
	const unit = unitOf(name);
	const bare = unit && SHORT[unit] === '' ? name.slice(0, -unit.length - 1) : name;
	const text = words(bare.replace(/^(is|has|may)_/, ''));
	return text.charAt(0).toUpperCase() + text.slice(1) + (unit === 'iops' ? ' IOPS' : '');
}
