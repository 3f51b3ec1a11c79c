/* SPDX-License-Identifier: MIT */
#include "egress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "post.h"
#include "relay.h"

struct egress {
	struct curl_loop *curl;
	struct allow_list allowed;
	const char *ca_file;
	struct list_node running, waiting;
	uint32_t running_count, waiting_count;
	struct log_limit limit;
};

/* ---------------------------------------------------------------- posts */

static void start_some(struct egress *e)
{
	while (e->running_count < EGRESS_RUNNING_MAX && !list_is_empty(&e->waiting)) {
		struct post *p = list_entry(list_pop_front(&e->waiting), struct post, node);
		struct err err = {0};

		e->waiting_count--;
		if (post_start(p, e->curl, &err) < 0) {
			post_fail(p, &err);
			continue;
		}
		list_push_back(&e->running, &p->node);
		e->running_count++;
	}
}

static void post_ended(void *ctx, CURL *easy, CURLcode result)
{
	struct egress *e = ctx;
	struct post *p = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &p);
	list_del(&p->node);
	e->running_count--;
	post_finish(p, result);
	start_some(e);
}

static int handle_post(struct egress *e, struct ctl_call *call, struct err *err)
{
	struct post *p;
	int rc;

	if (e->waiting_count >= EGRESS_WAITING_MAX)
		return err_set(err, EAGAIN, "", "%u posts wait already; try again later",
			       EGRESS_WAITING_MAX);
	rc = post_make(call, &e->allowed, e->ca_file, &p, err);
	if (rc < 0)
		return rc;
	list_push_back(&e->waiting, &p->node);
	e->waiting_count++;
	start_some(e);
	return 0;
}

/* ---------------------------------------------------------------- other requests */

static int handle_allow(struct egress *e, struct ctl_call *call, struct err *err)
{
	static const char *const members[] = {"request", "hosts", NULL};
	json_t *hosts = json_object_get(call->body, "hosts");
	uint32_t before = e->allowed.count;
	int rc = json_only(call->body, members, err);

	if (rc < 0)
		return rc;
	if (!json_is_array(hosts))
		return err_set(err, EINVAL, "hosts", "hosts is an array of destinations");
	rc = allow_set(&e->allowed, hosts, err);
	if (rc < 0)
		return rc;
	if (e->allowed.count != before) /* it is told with each connection */
		log_info("%u destinations are allowed", e->allowed.count);
	ctl_answer(call, json_pack("{s:I}", "allowed", (json_int_t)e->allowed.count));
	return 0;
}

static int handle_status(struct egress *e, struct ctl_call *call, struct err *err)
{
	ctl_answer(call,
		   json_pack("{s:I, s:I, s:I, s:I}", "allowed", (json_int_t)e->allowed.count,
			     "running", (json_int_t)e->running_count, "waiting",
			     (json_int_t)e->waiting_count, "relays", (json_int_t)relay_count()));
	return 0;
}

static bool is_unix_stream(int fd)
{
	int domain = 0, type = 0;
	socklen_t len = sizeof(int);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && domain == AF_UNIX &&
	       type == SOCK_STREAM;
}

static int handle_connect(struct egress *e, struct ctl_call *call, struct err *err)
{
	static const char *const members[] = {"request", "server", "timeout_ms", NULL};
	uint64_t timeout_ms = RELAY_TIMEOUT_DEFAULT_MS;
	struct allow_entry to;
	const char *server;

	if (json_only(call->body, members, err) < 0 ||
	    json_get_string(call->body, "server", &server, err) < 0 ||
	    json_opt_u64(call->body, "timeout_ms", 100, RELAY_TIMEOUT_MAX_MS, &timeout_ms, err) <
		0 ||
	    allow_kmip(&e->allowed, server, &to, err) < 0)
		return -err->code;
	if (!is_unix_stream(call->fd))
		return err_set(err, EINVAL, "", "connect comes with a Unix stream socket");
	if (relay_start(call->fd, &to, (uint32_t)timeout_ms, err) < 0)
		return -err->code;
	(void)take_fd(&call->fd);
	ctl_answer(call, NULL);
	return 0;
}

static const struct {
	const char *request;
	int (*handle)(struct egress *e, struct ctl_call *call,
		      struct err *err); /* has the call iff 0 */
} requests[] = {
    {"allow", handle_allow},
    {"connect", handle_connect},
    {"http.post", handle_post},
    {"status", handle_status},
};

void egress_handle(void *ctx, struct ctl_call *call)
{
	struct egress *e = ctx;
	struct err err = {0};
	int rc = -ENOTSUP;

	if (call->uid != 0 && call->uid != geteuid()) {
		if (log_limit_pass(&e->limit, 5))
			log_warn("uid %u asked and was refused", call->uid);
		err_set(&err, EACCES, "", "only root and the user of sluice-egressd may ask");
		ctl_answer_error(call, &err);
		return;
	}
	err_set(&err, ENOTSUP, "request", "there is no request '%.64s'", call->request);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (strcmp(call->request, requests[i].request) == 0) {
			rc = requests[i].handle(e, call, &err);
			break;
		}
	}
	if (rc < 0)
		ctl_answer_error(call, &err);
}

/* ---------------------------------------------------------------- life */

int egress_create(struct loop *loop, const char *ca_file, struct egress **out, struct err *err)
{
	struct egress *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return err_set(err, ENOMEM, "", "no memory");
	list_init(&e->running);
	list_init(&e->waiting);
	e->ca_file = ca_file;
	rc = curl_loop_create(loop, post_ended, e, &e->curl, err);
	if (rc < 0) {
		free(e);
		return rc;
	}
	*out = e;
	return 0;
}

static void fail_all(struct egress *e, struct list_node *posts, bool is_running)
{
	struct err err = {0};

	err_set(&err, ESHUTDOWN, "", "sluice-egressd is ending");
	while (!list_is_empty(posts)) {
		struct post *p = list_entry(list_pop_front(posts), struct post, node);

		if (is_running)
			curl_loop_remove(e->curl, p->easy);
		post_fail(p, &err);
	}
}

void egress_free(struct egress *e)
{
	if (!e)
		return;
	fail_all(e, &e->waiting, false);
	fail_all(e, &e->running, true);
	curl_loop_free(e->curl);
	allow_fini(&e->allowed);
	free(e);
}
