/* SPDX-License-Identifier: MIT */
#include "cert_show.h"

#include <gnutls/x509.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cert.h"
#include "reply.h"

#define NAME_MAX_BYTES 512u

static json_t *facts_of(gnutls_x509_crt_t crt)
{
	char subject[NAME_MAX_BYTES] = "", issuer[NAME_MAX_BYTES] = "";
	size_t subject_size = sizeof(subject), issuer_size = sizeof(issuer);

	/* A name that is too long for a page is left out. */
	if (gnutls_x509_crt_get_dn(crt, subject, &subject_size) < 0)
		subject[0] = '\0';
	if (gnutls_x509_crt_get_issuer_dn(crt, issuer, &issuer_size) < 0)
		issuer[0] = '\0';
	return json_pack(
	    "{s:s, s:s, s:b, s:I, s:I, s:s}", "subject", subject, "issuer", issuer,
	    "is_self_signed", gnutls_x509_crt_check_issuer(crt, crt) != 0, "not_before_ms",
	    (json_int_t)gnutls_x509_crt_get_activation_time(crt) * 1000, "not_after_ms",
	    (json_int_t)gnutls_x509_crt_get_expiration_time(crt) * 1000, "fingerprint_sha256",
	    cert_fingerprint());
}

static char *text_of(const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;
	json_t *facts = NULL;
	char *text;

	if (!der || gnutls_x509_crt_init(&crt) < 0)
		return NULL;
	if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0)
		facts = facts_of(crt);
	gnutls_x509_crt_deinit(crt);
	text = facts ? json_dumps(facts, JSON_COMPACT) : NULL;
	json_decref(facts);
	return text;
}

enum MHD_Result cert_show_answer(struct MHD_Connection *mhd)
{
	char *text = text_of(cert_der());
	struct MHD_Response *response;
	enum MHD_Result result;

	if (!text)
		return reply_problem(mhd, 500, "The certificate cannot be read.", 0);
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", "application/json");
	reply_harden(response, true);
	result = MHD_queue_response(mhd, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}
