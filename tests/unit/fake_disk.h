/* SPDX-License-Identifier: MIT */
/*
 * fake_disk.h - an env with one small disk in memory, under the test's control.
 *
 * I/O that is submitted stands in a list until the test ends it, in any order. There is a cache and
 * a medium: a write changes the cache when it ends; a SYNC carries to the medium what had been
 * written when it was submitted. The N-th I/O can be made to fail. Alignment is checked, not
 * provided.
 *
 *     fake_disk_init(&d, size, align);
 *     ... code under test with &d.env ...
 *     fake_disk_step(&d, seed);    one message, or one I/O chosen by the seed
 *     fake_disk_settle(&d);        everything, first come first served
 */
#ifndef TESTS_FAKE_DISK_H
#define TESTS_FAKE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "env.h"

struct fake_disk {
	struct env env;
	struct env_file file;
	uint8_t *cache;   /* what a read sees */
	uint8_t *medium;  /* what a power cut leaves */
	uint8_t *syncing; /* what the SYNC under way will make of the medium */
	struct list_node pending;
	uint32_t pending_count;
	struct env_msg *first, **last;
	uint64_t ios;        /* submitted so far */
	uint64_t fail_at;    /* this one fails, counted from 1; 0: none */
	int fail_with;       /* -errno */
	bool fail_all_after; /* and every later one */
	uint64_t counts[8];  /* by enum env_io_op */
	uint64_t failed_ios;
	bool is_file_open;
	uint64_t random_state;
};

void fake_disk_init(struct fake_disk *d, uint64_t size_bytes, uint32_t align_bytes);
void fake_disk_fini(struct fake_disk *d);
/* One message if there is one, else an I/O, chosen by pick. False: nothing to do. */
bool fake_disk_step(struct fake_disk *d, uint64_t pick);
void fake_disk_messages(struct fake_disk *d); /* all messages, no I/O */
void fake_disk_settle(struct fake_disk *d);
/* Ends the first pending I/O of that kind; false: there is none. */
bool fake_disk_end_one(struct fake_disk *d, enum env_io_op op);
/* How many of that kind are pending. */
uint32_t fake_disk_pending(const struct fake_disk *d, enum env_io_op op);

#endif
