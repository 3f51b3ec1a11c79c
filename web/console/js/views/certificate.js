// SPDX-License-Identifier: MIT
// certificate.js - what webd says of its own certificate. It is not one of the REST resources: policyd knows no TLS.
import { useEffect, useState } from '../lib.js';

/** @returns {{certificate: any, problem: any}} */
export function useCertificate() {
	const [state, setState] = useState({ certificate: /** @type {any} */ (null), problem: /** @type {any} */ (null) });
	useEffect(() => {
		fetch('/certificate.json', { cache: 'no-store' })
			.then(answer => answer.ok ? answer.json() : Promise.reject(new Error(`The gateway answered ${answer.status}.`)))
			.then(certificate => setState({ certificate, problem: null }), problem => setState({ certificate: null, problem }));
	}, []);
	return state;
}
