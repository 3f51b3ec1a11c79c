/* SPDX-License-Identifier: MIT */
/*
 * requests_int.h - what the files that read requests share. Only they include it.
 *
 *   requests.c            the table of requests; questions, volumes, filters, transfers
 *   requests_datastore.c  datastores
 *   requests_snapshot.c   snapshots
 *   requests_peer.c       other appliances
 */
#ifndef FILTERD_REQUESTS_INT_H
#define FILTERD_REQUESTS_INT_H

#include "requests.h"

/* The end of a request that the manager carried out; a manager_fn whose ctx is the call. */
void requests_answered(void *ctx, const struct err *err, json_t *more);
void requests_refused(struct ctl_call *call, const struct err *err);
/* The request's name, or NULL and the call is answered. */
const char *requests_get_name(struct ctl_call *call);
/* Refuses what is not "request" or one of the two fields: a misspelt option must not be ignored. */
bool requests_has_only(struct ctl_call *call, const char *one, const char *two);
/* The body without "request" (and take_out), for the plan's readers, which refuse what they do not
 * know. New reference. */
json_t *requests_content(const struct ctl_call *call, const char *take_out);

void requests_datastore_add(struct requests *c, struct ctl_call *call) ON_MAIN;
void requests_datastore_remove(struct requests *c, struct ctl_call *call) ON_MAIN;
void requests_datastore_filters(struct requests *c, struct ctl_call *call) ON_MAIN;
void requests_datastore_filter_set(struct requests *c, struct ctl_call *call) ON_MAIN;

void requests_snapshot_create(struct requests *c, struct ctl_call *call) ON_MAIN;
void requests_snapshot_delete(struct requests *c, struct ctl_call *call) ON_MAIN;
void requests_snapshot_delete_cancel(struct requests *c, struct ctl_call *call) ON_MAIN;
void requests_snapshot_revert(struct requests *c, struct ctl_call *call) ON_MAIN;
void requests_snapshot_clone(struct requests *c, struct ctl_call *call) ON_MAIN;
void requests_snapshot_list(struct requests *c, struct ctl_call *call) ON_MAIN;
void requests_snapshot_repair(struct requests *c, struct ctl_call *call) ON_MAIN;

void requests_peer_identity(struct requests *c, struct ctl_call *call);
void requests_peer_list(struct requests *c, struct ctl_call *call);
void requests_peer_offer(struct requests *c, struct ctl_call *call);
void requests_peer_withdraw(struct requests *c, struct ctl_call *call);
void requests_peer_join(struct requests *c, struct ctl_call *call);
void requests_peer_set(struct requests *c, struct ctl_call *call);
void requests_peer_forget(struct requests *c, struct ctl_call *call);
void requests_peer_call(struct requests *c, struct ctl_call *call);
void requests_peer_take(struct requests *c, struct ctl_call *call);
void requests_peer_answer(struct requests *c, struct ctl_call *call);
void requests_witness_list(struct requests *c, struct ctl_call *call);
void requests_witness_forget(struct requests *c, struct ctl_call *call);

#endif
