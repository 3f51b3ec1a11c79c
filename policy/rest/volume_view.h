/* SPDX-License-Identifier: MIT */
/*
 * volume_view.h - a volume as REST shows it: its row with target, access, assignment and
 * compliance; and what runs of it now.
 *
 * Thread: main. JSON is returned as a new reference.
 */
#ifndef REST_VOLUME_VIEW_H
#define REST_VOLUME_VIEW_H

#include "rest.h"

/* For rest_row() and rest_list(). */
void volume_view_add(struct request *q, json_t *row);

/* The row of the volume that the path names, after If-Match. NULL: -ENOENT, -ESTALE. */
json_t *volume_view_wanted(struct request *q, struct err *err);
/* The same to change it: -EBUSY while it is being deleted. */
json_t *volume_view_to_change(struct request *q, struct err *err);

/* [{"initiator", "address", ...}] of one volume, [] when nobody is logged in. Asks tgtd itself. */
json_t *volume_view_sessions(struct request *q, const char *volume);
/* -EBUSY with the initiators, unless there are none or ?force=1 says that it does not matter.
 * what: what force would do to them ("their disk goes away"); NULL: there is no force. */
int must_check volume_view_nobody(struct request *q, const char *volume, const char *what,
				  struct err *err);
/* -EBUSY while an import or export runs on it. */
int must_check volume_view_no_transfer(const json_t *row, struct err *err);
/* filterd's view of it as last observed; NULL: not there, or filterd was not asked yet. */
json_t *volume_view_running(struct request *q, const char *volume);

#endif
