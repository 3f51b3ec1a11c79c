/* SPDX-License-Identifier: MIT */
/*
 * forward.h - one request on its way to policyd and its answer on the way back.
 *
 *   client --feed--> up (64 KiB) --libcurl--> policyd --libcurl--> down (128 KiB) --answer-->
 * client
 *
 * A full queue stops the side that fills it: the client's connection is suspended, or libcurl is
 * paused. So a volume of any size passes through these two queues. Each request has a connection of
 * its own to policyd: what one client sends can never be taken for the next one's request, and
 * nothing is sent twice.
 *
 * Order of calls: start, feed*, feed_end, wait for is_ready, answer; free at any time. Thread:
 * main.
 */
#ifndef GATEWAY_FORWARD_H
#define GATEWAY_FORWARD_H

#include <curl/curl.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "headers.h"
#include "list.h"
#include "pipe.h"

#define FORWARD_UP_BYTES    (64u << 10)
#define FORWARD_DOWN_BYTES  (128u << 10)
#define FORWARD_EXPECT_OVER (64u << 10) /* larger bodies wait until policyd wants them */

struct request;
struct gateway;

struct forward {
	struct list_node node; /* in gateway's list eased */
	bool is_eased;
	struct request *request;
	CURL *easy;
	bool is_running; /* libcurl has it */
	struct curl_slist *headers;
	struct pipe up, down;
	bool is_up_ended;                       /* the client's body is complete */
	bool is_send_paused, is_receive_paused; /* libcurl waits for us */
	uint64_t deadline_ns; /* for policyd's next move, until its headers; 0: none */
	/* the answer */
	int status;
	char *answer[HEADERS_ANSWER_COUNT];
	uint64_t answer_bytes; /* UINT64_MAX: not known */
	bool has_headers;      /* all of them */
	bool is_whole_wanted;  /* the body must be seen as a whole: a login's */
	bool is_over;          /* libcurl is done; failure says how */
	int failure;           /* 0: well; else the status for the client */
};

int must_check forward_start(struct request *r, const char *method, struct err *err);
void forward_free(struct forward *f); /* fine on NULL */

size_t forward_feed(struct forward *f, const char *data, size_t len);
void forward_feed_end(struct forward *f);
/* It is given up; the client gets this status if it has not got another one. */
void forward_fail(struct forward *f, int status);
void forward_tick(struct forward *f, uint64_t now_ns);

/* policyd will not read any more of the body. */
bool forward_is_over(const struct forward *f);
/* There is something to answer. */
bool forward_is_ready(const struct forward *f);
enum MHD_Result forward_answer(struct forward *f);

/* There may be room or data again for libcurl: the next turn looks. */
void forward_ease(struct forward *f);
/* A curl_loop_done_fn. */
void forward_ended(void *ctx, CURL *easy, CURLcode result);
/* libcurl goes on where there is room or data again. From gateway_turn() alone: doing it at once
 * would call libcurl back from inside libmicrohttpd's callbacks. */
void forward_ease_all(struct gateway *g);

#endif
