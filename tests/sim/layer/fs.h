/* SPDX-License-Identifier: MIT */
/*
 * fs.h - simulated files of one folder, and the env of a process that uses them.
 *
 * A file has what reads see, what is stable, and between them the writes that no flush has covered.
 * When the process dies, of its writes under way any sectors land; when the power goes, of each
 * write that was not flushed any sectors. Small text files are replaced whole. Making a file is
 * stable at once; a removed one may be back after a power cut.
 *
 * The process runs in steps: messages, one I/O that ends, one work, or time. It dies at the n-th
 * call of its env or step. Thread: one.
 */
#ifndef SIM_LAYER_FS_H
#define SIM_LAYER_FS_H

#include <setjmp.h>

#include "env.h"
#include "rng.h"
#include "timer_heap.h"

#define FS_FILES      80u
#define FS_FILE_BYTES (80u << 10)
#define FS_PENDING    96u
#define FS_DATA_BYTES (512u << 10)
#define FS_HANDLES    256u
#define FS_SECTOR     512u
#define FS_FLIGHTS    96u

struct fs_write {
	uint32_t offset_bytes, len_bytes, data_at;
};

struct fs_file {
	char name[40];
	bool exists, is_text, is_doubtful; /* removed, and perhaps not for good */
	uint32_t size, stable_size, opens;
	bool is_locked;
	uint32_t pending_count, data_used;
	uint64_t written, flushed; /* writes, so far */
	struct fs_write pending[FS_PENDING];
	uint8_t cache[FS_FILE_BYTES], stable[FS_FILE_BYTES];
	uint8_t data[FS_DATA_BYTES];
};

struct fs_handle {
	struct env_file file; /* first */
	struct fs_file *f;    /* NULL: free */
	bool has_lock;
};

struct fs_flight {
	struct env_io *io;
	struct fs_file *f;
	uint64_t mark;
};

struct fs {
	struct env env; /* first */
	struct rng *rng;
	uint64_t now_ns;
	struct timer_heap timers;
	struct fs_flight flights[FS_FLIGHTS];
	uint32_t flight_count;
	struct list_node works, works_done;
	struct env_msg *first_msg, **last_msg;
	uint64_t dies_in; /* 0: does not */
	uint64_t calls;   /* of this process, deaths are counted in */
	jmp_buf death;
	uint32_t fail_per_10000; /* of operations */
	bool has_failed;         /* an operation, in this process */
	uint32_t align_bytes;
	struct fs_handle handles[FS_HANDLES];
	struct fs_file files[FS_FILES];
};

void fs_init(struct fs *s, struct rng *r); /* empty */
void fs_begin(struct fs *s);               /* a process */
bool fs_step(struct fs *s);                /* false: nothing to do */
void fs_kill(struct fs *s);                /* its I/O lands as it may; its descriptors are closed */
void fs_power_cut(struct fs *s);           /* after a kill */
bool fs_exists(const struct fs *s, const char *name);
/* Gone, as by a mistake or a fault of the disk; false: it was not there. */
bool fs_lose(struct fs *s, const char *name);

#endif
