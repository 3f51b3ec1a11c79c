/* SPDX-License-Identifier: MIT */
/* access_check.c - whether the secrets around one volume fit together. Thread: main. */
#include "access.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "app.h"
#include "cleanup.h"
#include "json.h"
#include "model.h"
#include "store_link.h"
#include "volume_rows.h"

#define BOX_NAME_MAX 128u

static void forget(char *secret)
{
	if (secret)
		OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}

char *access_seal(struct request *q, const char *field, const char *given, bool is_generated,
		  const char *box_name, char made[17], struct err *err)
{
	uint8_t random[16];

	made[0] = '\0';
	if (given && is_generated) {
		err_set(err, EINVAL, field, "a secret is either given or generated, not both");
		return NULL;
	}
	if (given) {
		if (model_chap_secret_check(field, given, err))
			return NULL;
		return sealer_seal(q->app->sealer, box_name, given, err);
	}
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		err_set(err, EIO, field, "the system gave no random bytes: %s", strerror(errno));
		return NULL;
	}
	model_chap_secret_make(random, made);
	OPENSSL_cleanse(random, sizeof(random));
	return sealer_seal(q->app->sealer, box_name, made, err);
}

static int mutual_differs(struct request *q, const json_t *target, const json_t *hosts,
			  const char *volume, struct err *err)
{
	char box_name[BOX_NAME_MAX], *mutual;
	const json_t *host;
	size_t i;
	int rc = 0;

	snprintf(box_name, sizeof(box_name), "target:%s:mutual", volume);
	mutual = sealer_open_box(q->app->sealer, box_name,
				 rows_text(target, "mutual_secret_sealed"), err);
	if (!mutual)
		return -err->code;
	json_array_foreach(hosts, i, host)
	{
		const char *name = rows_text(host, "name");
		char *secret;

		if (rc || !rows_text(host, "chap_user")[0])
			continue;
		snprintf(box_name, sizeof(box_name), "host:%s:chap", name);
		secret = sealer_open_box(q->app->sealer, box_name,
					 rows_text(host, "chap_secret_sealed"), err);
		if (!secret)
			rc = -err->code;
		else if (strlen(secret) == strlen(mutual) &&
			 CRYPTO_memcmp(secret, mutual, strlen(mutual)) == 0)
			rc =
			    err_set(err, EINVAL, "secret",
				    "the mutual secret of volume %s is also the CHAP secret of "
				    "host %s; with one secret for both ways anybody can answer for "
				    "the other: they must differ",
				    volume, name);
		forget(secret);
	}
	forget(mutual);
	return rc;
}

int access_check(struct request *q, int64_t volume_id, const char *volume, struct err *err)
{
	cleanup_json json_t *hosts = store_access_hosts(q->store, volume_id, err), *target = NULL;
	cleanup_json json_t *with = json_array(), *without = json_array();
	char with_text[ROWS_NAMES_TEXT], without_text[ROWS_NAMES_TEXT];
	json_t *host;
	size_t i;

	if (!hosts)
		return -err->code;
	json_array_foreach(hosts, i, host)
	{
		json_array_append(rows_text(host, "chap_user")[0] ? with : without, host);
	}
	rows_names_text(with, "name", with_text);
	rows_names_text(without, "name", without_text);
	if (json_array_size(with) > 0 && json_array_size(without) > 0)
		return err_set(
		    err, EINVAL, "hosts",
		    "the hosts of volume %s must all use CHAP or none: with CHAP %.120s; "
		    "without %.120s",
		    volume, with_text, without_text);
	target = store_target(q->store, volume_id, err);
	if (!target)
		return -err->code;
	if (!rows_text(target, "mutual_user")[0])
		return 0;
	if (json_array_size(without) > 0)
		return err_set(err, EINVAL, "hosts",
			       "volume %s uses mutual CHAP, so its hosts need CHAP too: %s", volume,
			       without_text);
	return mutual_differs(q, target, with, volume, err);
}

int access_check_all(struct request *q, const json_t *volumes, struct err *err)
{
	const json_t *name;
	size_t i;
	int rc;

	json_array_foreach(volumes, i, name)
	{
		int64_t id = store_id_of(q->store, &table_volumes, json_string_value(name), err);

		rc = id ? access_check(q, id, json_string_value(name), err) : -err->code;
		if (rc)
			return rc;
	}
	return 0;
}
