/* SPDX-License-Identifier: MIT */
/*
 * wblog_int.h - what wblog.c (the record, closing, giving up) and wblog_open.c (opening, the
 * switch to write-back) share.
 */
#ifndef CACHE_WBLOG_INT_H
#define CACHE_WBLOG_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wblog.h"

#define WBLOG_RECORD_KEY     "log"
#define WBLOG_RECORD_VERSION 2u
#define WBLOG_RECORD_1_BYTES offsetof(struct wblog_record, flash_uuid)
#define WBLOG_SEAL_KEY       "sealed" /* not empty: the host serves no chain without this filter */
#define WBLOG_JOURNAL        "journal"
#define WBLOG_JOURNAL_BYTES  (32ull << 20)  /* several of the largest windows */
#define WBLOG_BUSY_NS        20000000ull    /* who is closing it takes about so long */
#define WBLOG_BUSY_MAX_NS    15000000000ull /* after that it is an error */
#define WBLOG_REPLACE_NS     1000000ull     /* until what is under way has ended */
#define WBLOG_RETRY_NS       5000000000ull  /* flash that is away may come back */

/* The record's new phase, durably. 0 or -errno, and then the record is as before. */
int wblog_note(struct volume *v, enum wblog_phase phase);
void wblog_path(const struct volume *v, char *path, size_t size_bytes);
void wblog_close(struct volume *v, bool is_to_remove);
void wblog_close_journal(struct volume *v, bool is_to_remove);
/* wblog_begin() once more. */
void wblog_later(struct volume *v, uint64_t ns);
/* Somebody has the file open, and it is worth waiting for: it will be tried again. */
bool wblog_is_busy(struct volume *v, int result);
/* wblog_mark.c: the record was read; a log is about to be made, errors as folder_mark_claim(); this
 * volume's log was opened; what it held was given up. */
void wblog_mark_learn(struct volume *v);
int wblog_mark_claim(struct volume *v, struct sluice_error *err);
void wblog_mark_proved(struct volume *v);
void wblog_mark_forget(struct volume *v);
/* Journal first, if there is one, then the log. */
void wblog_open(struct volume *v);
/* PREPARING goes on without a log, and it is tried again. */
void wblog_not_made(struct volume *v, const char *why);

#endif
