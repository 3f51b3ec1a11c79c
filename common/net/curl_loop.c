/* SPDX-License-Identifier: MIT */
#include "curl_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "clock.h"

struct curl_loop {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	curl_loop_done_fn done;
	void *ctx;
};

static void ended_transfers(struct curl_loop *c)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(c->multi, &left))) {
		CURL *easy = msg->easy_handle;
		CURLcode result = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_multi_remove_handle(c->multi, easy);
		c->done(c->ctx, easy, result);
	}
}

static void socket_ready(struct loop_fd *w, uint32_t events)
{
	struct curl_loop *c = w->ctx;
	int mask = 0, running;

	if (events & EPOLLIN)
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_ERR;
	/* may take w away */
	curl_multi_socket_action(c->multi, w->fd, mask, &running);
	ended_transfers(c);
}

static void timer_fired(struct loop_timer *t)
{
	struct curl_loop *c = t->ctx;
	int running;

	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	ended_transfers(c);
}

static uint32_t events_of(int what)
{
	return (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *watch)
{
	struct curl_loop *c = ctx;
	struct loop_fd *w = watch;

	if (what == CURL_POLL_REMOVE) {
		if (w)
			loop_remove(c->loop, w);
		free(w);
		curl_multi_assign(c->multi, fd, NULL);
		return 0;
	}
	if (w) {
		loop_change(c->loop, w, events_of(what));
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return -1;
	w->fd = fd;
	w->fn = socket_ready;
	w->ctx = c;
	if (loop_add(c->loop, w, events_of(what)) < 0) {
		free(w);
		return -1;
	}
	curl_multi_assign(c->multi, fd, w);
	return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *ctx)
{
	struct curl_loop *c = ctx;

	if (timeout_ms < 0)
		loop_timer_cancel(c->loop, &c->timer);
	else
		loop_timer_set(c->loop, &c->timer,
			       clock_now_ns() + (uint64_t)timeout_ms * CLOCK_NS_PER_MS);
	return 0;
}

int curl_loop_create(struct loop *loop, curl_loop_done_fn done, void *ctx, struct curl_loop **out,
		     struct err *err)
{
	struct curl_loop *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(err, ENOMEM, "", "no memory for transfers");
	c->loop = loop;
	c->done = done;
	c->ctx = ctx;
	c->timer.fn = timer_fired;
	c->timer.ctx = c;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(c->multi = curl_multi_init())) {
		free(c);
		return err_set(err, ENOMEM, "", "libcurl cannot be set up");
	}
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	*out = c;
	return 0;
}

void curl_loop_free(struct curl_loop *c)
{
	if (!c)
		return;
	curl_multi_cleanup(c->multi);
	loop_timer_cancel(c->loop, &c->timer);
	curl_global_cleanup();
	free(c);
}

int curl_loop_add(struct curl_loop *c, CURL *easy)
{
	return curl_multi_add_handle(c->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void curl_loop_remove(struct curl_loop *c, CURL *easy)
{
	curl_multi_remove_handle(c->multi, easy);
}
