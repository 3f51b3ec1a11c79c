/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tgt.h - the only file that includes tgt's headers.
 *
 * They are not self-contained (the order below matters), redefine offsetof, and define common words
 * as macros (dprintf, min, max, likely, list_entry ...), some with GNU typeof, which -std=c11 has
 * not. All of these are taken away again here; what our code needs of them stands at the end under
 * names of its own. Whoever includes this must not include common/list.h or common/log.h: same
 * names, other things.
 */
#ifndef TARGET_TGT_H
#define TARGET_TGT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#ifndef __WORDSIZE
#define __WORDSIZE (__SIZEOF_LONG__ * 8)
#endif

/* Also what tgt's own "list.h" and "log.h" would find in common/. */
#define COMMON_LIST_H
#define COMMON_LOG_H

#include <usr/list.h>
#include <usr/tgtd.h>
#include <usr/target.h>
#include <usr/driver.h>
#include <usr/scsi.h>
#include <usr/spc.h>
#ifdef TGT_WITH_ISCSI
#include <usr/iscsi/iscsid.h>
#endif

#undef min
#undef max
#undef min_t
#undef max_t
#undef zalloc
#undef roundup
#undef ALIGN
#undef ARRAY_SIZE
#undef DIV_ROUND_UP
#undef dprintf
#undef eprintf
#undef likely
#undef unlikely
#undef container_of
#undef list_entry
#undef list_first_entry
#undef list_for_each
#undef list_for_each_prev
#undef list_for_each_entry
#undef list_for_each_entry_safe
#undef LIST_HEAD
#undef LIST_HEAD_INIT
#undef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)

/* An element of one of tgtd's lists. */
#define tgt_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))
#define tgt_for_each(node, head)                                                                   \
	for (const struct list_head *node = (head)->next; node != (head); node = node->next)

/* One line in tgtd's log, which goes to syslog, or to stderr if tgtd runs with -f. Never on the
 * data path. */
#define tgt_log(lu, fmt, ...)                                                                      \
	log_error("bs_sluice: target %d LUN %llu: " fmt "\n", (lu)->tgt->tid,                      \
		  (unsigned long long)(lu)->lun, ##__VA_ARGS__)
#define tgt_log_global(fmt, ...) log_error("bs_sluice: " fmt "\n", ##__VA_ARGS__)

#endif
