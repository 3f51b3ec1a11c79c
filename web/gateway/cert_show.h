/* SPDX-License-Identifier: MIT */
/*
 * cert_show.h - what the certificate in use says, for the console. Nothing in it is secret: every
 * handshake shows it; but a page's scripts cannot see the connection that they came by.
 *
 * Thread: main.
 */
#ifndef GATEWAY_CERT_SHOW_H
#define GATEWAY_CERT_SHOW_H

#include <microhttpd.h>

#define CERT_SHOW_PATH "/certificate.json"

/* {subject, issuer, is_self_signed, not_before_ms, not_after_ms, fingerprint_sha256} */
enum MHD_Result cert_show_answer(struct MHD_Connection *mhd);

#endif
