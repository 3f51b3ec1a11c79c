/* SPDX-License-Identifier: MIT */
/*
 * backend_model.h - random I/O on a volume beside a plain array that says what must be read.
 *
 * I/Os that run together never overlap (the SCSI layer sees to that), but they share aligned
 * blocks. The model knows what was acknowledged, so that a power cut can be judged too.
 */
#ifndef TESTS_BACKEND_MODEL_H
#define TESTS_BACKEND_MODEL_H

#include "backend_rig.h"

#define MODEL_DEPTH 16u

struct model {
	struct rig *rig;
	uint64_t size_bytes;
	uint32_t block_bytes;
	uint32_t io_max_bytes;
	bool is_any_memory; /* buffers off the alignment too */
	uint64_t random;
	uint8_t *want;     /* what a read must return */
	uint8_t *in_doubt; /* by block: a change failed there, any content will do */
	uint64_t ended, failed;
	void (*step)(struct model *m); /* makes the env go on a little */
	/* after each acknowledged change; may be NULL */
	void (*acknowledged)(struct model *m, uint64_t offset_bytes, uint64_t len_bytes);
};

void model_init(struct model *m, struct rig *rig, uint64_t seed);
void model_fini(struct model *m);
/* count I/Os, MODEL_DEPTH at a time. Asserts on each read. Statuses other than OK put a change in
 * doubt. */
void model_run(struct model *m, uint32_t count);
/* Reads the whole volume. */
void model_check_all(struct model *m);

#endif
