/* SPDX-License-Identifier: MIT */
/*
 * tgt_ops.h - tgtd's operations, one function each.
 *
 * What is to be there and is, and what is to be gone and is, is no error here: a round that was cut
 * short is simply repeated. Only a target's number can be taken by somebody else: -EEXIST.
 *
 * Thread: any, one at a time per client. Errors: tgt_client.h.
 */
#ifndef POLICY_TGT_OPS_H
#define POLICY_TGT_OPS_H

#include <jansson.h>

#include "tgt_client.h"

int must_check tgt_target_new(struct tgt_client *c, int32_t tid, const char *iqn, struct err *err);
int must_check tgt_target_delete(struct tgt_client *c, int32_t tid, struct err *err);
/* path is a volume's name; ring_socket is told to the module in tgtd. */
int must_check tgt_lun_new(struct tgt_client *c, int32_t tid, uint64_t lun, const char *volume,
			   const char *ring_socket, struct err *err);
/* -EBUSY while commands of an initiator are under way. */
int must_check tgt_lun_delete(struct tgt_client *c, int32_t tid, uint64_t lun, struct err *err);
/* -EEXIST when there is one of that name: its secret is not known to be this one. */
int must_check tgt_account_new(struct tgt_client *c, const char *user, const char *secret,
			       struct err *err);
int must_check tgt_account_delete(struct tgt_client *c, const char *user, struct err *err);
int must_check tgt_account_bind(struct tgt_client *c, int32_t tid, const char *user,
				bool is_outgoing, struct err *err);
int must_check tgt_account_unbind(struct tgt_client *c, int32_t tid, const char *user,
				  bool is_outgoing, struct err *err);
/* Either of address and initiator, the other NULL. */
int must_check tgt_acl_bind(struct tgt_client *c, int32_t tid, const char *address,
			    const char *initiator, struct err *err);
int must_check tgt_acl_unbind(struct tgt_client *c, int32_t tid, const char *address,
			      const char *initiator, struct err *err);
/* Only if it is initiator's: numbers are given anew. The end itself comes a little later. */
int must_check tgt_session_close(struct tgt_client *c, int32_t tid, uint64_t sid, uint32_t cid,
				 const char *initiator, struct err *err);
int must_check tgt_portal_new(struct tgt_client *c, const char *portal, struct err *err);
int must_check tgt_portal_delete(struct tgt_client *c, const char *portal, struct err *err);

/* tgt_show.h's documents. New references. */
int must_check tgt_targets(struct tgt_client *c, json_t **out, struct err *err);
int must_check tgt_accounts(struct tgt_client *c, json_t **out, struct err *err);
int must_check tgt_portals(struct tgt_client *c, json_t **out, struct err *err);
int must_check tgt_connections(struct tgt_client *c, int32_t tid, json_t **out, struct err *err);

#endif
