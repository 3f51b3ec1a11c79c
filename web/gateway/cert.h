/* SPDX-License-Identifier: MIT */
/*
 * cert.h - the certificate that webd shows, and changing it while connections are made.
 *
 * STATE_DIR/tls.key (mode 0600) and STATE_DIR/tls.crt (PEM; a chain may follow the certificate). At
 * the first start both are made (cert_make.h). To replace them: put the files there, then SIGHUP. A
 * pair that does not fit is refused and the one in use stays.
 *
 * libmicrohttpd asks for the pair at each handshake and has no context for that question, so there
 * is one store per process. A handshake may still use the pair that was just replaced; it is freed
 * when no handshake can be that old.
 *
 * Thread: main.
 */
#ifndef GATEWAY_CERT_H
#define GATEWAY_CERT_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdint.h>

#include "err.h"

#define CERT_FINGERPRINT_MAX 100u /* 32 pairs of hex digits with colons */
#define CERT_RETIRED_S       60u

int must_check cert_open(const char *state_dir, struct err *err);
void cert_close(void);
/* The files anew; after an error what was in use stays in use. */
int must_check cert_reload(uint64_t now_ns, struct err *err);
/* Now and then: frees what was replaced long enough ago. */
void cert_tick(uint64_t now_ns);
const char *cert_fingerprint(void);   /* "AB:CD:..." of the one in use */
const gnutls_datum_t *cert_der(void); /* the one in use; lives until the loop goes on */

/* For MHD_OPTION_HTTPS_CERT_CALLBACK. */
int cert_retrieve(gnutls_session_t session, const gnutls_datum_t *req_ca_rdn, int nreqs,
		  const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length,
		  gnutls_pcert_st **pcert, unsigned int *pcert_length, gnutls_privkey_t *pkey);

/* For --fingerprint: of the file, without opening anything else. */
int must_check cert_file_fingerprint(const char *state_dir, char out[CERT_FINGERPRINT_MAX],
				     struct err *err);

#endif
