/* SPDX-License-Identifier: MIT */
#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

/* ---------------------------------------------------------------- life */

static int find_source(struct native *n, const json_t *row, const char *credentials_dir,
		       struct err *err)
{
	const char *by = text_of(row, "opened_by"), *from = text_of(row, "opened_from");
	int rc = 0;

	if (strcmp(by, "credential") == 0) {
		n->opener = NATIVE_CREDENTIAL;
		rc = asprintf(&n->from, "%s/%s", credentials_dir ? credentials_dir : "", from);
	} else if (strcmp(by, "key_file") == 0) {
		n->opener = NATIVE_KEY_FILE;
		rc = asprintf(&n->from, "%s", from);
	}
	if (rc >= 0)
		return 0;
	n->from = NULL;
	return err_set(err, ENOMEM, "", "no memory for a key provider");
}

int native_init(struct native *n, const json_t *row, const char *keys_dir,
		const char *credentials_dir, struct err *err)
{
	memset(n, 0, sizeof(*n));
	n->provider = strdup(text_of(row, "name"));
	if (!n->provider || asprintf(&n->path, "%s/%s.keystore", keys_dir, n->provider) < 0) {
		n->path = NULL;
		native_fini(n);
		return err_set(err, ENOMEM, "", "no memory for a key provider");
	}
	return find_source(n, row, credentials_dir, err);
}

void native_fini(struct native *n)
{
	keystore_close(n->store);
	free(n->provider);
	free(n->path);
	free(n->from);
	memset(n, 0, sizeof(*n));
}

void native_put_aside(struct native *n)
{
	cleanup_free char *aside = NULL;

	if (asprintf(&aside, "%s.removed-%" PRIu64, n->path, clock_wall_ms()) < 0)
		return;
	if (rename(n->path, aside) == 0)
		log_info("the keystore of the deleted key provider %s is %s now", n->provider,
			 aside);
}

/* ---------------------------------------------------------------- what opens it */

/* A regular file that nobody else may read; its bytes go into secret memory. */
static int read_source(const struct native *n, uint8_t *secret, size_t *len, struct err *err)
{
	cleanup_fd int fd = open(n->from, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "opened_from", "%s: %s", n->from, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "opened_from", "%s is no file", n->from);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(err, EPERM, "opened_from",
			       "%s belongs to user %u, who may read it; make it root's", n->from,
			       (unsigned)st.st_uid);
	if (st.st_mode & 077)
		return err_set(err, EPERM, "opened_from",
			       "%s may be read by others (mode %03o); make it 0400", n->from,
			       (unsigned)(st.st_mode & 0777));
	got = read(fd, secret, NATIVE_SECRET_MAX);
	if (got < 0)
		return err_set(err, errno, "opened_from", "%s: %s", n->from, strerror(errno));
	if (got < (ssize_t)BOX_SECRET_MIN)
		return err_set(err, EINVAL, "opened_from",
			       "%s has %zd bytes; a key that opens a keystore has at least %u",
			       n->from, got, BOX_SECRET_MIN);
	*len = (size_t)got;
	return 0;
}

typedef int (*with_secret_fn)(struct native *n, const struct keystore_secret *s, struct err *err);

/* Does it with the passphrase, or with what is in the file. */
static int with_secret(struct native *n, const char *passphrase, with_secret_fn fn, struct err *err)
{
	struct keystore_secret s = {.kdf = BOX_HKDF};
	uint8_t *secret;
	int rc;

	if (n->opener == NATIVE_PASSPHRASE) {
		if (!passphrase)
			return err_set(err, EINVAL, "passphrase", "a passphrase is needed");
		s = (struct keystore_secret){BOX_SCRYPT, passphrase, strlen(passphrase), 0};
		return fn(n, &s, err);
	}
	secret = secret_alloc(NATIVE_SECRET_MAX);
	if (!secret)
		return err_set(err, ENOMEM, "", "no memory for a key");
	rc = read_source(n, secret, &s.len, err);
	s.data = secret;
	if (rc == 0)
		rc = fn(n, &s, err);
	secret_free(secret, NATIVE_SECRET_MAX);
	return rc;
}

static int open_store(struct native *n, const struct keystore_secret *s, struct err *err)
{
	return keystore_open(n->path, s, &n->store, err);
}

/* One that is there is taken over if this opens it: it is what is left of a lost database, or of a
 * crash right after it was made. */
static int make_store(struct native *n, const struct keystore_secret *s, struct err *err)
{
	int rc = keystore_make(n->path, s, &n->store, err);

	if (rc != -EEXIST)
		return rc;
	rc = open_store(n, s, err);
	if (rc == 0)
		log_info("key provider %s takes over the keystore %s with %u keys", n->provider,
			 n->path, keystore_count(n->store));
	return rc < 0 ? err_prefix(err, "%s is there already and is never written over", n->path)
		      : 0;
}

static int reseal_store(struct native *n, const struct keystore_secret *s, struct err *err)
{
	return keystore_reseal(n->store, s, err);
}

/* ---------------------------------------------------------------- open */

int native_is_open(const struct native *n, struct err *err)
{
	if (n->store)
		return 0;
	if (n->opener == NATIVE_PASSPHRASE)
		return err_set(err, EAGAIN, "",
			       "the keystore is locked: give its passphrase with sluice "
			       "key-provider unlock %s",
			       n->provider);
	return err_set(err, EAGAIN, "", "the keystore of %s is locked: %s does not open it",
		       n->provider, n->from);
}

enum key_state native_check(struct native *n, char *text, size_t size, struct err *err)
{
	if (!n->store && n->opener != NATIVE_PASSPHRASE &&
	    with_secret(n, NULL, open_store, err) < 0)
		return err->code == EUCLEAN || err->code == EPROTO ? KEY_FAILED : KEY_LOCKED;
	if (!n->store && access(n->path, F_OK) < 0 && errno == ENOENT) {
		err_set(err, ENOENT, "", "the keystore %s is not there; put it back from a backup",
			n->path);
		return KEY_FAILED;
	}
	if (native_is_open(n, err) < 0)
		return KEY_LOCKED;
	snprintf(text, size, "open, %u keys", keystore_count(n->store));
	return KEY_OK;
}

int native_make(struct native *n, const char *passphrase, struct err *err)
{
	return n->store ? 0 : with_secret(n, passphrase, make_store, err);
}

/* An open one is opened once more, so that a wrong passphrase is never taken for right. */
int native_unlock(struct native *n, const char *passphrase, struct err *err)
{
	struct keystore *before = n->store;
	int rc;

	if (n->opener != NATIVE_PASSPHRASE)
		return err_set(err, EINVAL, "", "key provider %s is opened by %s, not by people",
			       n->provider, n->from);
	n->store = NULL;
	rc = with_secret(n, passphrase, open_store, err);
	if (rc < 0)
		n->store = before;
	else
		keystore_close(before);
	return rc;
}

int native_reseal(struct native *n, const char *passphrase, struct err *err)
{
	int rc = native_is_open(n, err);

	return rc < 0 ? rc : with_secret(n, passphrase, reseal_store, err);
}
