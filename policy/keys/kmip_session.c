/* SPDX-License-Identifier: MIT */
/* kmip_session.c - a request and its answer, from one of several servers; see kmip.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "kmip.h"
#include "kmip_link.h"
#include "log.h"
#include "secret.h"

struct kmip {
	struct kmip_cfg cfg; /* its strings are ours */
	json_t *allowed;
	struct kmip_link *link; /* NULL: not connected */
	uint32_t server;        /* the one that is connected, or next to be tried */
	struct kmip_version version;
	uint8_t *data; /* a message, in locked memory */
};

/* ---------------------------------------------------------------- life */

static char *copy_of(const char *text)
{
	return strdup(text ? text : "");
}

int kmip_open(const struct kmip_cfg *cfg, struct kmip **out, struct err *err)
{
	struct kmip *k = calloc(1, sizeof(*k));
	bool is_whole;

	if (!k)
		return err_set(err, ENOMEM, "", "no memory for a key server");
	k->cfg = *cfg;
	for (uint32_t i = 0; i < cfg->server_count; i++)
		k->cfg.servers[i] = copy_of(cfg->servers[i]);
	k->cfg.server_name = copy_of(cfg->server_name);
	k->cfg.ca_pem = copy_of(cfg->ca_pem);
	k->cfg.certificate_pem = copy_of(cfg->certificate_pem);
	k->cfg.key_pem = copy_of(cfg->key_pem);
	k->allowed = json_array();
	k->data = secret_alloc(TTLV_MESSAGE_BYTES);
	is_whole = k->data && k->allowed && k->cfg.server_name && k->cfg.ca_pem &&
		   k->cfg.certificate_pem && k->cfg.key_pem;
	for (uint32_t i = 0; i < cfg->server_count; i++)
		is_whole = is_whole && k->cfg.servers[i];
	if (!is_whole) {
		kmip_close(k);
		return err_set(err, ENOMEM, "", "no memory for a key server");
	}
	*out = k;
	return 0;
}

static void forget(const char *text)
{
	char *mine = (char *)(uintptr_t)text;

	if (mine)
		secret_wipe(mine, strlen(mine));
	free(mine);
}

void kmip_close(struct kmip *k)
{
	if (!k)
		return;
	kmip_link_close(k->link);
	for (uint32_t i = 0; i < k->cfg.server_count; i++)
		forget(k->cfg.servers[i]);
	forget(k->cfg.server_name);
	forget(k->cfg.ca_pem);
	forget(k->cfg.certificate_pem);
	forget(k->cfg.key_pem);
	secret_free(k->data, TTLV_MESSAGE_BYTES);
	json_decref(k->allowed);
	free(k);
}

void kmip_allow(struct kmip *k, const json_t *allowed)
{
	json_t *copy = json_deep_copy(allowed);

	if (!copy)
		return;
	json_decref(k->allowed);
	k->allowed = copy;
}

const char *kmip_server(const struct kmip *k)
{
	return k->link ? k->cfg.servers[k->server] : "";
}

/* ---------------------------------------------------------------- one exchange */

static long make(const struct kmip *k, enum kmip_operation operation, const char *text)
{
	switch (operation) {
	case KMIP_DISCOVER_VERSIONS:
		return kmip_make_discover(k->data, TTLV_MESSAGE_BYTES, k->version);
	case KMIP_QUERY:
		return kmip_make_query(k->data, TTLV_MESSAGE_BYTES, k->version);
	case KMIP_CREATE:
		return kmip_make_create(k->data, TTLV_MESSAGE_BYTES, k->version, text);
	case KMIP_LOCATE:
		return kmip_make_locate(k->data, TTLV_MESSAGE_BYTES, k->version, text);
	default:
		return kmip_make_about(k->data, TTLV_MESSAGE_BYTES, k->version, operation, text);
	}
}

static enum key_state exchange(struct kmip *k, enum kmip_operation operation, const char *text,
			       struct kmip_answer *answer, struct err *err)
{
	long made = make(k, operation, text);
	size_t len = made > 0 ? (size_t)made : 0;
	enum key_state state;

	if (made < 0) {
		err_set(err, EMSGSIZE, "", "a request to the key server is too long");
		return KEY_FAILED;
	}
	state = kmip_link_exchange(k->link, k->data, TTLV_MESSAGE_BYTES, &len, err);
	if (state == KEY_OK && kmip_parse(k->data, len, operation, answer, err) < 0)
		state = KEY_UNREACHABLE;
	if (state != KEY_OK)
		secret_wipe(k->data, TTLV_MESSAGE_BYTES);
	return state;
}

/* ---------------------------------------------------------------- connecting */

static void disconnect(struct kmip *k)
{
	kmip_link_close(k->link);
	k->link = NULL;
}

/* The version is asked for with one that every server of 1.2 and newer understands. */
static enum key_state greet(struct kmip *k, struct err *err)
{
	struct kmip_answer answer;
	enum key_state state;

	k->version = kmip_versions[KMIP_VERSIONS - 1];
	state = exchange(k, KMIP_DISCOVER_VERSIONS, "", &answer, err);
	if (state != KEY_OK)
		return state;
	if (answer.has_failed) {
		err_set(err, EPROTONOSUPPORT, "",
			"the key server %s does not speak KMIP 1.2 or newer: %s",
			k->cfg.servers[k->server], answer.message);
		return KEY_REFUSED;
	}
	return kmip_answer_version(&answer, &k->version, err) < 0 ? KEY_REFUSED : KEY_OK;
}

static enum key_state connect_one(struct kmip *k, struct err *err)
{
	const struct kmip_link_cfg cfg = {
	    .egress_socket = k->cfg.egress_socket,
	    .allowed = k->allowed,
	    .server = k->cfg.servers[k->server],
	    .server_name = k->cfg.server_name,
	    .ca_pem = k->cfg.ca_pem,
	    .certificate_pem = k->cfg.certificate_pem,
	    .key_pem = k->cfg.key_pem,
	    .timeout_ms = k->cfg.timeout_ms,
	    .stop_fd = k->cfg.stop_fd,
	};
	enum key_state state = kmip_link_open(&cfg, &k->link, err);

	if (state == KEY_OK)
		state = greet(k, err);
	if (state != KEY_OK)
		disconnect(k);
	return state;
}

/* ---------------------------------------------------------------- asking */

static enum key_state refusal(const struct kmip *k, const struct kmip_answer *a, struct err *err)
{
	const char *server = k->cfg.servers[k->server];

	switch (a->reason) {
	case KMIP_ITEM_NOT_FOUND:
		err_set(err, ENOKEY, "", "the key server %s has no such key: %s", server,
			a->message);
		return KEY_UNKNOWN;
	case KMIP_NOT_AUTHENTICATED:
	case KMIP_PERMISSION_DENIED:
		err_set(err, EACCES, "client_certificate",
			"the key server %s does not let us do that: %s", server, a->message);
		return KEY_REFUSED;
	default:
		err_set(err, EREMOTEIO, "", "the key server %s refuses (reason %u): %s", server,
			a->reason, a->message[0] ? a->message : "without a word");
		return KEY_FAILED;
	}
}

static bool is_worth_another(enum key_state state, const struct err *err)
{
	return (state == KEY_UNREACHABLE || state == KEY_REFUSED) && err->code != ECANCELED;
}

/* A connection that was idle may have been closed by the server: that one is tried anew first. A
 * request that makes something is not sent twice: its answer may be all that was lost. */
enum key_state kmip_ask(struct kmip *k, enum kmip_operation operation, const char *text,
			struct kmip_answer *answer, struct err *err)
{
	bool was_open = k->link != NULL;
	uint32_t tries = k->cfg.server_count + was_open;
	enum key_state state = KEY_UNREACHABLE;

	if (!was_open)
		k->server = 0;
	for (uint32_t i = 0; i < tries; i++) {
		state = k->link ? KEY_OK : connect_one(k, err);
		if (state == KEY_OK) {
			state = exchange(k, operation, text, answer, err);
			if (state == KEY_OK)
				return answer->has_failed ? refusal(k, answer, err) : KEY_OK;
			disconnect(k);
			if (operation == KMIP_CREATE)
				return state;
		}
		if (!is_worth_another(state, err))
			return state;
		if (!(was_open && i == 0))
			k->server = (k->server + 1) % k->cfg.server_count;
	}
	return state;
}
