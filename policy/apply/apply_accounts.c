/* SPDX-License-Identifier: MIT */
/*
 * apply_accounts.c - CHAP accounts of tgtd, in an order that tgtd survives.
 *
 * tgtd 1.0.85 keeps a target's accounts in an array of slots. Taking one out leaves a hole, but
 * looking for a name at a login, and printing the list, go by the number of accounts: behind a hole
 * an account no longer counts, and printing one ends tgtd by a null pointer. So there is never a
 * hole: what stands behind the account in question is taken out first, from the end, and bound
 * again after it. policyd may die between any two of these requests, and the list is whole.
 *
 * An empty list means no CHAP at all. The guard stands in the first slot, so a list that is to have
 * an account left always has one; should somebody else's order stand there, the target is closed to
 * everybody (no address, no initiator) before its list runs empty, and the next pass opens it.
 *
 * Secrets: opened here, given to tgtd, zeroised; they stand in no error, step or log.
 *
 * Thread: the reconciler's.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "apply.h"
#include "model.h"
#include "tgt_ops.h"

#define BOX_NAME_BYTES 128u

/* ---------------------------------------------------------------- secrets */

static void forget(char *secret)
{
	if (secret)
		OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}

/* A secret that nobody ever learns. */
static char *guard_secret(struct err *err)
{
	char *secret = malloc(17);
	uint8_t random[16];

	if (!secret || getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		err_set(err, EIO, "", "no memory or no random bytes for a guard account");
		free(secret);
		return NULL;
	}
	model_chap_secret_make(random, secret);
	OPENSSL_cleanse(random, sizeof(random));
	return secret;
}

static char *open_box(const struct apply *a, const char *kind, const char *name, const char *use,
		      const json_t *box, struct err *err)
{
	char place[BOX_NAME_BYTES];

	if (!json_is_string(box)) {
		err_set(err, ENOENT, "", "%s %s has no %s secret; set one", kind, name, use);
		return NULL;
	}
	snprintf(place, sizeof(place), "%s:%s:%s", kind, name, use);
	return sealer_open_box(a->cfg->sealer, place, json_string_value(box), err);
}

/* Caller: forget(). */
static char *secret_of(const struct apply *a, const json_t *arguments, struct err *err)
{
	const char *host = json_string_value(json_object_get(arguments, "host"));
	const char *volume = json_string_value(json_object_get(arguments, "volume"));

	if (host)
		return open_box(
		    a, "host", host, "chap",
		    json_object_get(json_object_get(a->hosts, host), "chap_secret_sealed"), err);
	if (volume)
		return open_box(
		    a, "target", volume, "mutual",
		    json_object_get(json_object_get(json_object_get(a->volumes, volume), "target"),
				    "mutual_secret_sealed"),
		    err);
	return guard_secret(err);
}

/* ---------------------------------------------------------------- one target's list */

static const char *account_at(const json_t *t, size_t i)
{
	return json_string_value(json_array_get(json_object_get(t, "accounts"), i));
}

static size_t account_count(const json_t *t)
{
	return json_array_size(json_object_get(t, "accounts"));
}

/* Nobody may log in to the target any more; sessions stay. */
static int shut(struct apply *a, json_t *t, const char *list, struct err *err)
{
	json_t *l = json_object_get(t, list);
	bool is_address = strcmp(list, "addresses") == 0;

	while (json_array_size(l)) {
		const char *value = json_string_value(json_array_get(l, 0));
		int rc = tgt_acl_unbind(a->tgt, apply_tid(t), is_address ? value : NULL,
					is_address ? NULL : value, err);

		if (rc)
			return rc;
		json_array_remove(l, 0);
	}
	return 0;
}

static int unbind_last(struct apply *a, json_t *t, struct err *err)
{
	size_t last = account_count(t) - 1;
	int rc = tgt_account_unbind(a->tgt, apply_tid(t), account_at(t, last), false, err);

	if (rc == 0)
		json_array_remove(json_object_get(t, "accounts"), last);
	return rc;
}

static int bind_again(struct apply *a, json_t *t, const json_t *users, struct err *err)
{
	for (size_t i = json_array_size(users); i-- > 0;) {
		const char *user = json_string_value(json_array_get(users, i));
		int rc = tgt_account_bind(a->tgt, apply_tid(t), user, false, err);

		if (rc)
			return rc;
		json_array_append_new(json_object_get(t, "accounts"), json_string(user));
	}
	return 0;
}

/* Takes user out of the target's incoming accounts. */
static int take_out(struct apply *a, json_t *t, const char *user, struct err *err)
{
	json_t *behind;
	size_t i = 0;
	int rc = 0;

	while (i < account_count(t) && strcmp(account_at(t, i), user) != 0)
		i++;
	if (i == account_count(t))
		return 0;
	if (i == 0 && account_count(t) > 1) {
		rc = shut(a, t, "initiators", err);
		rc = rc ? rc : shut(a, t, "addresses", err);
	}
	behind = json_array(); /* from the end */
	while (rc == 0 && account_count(t) > i + 1) {
		json_array_append_new(behind, json_string(account_at(t, account_count(t) - 1)));
		rc = unbind_last(a, t, err);
	}
	if (rc == 0)
		rc = unbind_last(a, t, err);
	if (rc == 0)
		rc = bind_again(a, t, behind, err);
	json_decref(behind);
	return rc;
}

static int take_out_outgoing(struct apply *a, json_t *t, const char *user, struct err *err)
{
	int rc;

	if (strcmp(apply_text(t, "outgoing"), user) != 0)
		return 0;
	rc = tgt_account_unbind(a->tgt, apply_tid(t), user, true, err);
	if (rc == 0)
		json_object_set_new(t, "outgoing", json_null());
	return rc;
}

/* ---------------------------------------------------------------- the steps */

int apply_account_create(struct apply *a, const json_t *arguments, struct err *err)
{
	const char *user = apply_text(arguments, "user");
	char *secret = secret_of(a, arguments, err);
	json_t *changed_ms = json_object_get(arguments, "changed_ms");
	int rc;

	if (!secret)
		return -err->code;
	rc = tgt_account_new(a->tgt, user, secret, err);
	forget(secret);
	if (rc == 0)
		json_object_set(a->secrets, user, changed_ms);
	return rc;
}

int apply_account_delete(struct apply *a, const json_t *arguments, struct err *err)
{
	const char *user = apply_text(arguments, "user"), *iqn;
	json_t *t;
	int rc;

	/* Out of every target's list first: deleting would leave the holes. */
	json_object_foreach(a->targets, iqn, t)
	{
		rc = take_out(a, t, user, err);
		rc = rc ? rc : take_out_outgoing(a, t, user, err);
		if (rc)
			return rc;
	}
	rc = tgt_account_delete(a->tgt, user, err);
	if (rc == 0)
		json_object_del(a->secrets, user);
	return rc;
}

int apply_account_bind(struct apply *a, const json_t *arguments, struct err *err)
{
	const char *user = apply_text(arguments, "user");
	bool is_outgoing = json_is_true(json_object_get(arguments, "is_outgoing"));
	json_t *t = apply_target(a, arguments, err);
	int rc = t ? tgt_account_bind(a->tgt, apply_tid(t), user, is_outgoing, err) : -ENOENT;

	if (rc == 0 && is_outgoing)
		json_object_set_new(t, "outgoing", json_string(user));
	else if (rc == 0)
		apply_list_add(t, "accounts", user);
	return rc;
}

int apply_account_unbind(struct apply *a, const json_t *arguments, struct err *err)
{
	const char *user = apply_text(arguments, "user");
	json_t *t = json_object_get(a->targets, apply_text(arguments, "iqn"));

	if (!t)
		return 0;
	return json_is_true(json_object_get(arguments, "is_outgoing"))
		   ? take_out_outgoing(a, t, user, err)
		   : take_out(a, t, user, err);
}
