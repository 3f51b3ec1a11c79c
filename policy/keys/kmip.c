/* SPDX-License-Identifier: MIT */
#include "kmip.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "secret.h"

/* ---------------------------------------------------------------- check */

enum key_state kmip_check(struct kmip *k, char *text, size_t size, struct err *err)
{
	struct kmip_answer answer;
	enum key_state state = kmip_ask(k, KMIP_QUERY, "", &answer, err);
	char missing[120], vendor[100];

	if (state != KEY_OK)
		return state;
	kmip_answer_server(&answer, missing, sizeof(missing), vendor, sizeof(vendor));
	if (missing[0]) {
		err_set(err, ENOTSUP, "servers", "the key server %s does not offer: %s",
			kmip_server(k), missing);
		return KEY_REFUSED;
	}
	snprintf(text, size, "%s%s%s answers", kmip_server(k), vendor[0] ? ", " : "", vendor);
	return KEY_OK;
}

/* ---------------------------------------------------------------- one key */

static enum key_state about(struct kmip *k, enum kmip_operation operation, const char *id,
			    struct err *err)
{
	struct kmip_answer answer;

	return kmip_ask(k, operation, id, &answer, err);
}

/* One that was made and not activated, because somebody died in between,
 * is activated now: it is ours. */
enum key_state kmip_look(struct kmip *k, const char *id, struct err *err)
{
	struct kmip_answer answer;
	enum kmip_state is;
	enum key_state state = kmip_ask(k, KMIP_GET_ATTRIBUTES, id, &answer, err);

	if (state == KEY_UNKNOWN) {
		err_set(err, ENOKEY, "",
			"the key server %s has no key %s any more: it was destroyed there, or "
			"belongs to another client",
			kmip_server(k), id);
		return KEY_DESTROYED;
	}
	if (state != KEY_OK)
		return state;
	if (kmip_answer_state(&answer, &is, err) < 0)
		return KEY_UNREACHABLE;
	switch (is) {
	case KMIP_ACTIVE:
		return KEY_OK;
	case KMIP_PRE_ACTIVE:
		return about(k, KMIP_ACTIVATE, id, err);
	case KMIP_DEACTIVATED:
	case KMIP_COMPROMISED:
		err_set(err, EKEYREVOKED, "", "the key %s was revoked at the key server %s", id,
			kmip_server(k));
		return KEY_REVOKED;
	default:
		err_set(err, ENOKEY, "", "the key %s was destroyed at the key server %s", id,
			kmip_server(k));
		return KEY_DESTROYED;
	}
}

enum key_state kmip_get(struct kmip *k, const char *id, uint8_t key[SECRET_KEY_BYTES],
			struct err *err)
{
	struct kmip_answer answer;
	enum key_state state = kmip_look(k, id, err);

	if (state == KEY_OK)
		state = kmip_ask(k, KMIP_GET, id, &answer, err);
	if (state != KEY_OK)
		return state;
	if (kmip_answer_key(&answer, key, err) < 0)
		state = KEY_FAILED;
	/* the message is in the session's buffer */
	secret_wipe((uint8_t *)(uintptr_t)answer.payload.value, answer.payload.len);
	return state;
}

/* ---------------------------------------------------------------- making and destroying */

static enum key_state find_or_make(struct kmip *k, const char *name, char id[KMIP_ID_MAX + 1],
				   struct err *err)
{
	struct kmip_answer answer;
	enum key_state state = kmip_ask(k, KMIP_LOCATE, name, &answer, err);
	int found;

	if (state != KEY_OK)
		return state;
	found = kmip_answer_located(&answer, id, err);
	if (found == -EPROTO)
		return KEY_UNREACHABLE;
	if (found != 0)
		return found > 0 ? KEY_OK : KEY_FAILED;
	state = kmip_ask(k, KMIP_CREATE, name, &answer, err);
	if (state == KEY_OK && kmip_answer_id(&answer, id, err) < 0)
		state = KEY_UNREACHABLE;
	return state;
}

enum key_state kmip_create(struct kmip *k, const char *name, char id[KMIP_ID_MAX + 1],
			   struct err *err)
{
	enum key_state state = find_or_make(k, name, id, err);
	uint8_t *key;

	if (state != KEY_OK)
		return state;
	/* Nothing is to be encrypted with a key that cannot be had again. */
	key = secret_alloc(SECRET_KEY_BYTES);
	if (!key) {
		err_set(err, ENOMEM, "", "no memory for a key");
		return KEY_FAILED;
	}
	state = kmip_get(k, id, key, err);
	secret_free(key, SECRET_KEY_BYTES);
	return state;
}

enum key_state kmip_destroy(struct kmip *k, const char *id, struct err *err)
{
	enum key_state state = kmip_look(k, id, err);

	if (state == KEY_DESTROYED)
		return KEY_OK;
	if (state == KEY_OK)
		state = about(k, KMIP_REVOKE, id, err);
	else if (state == KEY_REVOKED)
		state = KEY_OK;
	if (state == KEY_OK)
		state = about(k, KMIP_DESTROY, id, err);
	return state;
}
