/* SPDX-License-Identifier: MIT */
/*
 * s3fifo_model.h - S3-FIFO as the paper says it, in arrays that are searched from end to end. It
 * knows blocks and no slots. Whether a ghost knows a block, and how large the small queue may be,
 * it is told: these have tests of their own.
 */
#ifndef S3FIFO_MODEL_H
#define S3FIFO_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_MAX 512u

struct model_block {
	uint64_t key;
	uint32_t uses;
	bool was_used;
};

struct model_queue {
	struct model_block blocks[MODEL_MAX]; /* the oldest first */
	uint32_t count;
};

struct s3fifo_model {
	struct model_queue small, main;
	uint32_t slots;
	uint32_t small_goal; /* told by the test, as the real one has it */
};

bool model_has(const struct s3fifo_model *m, uint64_t key);
bool model_find(struct s3fifo_model *m, uint64_t key);
/* True when one left: *evicted. */
bool model_put(struct s3fifo_model *m, uint64_t key, bool is_remembered,
	       struct model_block *evicted);
bool model_remove(struct s3fifo_model *m, uint64_t key);
/* One slot fewer; true when one left. */
bool model_shrink(struct s3fifo_model *m, struct model_block *evicted);
uint32_t model_used(const struct s3fifo_model *m);

#endif
