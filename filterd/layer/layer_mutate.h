/* SPDX-License-Identifier: MIT */
/*
 * layer_mutate.h - deliberate faults of the layers, one at a time, chosen when compiling, to prove
 * that their simulator sees them. A product build has none. tests/sim/layer/mutants.sh reads this
 * list.
 */
#ifndef LAYER_MUTATE_H
#define LAYER_MUTATE_H

#ifdef LAYER_MUTATION
#define LAYER_MUTATE(name) (LAYER_MUTATION == LAYER_MUTATION_##name)
#else
#define LAYER_MUTATE(name) 0
#endif

enum layer_mutation {
	LAYER_MUTATION_NONE,
	LAYER_MUTATION_MAP_BEFORE_DATA,  /* LAYER-2: the map does not wait for the data's flush */
	LAYER_MUTATION_ACK_BEFORE_MAP,   /* LAYER-3: acknowledged when the data is flushed */
	LAYER_MUTATION_MAP_NOT_FLUSHED,  /* LAYER-3: the page is written, not flushed */
	LAYER_MUTATION_ONE_SLOT,         /* LAYER-4: a page is written in place */
	LAYER_MUTATION_SLOT_NOT_CHECKED, /* LAYER-4: any slot of the right layer counts */
	LAYER_MUTATION_NO_FLUSH_AT_OPEN, /* LAYER-4: what another process wrote is taken as flushed
					  */
	LAYER_MUTATION_TORN_SLOT_STAYS,  /* LAYER-4: parts of a write that was torn stay where the
					    same generation is written again */
	LAYER_MUTATION_NO_COPY_UP,       /* LAYER-5: the rest of the block is zeros */
	LAYER_MUTATION_NO_BLOCK_LOCK,    /* LAYER-5: two parts of a block at the same time */
	LAYER_MUTATION_UNMAP_FORGETS,    /* an unmapped block is absent: what is below shows */
	LAYER_MUTATION_REMOVE_BEFORE_SAVE,  /* LAYER-6: files go before the manifest says so */
	LAYER_MUTATION_IMAGE_NOT_FLUSHED,   /* LAYER-6: the first manifest names an image as long as
					       a kill left it */
	LAYER_MUTATION_SWITCH_UNDER_WRITES, /* LAYER-7: changes under way are not waited for */
	LAYER_MUTATION_FREEZE_NOT_FLUSHED,  /* LAYER-7: the former head is not flushed */
	LAYER_MUTATION_PENDING_IS_YES,      /* LAYER-8: a group without a record is carried out */
	LAYER_MUTATION_PENDING_IS_NO,       /* LAYER-8: a group with a record is undone */
	LAYER_MUTATION_MERGE_UP_OVERWRITES, /* LAYER-9: blocks that the child has are copied too */
	LAYER_MUTATION_MERGE_DOWN_SKIPS,    /* LAYER-9: blocks that the parent has are left */
	LAYER_MUTATION_MERGE_PINNED,        /* LAYER-10: a layer with a snapshot is merged away */
	LAYER_MUTATION_MERGE_NOT_FLUSHED,   /* the end of a merge is told before it is flushed */
	LAYER_MUTATION_MERGE_SOURCE_NOT_FLUSHED, /* LAYER-7: what is copied is newer than what a
						    power cut leaves of it */
	LAYER_MUTATION_CURSOR_EARLY,             /* the cursor is a page ahead of what is flushed */
	LAYER_MUTATION_RECORD_LEFT,       /* LAYER-13: another merge before the one on record */
	LAYER_MUTATION_COPY_LEAVES_REST,  /* LAYER-12: where a copy skips zeros the file keeps more
					   */
	LAYER_MUTATION_MERGED_LET_GO,     /* LAYER-15: a layer is opened twice while it is merged */
	LAYER_MUTATION_MERGE_MAP_STAYS,   /* memory still names the layer that is gone */
	LAYER_MUTATION_REVERT_KEEPS_MAP,  /* memory still shows the former head */
	LAYER_MUTATION_HOLD_FORGOTTEN,    /* a clone's hold is not looked at */
	LAYER_MUTATION_GROW_NOT_FLUSHED,  /* the manifest has the size before the files have it */
	LAYER_MUTATION_REVERT_COPY_LATER, /* LAYER-14: the new head is written to, and only the
					     manifest names it */
	LAYER_MUTATION_COPY_NOT_AT_OPEN,  /* LAYER-14: the copy stays as a kill left it */
	LAYER_MUTATION_COPY_NOT_CARRIED_OUT, /* LAYER-14: what the copy has pending is undone */
	LAYER_MUTATION_CLONE_WITHOUT_COPY, /* LAYER-14: a clone without manifest is a plain image */
	LAYER_MUTATION_CLONE_HALF_MADE,    /* what a kill left of a clone is in its way for ever */
	LAYER_MUTATION_CHAIN_READ_ONCE,    /* LAYER-16: who opens layers that are merged away just
					      then finds them missing */
	LAYER_MUTATION_END,
};

#endif
