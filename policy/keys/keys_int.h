/* SPDX-License-Identifier: MIT */
/*
 * keys_int.h - what the files of keys_*.c share.
 *
 * One lock, keys->lock, for all that more than one thread touches; it is held for a few
 * instructions and never while a provider is asked.
 */
#ifndef POLICY_KEYS_KEYS_INT_H
#define POLICY_KEYS_KEYS_INT_H

#include <pthread.h>

#include "keys.h"
#include "list.h"
#include "log.h"
#include "provider.h"
#include "store_link.h"

struct key_request {
	struct list_node node;
	char id[PROVIDER_ID_MAX + 1];
	key_get_fn fn;
	void *ctx;
};

struct worker {
	struct keys *keys;
	int64_t provider_id;
	char name[81];
	pthread_t thread;
	pthread_cond_t wake;       /* lock */
	struct list_node requests; /* lock */
	bool is_stopping;          /* lock */
	bool is_gone;              /* lock: its row was deleted */
	/* the thread's own */
	struct store *store;
	struct provider provider;
	bool is_made; /* provider is */
	enum key_state state;
	char state_text[384];
	uint64_t check_ns, look_ns; /* when the provider and its keys are looked at next */
	struct log_limit complaints;
};

/* A passphrase on its way; in locked memory, all of it. */
struct handed {
	struct list_node node;
	int64_t task_id; /* 0: free */
	uint64_t until_ns;
	char text[KEYS_PASSPHRASE_MAX + 1];
};
#define HANDED_MAX 16u

struct keys {
	struct keys_cfg cfg; /* const after start */
	int stop_fd;         /* readable when all is to end */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_stopping;                           /* lock */
	uint64_t hurry_ns;                          /* lock: until then it looks often */
	struct worker *workers[KEYS_PROVIDERS_MAX]; /* lock; NULL: free; changed by the thread */
	struct handed *handed;                      /* lock; HANDED_MAX */
	struct store *store;                        /* the thread's own */
	struct log_limit complaints;
};

/* Waits on cond until it is signalled or then; the lock is held. */
void keys_wait(struct keys *k, pthread_cond_t *cond, uint64_t until_ns);
/* When to look again: soon after a wake, else in a second. The lock is held. */
uint64_t keys_next_look_ns(const struct keys *k);
/* The passphrase of this task into text; false: there is none (any more). */
bool keys_take(struct keys *k, int64_t task_id, char text[KEYS_PASSPHRASE_MAX + 1]);
void keys_changed(struct keys *k);

/* ---------------------------------------------------------------- keys_worker.c */

struct worker *worker_start(struct keys *k, const json_t *row, struct err *err);
/* Tells it to end; is_gone: its keystore is put aside, its row is no more. */
void worker_tell(struct worker *w, bool is_gone);
void worker_join(struct worker *w); /* and frees */
/* The provider's row, with the provider made anew if it has changed. NULL with err. New reference.
 */
json_t *worker_row(struct worker *w, struct err *err);
/* Asks the provider how it is and notes what is new. */
enum key_state worker_check(struct worker *w, struct err *err);

/* ---------------------------------------------------------------- keys_task.c */

/* Open tasks of this provider and its keys, as far as they can be done now. */
void task_run_all(struct worker *w);

/* One task under way. */
struct doing {
	struct worker *w;
	const json_t *task;
	const char *object;       /* its name */
	const json_t *parameters; /* of the task */
	const char *passphrase;   /* NULL: none came with it */
	int64_t id;
};

/* Ends the task well, with what fn writes beside (may be NULL). */
enum key_state task_ends(struct doing *d, int (*fn)(struct worker *w, void *ctx, struct err *err),
			 void *ctx, struct err *err);
/* In fn. */
int must_check task_event(struct worker *w, const char *severity, const char *kind,
			  const char *type, const char *object, const char *text, struct err *err);

/* ---------------------------------------------------------------- keys_task_key.c */

enum key_state task_key_create(struct doing *d, struct err *err);
enum key_state task_key_rotate(struct doing *d, struct err *err);
enum key_state task_key_destroy(struct doing *d, struct err *err);

/* ---------------------------------------------------------------- keys_note.c */

/* The state of the provider, with an event when it has changed. */
int must_check note_provider(struct worker *w, enum key_state state, const char *text,
			     struct err *err);
/* The state of one key, likewise. */
int must_check note_key(struct worker *w, const json_t *row, enum key_state state, const char *text,
			struct err *err);
/* A transaction around fn, which may be NULL: task_id 0: no task is ended; error: it failed. */
int must_check note_task(struct worker *w, int64_t task_id, const struct err *error,
			 int (*fn)(struct worker *w, void *ctx, struct err *err), void *ctx,
			 struct err *err);
/* What a task waits for. */
void note_waiting(struct worker *w, const json_t *task, const char *text);

#endif
