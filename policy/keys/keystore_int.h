/* SPDX-License-Identifier: MIT */
/* keystore_int.h - what keystore.c and its parts share: the keys in memory, and their bytes. */
#ifndef POLICY_KEYS_KEYSTORE_INT_H
#define POLICY_KEYS_KEYSTORE_INT_H

#include "keystore.h"

enum keystore_key_state { KEYSTORE_ACTIVE = 1, KEYSTORE_RETIRED = 2, KEYSTORE_DESTROYED = 3 };

struct keystore_key {
	uint8_t id[16];
	enum keystore_key_state state;
	uint64_t created_ms, changed_ms;
	char name[KEYSTORE_NAME_BYTES];
	uint8_t key[SECRET_KEY_BYTES];
};

/* In locked memory. */
struct keystore_list {
	struct keystore_key *keys;
	uint32_t count, room;
};

struct keystore {
	char *path;
	struct box_lock lock;
	struct keystore_list list;
};

struct keystore_key *keystore_list_find(const struct keystore_list *l, const uint8_t id[16]);
/* Zeroed, at the end. NULL: no memory, or too many. */
struct keystore_key *keystore_list_add(struct keystore_list *l);
void keystore_list_fini(struct keystore_list *l);

/* Reads the file and opens it. The list is empty after an error. */
int must_check keystore_file_read(const char *path, enum box_kind kind,
				  const struct keystore_secret *s, struct box_lock *lock,
				  struct keystore_list *list, struct err *err);
int must_check keystore_file_write(const char *path, enum box_kind kind,
				   const struct box_lock *lock, const struct keystore_list *list,
				   struct err *err);

#endif
