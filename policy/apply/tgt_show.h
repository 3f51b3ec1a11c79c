/* SPDX-License-Identifier: MIT */
/*
 * tgt_show.h - what tgtd prints of itself, as planner.h's running document has it. Pure.
 *
 * The text is not all tgtd's: an initiator's alias stands in it as the initiator sent it, with
 * newlines if it likes. So every target must be where tgtd's list of drivers, in which nothing of
 * an initiator's stands, says that it is; and of each target only what comes after the last heading
 * of its logical units is believed. What a false alias can still do is to change and add
 * sessions of its own target; so tgt_ops.c believes no more of them than that there are some, and
 * asks for the connections, which bear no alias. And to make the whole text unreadable:
 * tgt_imitator.h.
 */
#ifndef POLICY_TGT_SHOW_H
#define POLICY_TGT_SHOW_H

#include <jansson.h>

#include "err.h"

/*
 * text: tgtd's targets; drivers: its drivers, with their targets, asked for right before or after.
 * *out: [{"tid", "iqn", "state", "luns": [{"lun", "bstype", "path"}], "addresses", "initiators",
 * "accounts": [user, in tgtd's order], "outgoing", "sessions": [{"sid", "cid" or null, "initiator",
 * "address"}]}]. New reference. A session without cid has an alias so long that the rest is cut.
 * Errors: -EBADMSG: the two do not fit together.
 */
int must_check tgt_show_targets(const char *text, const char *drivers, json_t **out,
				struct err *err);
/* The targets that the drivers have, by their numbers, without anything in them. New reference. */
json_t *tgt_show_list(const char *drivers);
/* The same sessions' shape, of one target, without aliases. New reference. */
json_t *tgt_show_connections(const char *text);
json_t *tgt_show_accounts(const char *text); /* [user] New reference. */
json_t *tgt_show_portals(const char *text);  /* ["127.0.0.1:3260", "[::]:3260"] New reference. */

#endif
