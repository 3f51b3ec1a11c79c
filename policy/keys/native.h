/* SPDX-License-Identifier: MIT */
/*
 * native.h - the provider that is this appliance itself: one keystore file, and what opens it.
 *
 * A passphrase is asked of people after each start; a credential or a key file is read anew until
 * it opens. Once open it stays so until policyd ends.
 *
 * Thread: one at a time.
 */
#ifndef POLICY_KEYS_NATIVE_H
#define POLICY_KEYS_NATIVE_H

#include <jansson.h>

#include "keystore.h"

#define NATIVE_SECRET_MAX 4096u /* of a credential, a key file */

enum native_opener { NATIVE_PASSPHRASE, NATIVE_CREDENTIAL, NATIVE_KEY_FILE };

struct native {
	enum native_opener opener;
	char *provider;         /* its name */
	char *path;             /* of the keystore */
	char *from;             /* of the credential or key file; NULL: a passphrase */
	struct keystore *store; /* NULL: not open */
};

/* row: of key_providers. credentials_dir NULL: systemd gave us none. */
int must_check native_init(struct native *n, const json_t *row, const char *keys_dir,
			   const char *credentials_dir, struct err *err);
void native_fini(struct native *n); /* wipes */

/* Opens it if that needs nobody. text: what there is to say when all is well. */
enum key_state native_check(struct native *n, char *text, size_t size, struct err *err);
/* Makes the file, or takes one that is there and that this opens. passphrase NULL: opened by a
 * credential or a key file. */
int must_check native_make(struct native *n, const char *passphrase, struct err *err);
int must_check native_unlock(struct native *n, const char *passphrase, struct err *err);
/* Another passphrase; it must be open. */
int must_check native_reseal(struct native *n, const char *passphrase, struct err *err);
/* The provider was deleted: the file is put aside under another name. */
void native_put_aside(struct native *n);

/* -EAGAIN and what to do, unless it is open. */
int must_check native_is_open(const struct native *n, struct err *err);

#endif
