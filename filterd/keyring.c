/* SPDX-License-Identifier: MIT */
#include "keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"

struct value {
	uint32_t size_bytes;
	uint8_t secret[KEYRING_SECRET_BYTES];
};

struct slot {
	_Atomic uint32_t current; /* atomic; 0: free; else 1 + index of the value that counts */
	uint8_t volume[16];
	char name[KEYRING_NAME_BYTES];
	struct value values[2];
};

struct table {
	struct slot slots[KEYRING_SLOTS];
};

struct keyring {
	struct table *table; /* shared with the other process */
	bool is_locked;
	pthread_mutex_t lock; /* of this process's threads */
};

/* As far as we may: the keyring here, and the keys in use in the child. */
static rlim_t raise_limit(void)
{
	struct rlimit limit = {0, 0};

	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &limit);
	}
	return limit.rlim_cur;
}

/*
 * The kernel makes no core of us. A debugger that root forces one out of us with leaves out what
 * the filter leaves out: all pages. For volumes' data in clear is in ordinary memory, too, where a
 * filter above the encryption works on it. The file is nobody's but root's after the prctl().
 */
static void forbid_cores(void)
{
	int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		log_warn("a forced core file will hold memory: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		log_warn("core files cannot be forbidden: %s", strerror(errno));
}

static bool hide(void *p, size_t size_bytes)
{
	rlim_t limit = raise_limit();

	forbid_cores();
	if (mlock(p, size_bytes) == 0 && madvise(p, size_bytes, MADV_DONTDUMP) == 0)
		return true;
	log_warn("the keyring's %zu KiB cannot be locked in memory (%s; the limit RLIMIT_MEMLOCK "
		 "is %llu KiB), so encrypted volumes stay locked; raise LimitMEMLOCK= of the "
		 "service, or \"ulimit -l\"",
		 size_bytes / 1024, strerror(errno), (unsigned long long)limit / 1024);
	return false;
}

int keyring_create(struct keyring **out, struct err *err)
{
	struct keyring *k = calloc(1, sizeof(*k));

	if (!k)
		return err_set(err, ENOMEM, "", "no memory for the keyring");
	k->table = mmap(NULL, sizeof(*k->table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (k->table == MAP_FAILED) {
		free(k);
		return err_set(err, ENOMEM, "", "no memory for the keyring");
	}
	pthread_mutex_init(&k->lock, NULL);
	k->is_locked = hide(k->table, sizeof(*k->table));
	*out = k;
	return 0;
}

void keyring_free(struct keyring *k)
{
	if (!k)
		return;
	munmap(k->table, sizeof(*k->table));
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/* ---------------------------------------------------------------- slots; under the lock */

/* Of the values: keeps the one with that number (1 or 2), 0: none. */
static void wipe_but(struct slot *s, uint32_t kept)
{
	for (uint32_t i = 0; i < 2; i++)
		if (i + 1 != kept)
			explicit_bzero(&s->values[i], sizeof(s->values[i]));
}

static void slot_free(struct slot *s)
{
	/* First it counts no more, then it is wiped: killed in between, recovery ends the work. */
	atomic_store_explicit(&s->current, 0, memory_order_release);
	wipe_but(s, 0);
	explicit_bzero(s->name, sizeof(s->name));
}

static uint32_t current(const struct slot *s)
{
	return atomic_load_explicit(&s->current, memory_order_acquire);
}

static bool is_of(const struct slot *s, const uint8_t volume[16])
{
	return current(s) && memcmp(s->volume, volume, sizeof(s->volume)) == 0;
}

static struct slot *find(struct keyring *k, const uint8_t volume[16], const char *name)
{
	for (uint32_t i = 0; i < KEYRING_SLOTS; i++) {
		struct slot *s = &k->table->slots[i];

		if (is_of(s, volume) && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static struct slot *find_free(struct keyring *k)
{
	for (uint32_t i = 0; i < KEYRING_SLOTS; i++)
		if (!current(&k->table->slots[i]))
			return &k->table->slots[i];
	return NULL;
}

static void slot_put(struct slot *s, const void *secret, size_t size_bytes)
{
	uint32_t next = current(s) == 1 ? 2 : 1;
	struct value *v = &s->values[next - 1];

	memcpy(v->secret, secret, size_bytes);
	v->size_bytes = (uint32_t)size_bytes;
	/* Release: the value is whole before it counts. A kill between any two instructions keeps
	 * their order, since another process only looks after this one has ended. */
	atomic_store_explicit(&s->current, next, memory_order_release);
	wipe_but(s, next);
}

/* ---------------------------------------------------------------- doors */

void keyring_recover(struct keyring *k)
{
	for (uint32_t i = 0; i < KEYRING_SLOTS; i++) {
		struct slot *s = &k->table->slots[i];

		if (current(s))
			wipe_but(s, current(s));
		else if (s->name[0])
			slot_free(s);
	}
}

int keyring_put(struct keyring *k, const uint8_t volume[16], const char *name, const void *secret,
		size_t size_bytes)
{
	struct slot *s;

	if (size_bytes == 0 || size_bytes > KEYRING_SECRET_BYTES ||
	    strlen(name) >= KEYRING_NAME_BYTES || !name[0])
		return -EINVAL;
	if (!k->is_locked)
		return -EPERM;
	pthread_mutex_lock(&k->lock);
	s = find(k, volume, name);
	if (!s) {
		s = find_free(k);
		if (s) {
			/* The name first: a free slot with a name is one to wipe. */
			snprintf(s->name, sizeof(s->name), "%s", name);
			memcpy(s->volume, volume, sizeof(s->volume));
		}
	}
	if (s)
		slot_put(s, secret, size_bytes);
	pthread_mutex_unlock(&k->lock);
	return s ? 0 : -ENOSPC;
}

int keyring_get(struct keyring *k, const uint8_t volume[16], const char *name, void *secret,
		size_t room_bytes, size_t *size_bytes)
{
	const struct value *v;
	struct slot *s;
	int rc = 0;

	pthread_mutex_lock(&k->lock);
	s = find(k, volume, name);
	v = s ? &s->values[current(s) - 1] : NULL;
	if (!v) {
		rc = -ENOKEY;
	} else if (v->size_bytes > room_bytes || v->size_bytes > KEYRING_SECRET_BYTES) {
		rc = -ENOSPC;
	} else {
		memcpy(secret, v->secret, v->size_bytes);
		*size_bytes = v->size_bytes;
	}
	pthread_mutex_unlock(&k->lock);
	return rc;
}

void keyring_forget(struct keyring *k, const uint8_t volume[16], const char *name)
{
	struct slot *s;

	pthread_mutex_lock(&k->lock);
	s = find(k, volume, name);
	if (s)
		slot_free(s);
	pthread_mutex_unlock(&k->lock);
}

void keyring_forget_volume(struct keyring *k, const uint8_t volume[16])
{
	pthread_mutex_lock(&k->lock);
	for (uint32_t i = 0; i < KEYRING_SLOTS; i++)
		if (is_of(&k->table->slots[i], volume))
			slot_free(&k->table->slots[i]);
	pthread_mutex_unlock(&k->lock);
}

uint32_t keyring_count(struct keyring *k)
{
	uint32_t n = 0;

	pthread_mutex_lock(&k->lock);
	for (uint32_t i = 0; i < KEYRING_SLOTS; i++)
		n += current(&k->table->slots[i]) != 0;
	pthread_mutex_unlock(&k->lock);
	return n;
}
