/* SPDX-License-Identifier: MIT */
/*
 * layer_freeze.c - a new head over the present one, so that the present one can be merged.
 *
 * No point in time is promised, so the manifest goes first: it names the new, empty head while the
 * former still takes writes, and whichever of the two has them, all of them are seen.
 */
#include <errno.h>

#include "layer_int.h"

static void on_gate(struct layers *v, int rc)
{
	struct layer *next = v->ctl.next_head;

	/* Not flushed: it stays the head until the volume is opened anew. */
	v->ctl.next_head = NULL;
	if (rc == 0) {
		next->below = v->head;
		layer_open_head(v, next, true);
		pages_new_head(v);
		v->own_blocks = 0;
	} else {
		ctl_fail(v, "a flush failed while the volume changed to a new layer", rc);
		tree_leave(v, next, false);
	}
	ctl_open_gate(v);
	freeze_ended(v, rc);
}

static void on_saved(struct layers *v, int rc, const struct err *err)
{
	if (rc == 0) {
		ctl_close_gate(v, on_gate);
		return;
	}
	/* Perhaps the manifest names them: they stay. */
	tree_leave(v, v->ctl.next_head, false);
	v->ctl.next_head = NULL;
	freeze_ended(v, rc);
}

static void on_made(struct layers *v, int rc, const struct err *err)
{
	struct manifest_layer l = {.number = v->m->next_number,
				   .parent = v->m->head,
				   .size_bytes = v->b.size_bytes,
				   .has_map = true};
	struct manifest *next;

	if (rc) {
		freeze_ended(v, rc);
		return;
	}
	v->ctl.next_head = tree_add(v, &l, v->ctl.call.data, v->ctl.call.map);
	next = v->ctl.next_head ? manifest_copy(v->m) : NULL;
	if (!v->ctl.next_head) {
		env_file_close(v->env, v->ctl.call.data);
		env_file_close(v->env, v->ctl.call.map);
	}
	if (!next || !manifest_add_layer(next, &l)) {
		manifest_free(next);
		if (v->ctl.next_head)
			tree_leave(v, v->ctl.next_head, true);
		v->ctl.next_head = NULL;
		freeze_ended(v, -ENOMEM);
		return;
	}
	manifest_layer(next, next->head)->own_blocks = v->own_blocks;
	next->head = l.number;
	next->next_number = l.number + 1;
	ctl_save(v, next, on_saved);
}

void freeze_start(struct layers *v)
{
	if (v->m->layer_count + 1 >= LAYER_MAX)
		freeze_ended(v, -ENOSPC);
	else
		ctl_make_files(v, v->m->next_number, v->b.size_bytes, on_made);
}
