/* SPDX-License-Identifier: MIT */
/*
 * tgt_imitator.h - who makes what tgtd prints of its targets unreadable.
 *
 * An initiator's alias may hold newlines, and so lines that look like another target. Then nothing
 * of the text can be believed (tgt_show.h), no access could be taken away any more, and the one who
 * sent the alias would stay for ever. So he is found: the connections, which tgtd prints without
 * aliases, say what must stand in the text, and where it first says something else, the alias
 * before that place is the false one.
 *
 * Pure. Thread: any.
 */
#ifndef POLICY_TGT_IMITATOR_H
#define POLICY_TGT_IMITATOR_H

#include <jansson.h>

/*
 * text: tgtd's targets; targets: [{"tid", "iqn", "sessions": as tgt_show_connections() has them}]
 * in tgtd's order. *tid: whose target. New reference to the session; NULL: nobody is found.
 */
json_t *tgt_imitator_find(const char *text, const json_t *targets, json_int_t *tid);

#endif
