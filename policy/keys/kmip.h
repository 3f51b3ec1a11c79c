/* SPDX-License-Identifier: MIT */
/*
 * kmip.h - keys at a KMIP server, or at one of several that hold the same.
 *
 *   kmip.c            what is done with keys, operation by operation
 *   kmip_session.c    a request and its answer; which server; when to try another one
 *   kmip_link.c       one TLS connection; kmip_tls.c OpenSSL
 *   kmip_message.h    requests and answers; kmip_ttlv.c their encoding
 *
 * Servers are asked in the order in which they are listed; one that answered is kept until it
 * fails. Nothing of a key is kept here: each get asks the server, so that what is revoked there is
 * revoked here.
 *
 * Thread: one at a time; blocks, at most servers * 2 * timeout_ms for each message.
 */
#ifndef POLICY_KEYS_KMIP_H
#define POLICY_KEYS_KMIP_H

#include <jansson.h>
#include <stdint.h>

#include "err.h"
#include "key_state.h"
#include "kmip_message.h"

#define KMIP_SERVERS_MAX 8u

struct kmip;

/* Everything is copied but egress_socket. */
struct kmip_cfg {
	const char *egress_socket;
	const char *servers[KMIP_SERVERS_MAX]; /* "host:port" */
	uint32_t server_count;
	const char *server_name; /* "" or NULL: each server's own host */
	const char *ca_pem, *certificate_pem, *key_pem;
	uint32_t timeout_ms;
	int stop_fd;
};

int must_check kmip_open(const struct kmip_cfg *cfg, struct kmip **out, struct err *err);
void kmip_close(struct kmip *k); /* wipes; NULL is fine */
/* Where egressd may connect to: the setting egress_allow. Before the first use and when it changed.
 */
void kmip_allow(struct kmip *k, const json_t *allowed);

/* Is anybody there, and can he do what is needed? text: who it is. */
enum key_state kmip_check(struct kmip *k, char *text, size_t size, struct err *err);
/* A new key that is active and can be fetched. Done twice with one name it is one key. */
enum key_state kmip_create(struct kmip *k, const char *name, char id[KMIP_ID_MAX + 1],
			   struct err *err);
enum key_state kmip_get(struct kmip *k, const char *id, uint8_t key[SECRET_KEY_BYTES],
			struct err *err);
/* Could it be had? */
enum key_state kmip_look(struct kmip *k, const char *id, struct err *err);
/* Revoked and destroyed; one that is gone already is destroyed. */
enum key_state kmip_destroy(struct kmip *k, const char *id, struct err *err);

/* ---------------------------------------------------------------- kmip_session.c */

/* One request, its text an identifier or a name. The answer stays right until the next request; one
 * that says that it failed has become a state and a sentence. */
enum key_state kmip_ask(struct kmip *k, enum kmip_operation operation, const char *text,
			struct kmip_answer *answer, struct err *err);
const char *kmip_server(const struct kmip *k); /* the one that is connected, or "" */

#endif
