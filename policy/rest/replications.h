/* SPDX-License-Identifier: MIT */
/*
 * replications.h - what the files of /replications share.
 *
 * Thread: main.
 */
#ifndef REST_REPLICATIONS_H
#define REST_REPLICATIONS_H

#include "rest.h"

/* For rest_row() and rest_list(): volumes, and what the filter says. */
void replications_view(struct request *q, json_t *row);
/* The one that the path names, after If-Match. NULL with err. */
json_t *replications_wanted(struct request *q, struct err *err);
/* Begins a task on it and answers with the row. Takes parameters. */
int must_check replications_task(struct request *q, struct reply *r, const json_t *row,
				 const char *kind, bool is_cancellable, json_t *parameters,
				 struct err *err);
/* -EBUSY while another task changes what this one does. */
int must_check replications_is_free(struct request *q, const char *name, struct err *err);

/* -EBUSY when the volume is in a replication: what cannot be done to it then. */
int must_check replications_refuse(struct request *q, int64_t volume_id, const char *what,
				   struct err *err);
/* -EBUSY when this side of it is the replica: what is changed at the peer, and comes here. */
int must_check replications_refuse_replica(struct request *q, int64_t volume_id, const char *what,
					   struct err *err);
/* PATCH of size_bytes of such a volume: both sides grow, by a task. 0: it is in none; 1: done. */
int must_check replications_grow(struct request *q, struct reply *r, const json_t *volume,
				 uint64_t size_bytes, struct err *err);

#endif
