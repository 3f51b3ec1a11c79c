// SPDX-License-Identifier: MIT
// act.js - doing something: ask, tell what became of it, and follow the task that it made to its end.
import { useCallback, useState } from '../lib.js';
import { ask } from '../rest.js';
import { listen, tasks } from '../live.js';
import { toast } from './toast.js';

const isOver = task => ['succeeded', 'failed', 'cancelled'].includes(task.state);

function show(id, title, task) {
	const href = `#/tasks/${task.id}`;
	if (task.state === 'succeeded')
		return toast({ id, tone: 'good', title: `${title}: done` });
	if (isOver(task))
		return toast({ id, tone: 'bad', title: `${title}: ${task.state}`, text: task.error_text, href });
	return toast({ id, isBusy: true, title, text: task.text, href, progress_pct: task.progress_pct });
}

/**
 * Follows a task; resolves with it when it has ended. Asks by itself too, as a stream may be down just then; an
 * answer that was on its way while the stream told of the end is older than the end, and says nothing any more.
 * @param {string} title
 * @param {number} taskId
 * @returns {Promise<any>}
 */
export function followTask(title, taskId) {
	const id = toast({ isBusy: true, title });
	return new Promise(resolve => {
		let timer = 0, hasEnded = false;
		const see = task => {
			if (hasEnded)
				return;
			show(id, title, task);
			hasEnded = isOver(task);
			if (!hasEnded)
				return;
			stop();
			clearInterval(timer);
			resolve(task);
		};
		const stop = listen(message => {
			if (message.kind === 'task' && message.task.id === taskId)
				see(message.task);
		});
		const look = () => ask('GET', `/tasks/${taskId}`).then(see, () => {});
		timer = window.setInterval(look, 2000);
		const known = tasks.get().get(taskId);
		if (known)
			see(known);
		else
			look();
	});
}

/**
 * Asks for a change and tells what became of it. Throws what the server refused.
 * @param {string} title what a person calls it: "Flush of gold"
 * @param {string} method
 * @param {string} path
 * @param {any} [body]
 * @param {{revision?: number, isWaiting?: boolean}} [options] isWaiting: return when the task has ended
 */
export async function change(title, method, path, body, options = {}) {
	const answer = await ask(method, path, body, options);
	if (answer?.task_id) {
		const end = followTask(title, answer.task_id);
		if (options.isWaiting) {
			const task = await end;
			return { ...answer, task };
		}
	} else {
		toast({ tone: 'good', title: `${title}: done` });
	}
	return answer;
}

/** The same for a step of several: returns when its task has ended, and throws what it failed of. */
export async function changed(title, method, path, body) {
	const { task } = await change(title, method, path, body, { isWaiting: true }) || {};
	if (task && task.state !== 'succeeded')
		throw new Error(task.error_text || `${title}: the task was ${task.state}.`);
}

/**
 * For buttons: run(...) does it, isBusy meanwhile; a refusal is shown as a message.
 * @returns {[boolean, (title: string, method: string, path: string, body?: any, options?: any) => Promise<any>]}
 */
export function useAct() {
	const [isBusy, setBusy] = useState(false);
	const run = useCallback(async (title, method, path, body, options) => {
		setBusy(true);
		try {
			return await change(title, method, path, body, options);
		} catch (problem) {
			toast({ tone: 'bad', title: `${title}: refused`, text: problem.message });
			return null;
		} finally {
			setBusy(false);
		}
	}, []);
	return [isBusy, run];
}
