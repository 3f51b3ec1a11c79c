/* SPDX-License-Identifier: MIT */
/*
 * post.h - one {"request": "http.post"}: checked, sent, answered.
 *
 * Order of calls: make, start, then the transfer's end calls finish; or fail at any time. Both end
 * the post and answer its call. Thread: main.
 */
#ifndef EGRESS_POST_H
#define EGRESS_POST_H

#include "allow.h"
#include "ctl_server.h"
#include "curl_loop.h"
#include "list.h"

#define POST_REPLY_BYTES_MAX    65536u /* of a reply's body; more is cut off */
#define POST_TIMEOUT_DEFAULT_MS 10000u
#define POST_TIMEOUT_MAX_MS     60000u
#define POST_HEADERS_MAX        32u

struct post {
	struct list_node node; /* waiting, or under way */
	struct ctl_call *call;
	CURL *easy;
	CURLU *url;
	struct curl_slist *headers;
	struct allow_entry destination;
	uint64_t started_ns;
	uint64_t reply_bytes;
	bool is_cut;        /* the reply was longer than we read */
	bool is_not_public; /* the name led where its entry may not */
	char text[CURL_ERROR_SIZE];
};

/* ca_file NULL: the system's. Takes the call iff 0 is returned. Errors: see allow_url(). */
int must_check post_make(struct ctl_call *call, const struct allow_list *allowed,
			 const char *ca_file, struct post **out, struct err *err);
int must_check post_start(struct post *p, struct curl_loop *curl, struct err *err);
void post_finish(struct post *p, CURLcode result);
void post_fail(struct post *p, const struct err *err);

#endif
