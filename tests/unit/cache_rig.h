/* SPDX-License-Identifier: MIT */
/*
 * cache_rig.h - the cache plug-in in a real chain on the daemon's env, above a datastore in memory
 * that fails, holds and forgets as told, with real logs in a folder of its own.
 *
 *     cache_open(&r, "flash_bytes=64M...");    group; no volume is served yet
 *     cache_attach(&r, "mode=write_back,flash_bytes=16777216");
 *     cache_wait_state(&r, "serving");
 *     cache_write(&r, 0, 4096, 7);             bytes that belong to offset and stamp 7
 *     assert_true(cache_reads(&r, 0, 4096, 7));
 *     cache_crash(&r);                         as after kill -9: attach again
 *     cache_close(&r);
 *
 * All calls turn the env until what they asked for has ended, but for the _start ones.
 */
#ifndef TESTS_CACHE_RIG_H
#define TESTS_CACHE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "backend.h"
#include "chain.h"
#include "env_linux.h"
#include "groups.h"

#define CACHE_SIZE       (8ull << 20) /* of the volume, unless the test says otherwise */
#define CACHE_SECTOR     512u
#define CACHE_BLOCK      4096u
#define CACHE_LOG_BYTES  "16777216"
#define CACHE_WRITE_BACK "mode=write_back,flash_bytes=" CACHE_LOG_BYTES
#define T(name)          cmocka_unit_test(name)

struct cache_rig;

/* The datastore. */
struct cache_store {
	struct backend b; /* first */
	struct backend_ops ops;
	struct cache_rig *rig;
	char *memory;
	uint64_t ios, reads, writes, flushes, background; /* counted when they come */
	uint64_t fail_at;                                 /* the so-manieth from now on; 0: none */
	uint32_t fail_ops;                                /* bits of ops that fail, each time */
	uint8_t fail_status;
	bool is_held; /* what comes waits */
	uint32_t held_ops;
	uint32_t hold_after; /* so many I/Os; 0: none */
	struct sluice_io *held[512];
	uint32_t held_count;
};

/* The log's I/O, all of what goes to the env. */
struct cache_disk {
	uint64_t ios;
	uint64_t fail_at; /* as above */
	bool fails;       /* all of it from now on */
	bool hangs;       /* what comes waits for cache_disk_release() */
	struct env_io *hung[16];
	uint32_t hung_count;
};

struct cache_rig {
	struct env *env;
	const struct env_ops *env_ops;
	struct env_ops hooked;
	struct cache_disk disk;
	struct cache_store store;
	struct groups *groups;
	const struct sluice_filter_ops *ops;
	struct chain *c;
	struct chain_host host;
	uint64_t size_bytes;
	bool is_durable;
	char dir[64];
	char records[8][2][512]; /* of the host's store: key, data */
	size_t record_bytes[8];
	uint32_t under_way;
	int result; /* of the last control call */
	char reply[4096];
	struct err err;
	char kinds[4096]; /* of all reports */
	json_t *status;
};

/* params of the group beside flash_path: "a=1,b=2". */
void cache_open(struct cache_rig *r, uint64_t size_bytes, bool is_durable);
void cache_close(struct cache_rig *r);
/* Of log and datastore remains what is there now; the rest of the process is gone. */
void cache_crash(struct cache_rig *r);
/* STOP: the chain is gone in good order; attach again. */
void cache_stop(struct cache_rig *r);

int cache_try_attach(struct cache_rig *r, const char *params);
void cache_attach(struct cache_rig *r, const char *params);
int cache_change(struct cache_rig *r, const char *params); /* as PATCH of a policy does */
int cache_detach(struct cache_rig *r);
int cache_drain(struct cache_rig *r); /* and releases */
int cache_settle(struct cache_rig *r);
int cache_group(struct cache_rig *r, const char *params);
/* r->reply, or r->err. */
int cache_command(struct cache_rig *r, const char *name, const char *args);
void cache_control_done(void *ctx, int result, const struct err *err);
int cache_wait_control(struct cache_rig *r);

void cache_turn(struct cache_rig *r);
void cache_run_ms(struct cache_rig *r, uint32_t ms);
void cache_wait_state(struct cache_rig *r, const char *state);
bool cache_is_state(struct cache_rig *r, const char *state);
/* Dots go down: "ram.hits". */
int64_t cache_number(struct cache_rig *r, const char *member);
const char *cache_text(struct cache_rig *r, const char *member);
void cache_log_path(struct cache_rig *r, char *path, size_t size_bytes);

/* ---------------------------------------------------------------- I/O */

struct cache_io {
	struct cache_rig *rig;
	struct sluice_io *io;
	void (*fn)(struct cache_io *x);
	void *ctx;
	uint64_t offset_bytes, len_bytes;
	uint8_t op, status, flags;
	bool is_done;
	char *buf; /* aligned; the rig's */
};
/* False: the chain's pool is empty. */
bool cache_io_start(struct cache_rig *r, struct cache_io *x);
/* Its status. */
enum sluice_status cache_io(struct cache_rig *r, enum sluice_op op, uint64_t offset_bytes,
			    uint64_t len_bytes, void *buf);
void cache_stamp(char *buf, uint64_t offset_bytes, uint64_t len_bytes, uint32_t stamp);
bool cache_is_stamped(const char *buf, uint64_t offset_bytes, uint64_t len_bytes, uint32_t stamp);
enum sluice_status cache_write(struct cache_rig *r, uint64_t offset_bytes, uint64_t len_bytes,
			       uint32_t stamp);
/* stamp 0: zeros. */
bool cache_reads(struct cache_rig *r, uint64_t offset_bytes, uint64_t len_bytes, uint32_t stamp);

/* What the parts of the rig share. */
void cache_store_open(struct cache_rig *r);
void cache_store_release(struct cache_rig *r);
void cache_disk_hook(struct cache_rig *r);
void cache_disk_release(struct cache_rig *r);

#endif
