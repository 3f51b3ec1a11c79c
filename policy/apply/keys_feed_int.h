/* SPDX-License-Identifier: MIT */
/* keys_feed_int.h - what keys_feed*.c share. */
#ifndef POLICY_KEYS_FEED_INT_H
#define POLICY_KEYS_FEED_INT_H

#include <pthread.h>

#include "filterd_client.h"
#include "keys.h"
#include "keys_feed.h"
#include "list.h"
#include "log.h"
#include "store_link.h"

enum want_action { WANT_NOTHING, WANT_FORMAT, WANT_UNLOCK, WANT_REKEY };

/* A volume that needs a key, and what is being done about it. The feed's thread alone. */
struct want {
	struct list_node node;
	char volume[81], filter[81];
	int64_t volume_id;
	enum want_action action;
	bool is_asked;    /* its key is under way */
	uint64_t next_ns; /* not before */
	char key[81];     /* the key's name and version */
	int64_t version;
	/* WANT_REKEY: what it is to have afterwards; the pipe of the key that it has, -1: not yet
	 */
	char target[81];
	int64_t target_version;
	int old_fd;
	char said[384]; /* why it is not well, as people were told; "": nothing yet */
};

struct keys_feed {
	struct apply_cfg cfg;
	struct keys *keys;
	struct sampler *sampler;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_stopping;         /* lock */
	struct list_node answers; /* lock */
	/* the thread's own */
	struct store *store;
	struct filterd_client filterd;
	struct list_node wants;
	uint64_t stale_ns; /* when it is looked next for volumes to rekey */
	struct log_limit complaints;
};

/* What came from a provider. */
struct keys_feed_answer {
	struct list_node node;
	struct keys_feed *feed;
	char volume[81];
	struct key_answer key;
};

/* ---------------------------------------------------------------- keys_feed.c */

struct want *keys_feed_want(struct keys_feed *f, const char *volume); /* NULL: there is none */
void keys_feed_later(struct want *w);                                 /* not before a while */
void keys_feed_drop(struct want *w);

/* ---------------------------------------------------------------- keys_feed_give.c */

/* A command to the volume's filter; fd -1: no key goes along. Owns: takes args (may be NULL). Its
 * reply, or NULL. New reference. */
json_t *keys_feed_command(struct keys_feed *f, const struct want *w, const char *name, json_t *args,
			  int fd, struct err *err);
int must_check keys_feed_ask(struct keys_feed *f, struct want *w, const char *provider,
			     const char *id, struct err *err);
/* Owns: takes a. The want may be gone afterwards. */
void keys_feed_take(struct keys_feed *f, struct keys_feed_answer *a);

/* ---------------------------------------------------------------- keys_feed_key.c */

/* Chooses the key: of the policy's rule for a new volume, of the header (its key_id,
 * "name:version") or the database for one that has a header. Writes key, version and the provider's
 * names. */
int must_check keys_feed_choose(struct keys_feed *f, struct want *w, const json_t *parameters,
				const char *header_key_id, char provider[81], char id[160],
				struct err *err);
/* It is open: told once, with the key that did it. */
void keys_feed_opened(struct keys_feed *f, struct want *w);
/* It is served in clear: whoever decrypted it, no key is needed for it any more. */
void keys_feed_clear(struct keys_feed *f, struct want *w);
/* It stays closed: told when the sentence is a new one. */
void keys_feed_closed(struct keys_feed *f, struct want *w, const char *text);
/* The provider's names of a key's version. */
int must_check keys_feed_find(struct keys_feed *f, const char *key, int64_t version,
			      char provider[81], char id[160], struct err *err);
void keys_feed_rekeyed(struct keys_feed *f, struct want *w);
void keys_feed_not_rekeyed(struct keys_feed *f, struct want *w, const char *text);
void keys_feed_complain(struct keys_feed *f, const struct err *err);

#endif
