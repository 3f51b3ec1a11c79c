/* SPDX-License-Identifier: MIT */
/*
 * curl_loop.h - libcurl's transfers on common/loop: its sockets are the loop's descriptors, its
 * timeout is one of the loop's timers.
 *
 * Order of calls: create; for each transfer: add, then done() once or remove; free without
 * transfers. Thread: the loop's.
 */
#ifndef COMMON_CURL_LOOP_H
#define COMMON_CURL_LOOP_H

#include <curl/curl.h>

#include "err.h"
#include "loop.h"

struct curl_loop;

/* The transfer has ended and was taken out; easy is the caller's again and may be cleaned up in
 * here. Never called from inside curl_loop_add(). */
typedef void (*curl_loop_done_fn)(void *ctx, CURL *easy, CURLcode result);

int must_check curl_loop_create(struct loop *loop, curl_loop_done_fn done, void *ctx,
				struct curl_loop **out, struct err *err);
void curl_loop_free(struct curl_loop *c);
int must_check curl_loop_add(struct curl_loop *c, CURL *easy);
/* Ends a transfer without done(). Not from inside one of its callbacks. */
void curl_loop_remove(struct curl_loop *c, CURL *easy);

#endif
