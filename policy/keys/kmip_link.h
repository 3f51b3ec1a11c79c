/* SPDX-License-Identifier: MIT */
/*
 * kmip_link.h - one TLS connection to one key server, through sluice-egressd.
 *
 *   policyd: TLS over a Unix socket pair -> egressd: the same bytes over TCP -> server
 *
 * policyd has no network, and egressd sees ciphertext only. Everything waits with the connection's
 * limit, and ends at once when stop_fd becomes readable.
 *
 * Thread: one at a time; blocks.
 */
#ifndef POLICY_KEYS_KMIP_LINK_H
#define POLICY_KEYS_KMIP_LINK_H

#include <jansson.h>
#include <stdint.h>

#include "err.h"
#include "key_state.h"

struct kmip_link;

/* Strings stay the caller's, until the link is closed. */
struct kmip_link_cfg {
	const char *egress_socket;
	const json_t *allowed;   /* the setting egress_allow: egressd is told it first */
	const char *server;      /* "host:port", as in egress_allow */
	const char *server_name; /* what its certificate must be for; NULL: the server's host */
	const char *ca_pem, *certificate_pem, *key_pem;
	uint32_t timeout_ms; /* of each step: connect, handshake, one exchange */
	int stop_fd;         /* -1: none */
};

/* The state says whose turn it is: KEY_UNREACHABLE the network's, KEY_REFUSED a person's. */
enum key_state kmip_link_open(const struct kmip_link_cfg *cfg, struct kmip_link **out,
			      struct err *err);
/*
 * Sends the message of len bytes in data and replaces it by the answer, *len bytes, at most room.
 * After an error the link is good for nothing but closing; err->code ECONNRESET: the server closed
 * it before any answer, as it may with one that was idle.
 */
enum key_state kmip_link_exchange(struct kmip_link *l, uint8_t *data, size_t room, size_t *len,
				  struct err *err);
void kmip_link_close(struct kmip_link *l); /* NULL is fine */

/* The texts are a certificate, its key and authorities, and fit together. Errors: -EINVAL. */
int must_check kmip_link_check(const char *ca_pem, const char *certificate_pem, const char *key_pem,
			       struct err *err);

#endif
