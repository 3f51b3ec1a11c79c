/* SPDX-License-Identifier: MIT */
/*
 * datastores.h - datastores as a resource, and the question whether one has room.
 *
 * Thread: main.
 */
#ifndef REST_DATASTORES_H
#define REST_DATASTORES_H

#include "rest.h"

/*
 * Whether a volume of size_bytes more (one that grows: the difference) may stand on this datastore:
 * it is not being deleted; a thin one stays below the limit of overcommitment; one that is not thin
 * finds its whole size free, what others of its kind have been promised taken off. Where filterd
 * has not told the sizes yet, it may.
 * Errors: -EBUSY, -ENOSPC with the figures.
 */
int must_check datastores_has_room(struct request *q, const json_t *datastore, uint64_t size_bytes,
				   bool is_thin, struct err *err);

/*
 * filters, as a configuration document has them: [{"filter", "parameters"?}]. Checks them against
 * the filters that there are and puts every parameter there as text. Errors: -EINVAL and others of
 * model_datastore_filter_check().
 */
int must_check datastore_filters_check(struct store *s, json_t *filters, struct err *err);

#endif
