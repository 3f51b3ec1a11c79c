/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"

struct loop {
	int epoll_fd;
	int wake_fd;
	struct loop_fd wake;
	struct list_node timers;           /* by deadline */
	_Atomic(struct loop_msg *) posted; /* newest first */
};

static void wake_read(struct loop_fd *w, uint32_t events)
{
	uint64_t n;

	while (read(w->fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
}

int loop_create(struct loop **out, struct err *err)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return err_set(err, ENOMEM, "", "no memory for an event loop");
	list_init(&l->timers);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->wake.fd = l->wake_fd;
	l->wake.fn = wake_read;
	if (l->epoll_fd < 0 || l->wake_fd < 0 || loop_add(l, &l->wake, EPOLLIN) < 0) {
		int code = errno;

		loop_free(l);
		return err_set(err, code, "", "no descriptors for an event loop: %s",
			       strerror(code));
	}
	*out = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	free(l);
}

int loop_add(struct loop *l, struct loop_fd *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) < 0)
		return -errno;
	w->is_added = true;
	return 0;
}

void loop_change(struct loop *l, struct loop_fd *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};
	int rc = epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev);

	assert(rc == 0);
	(void)rc;
}

void loop_remove(struct loop *l, struct loop_fd *w)
{
	if (!w->is_added)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->is_added = false;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t deadline_ns)
{
	struct list_node *at;

	loop_timer_cancel(l, t);
	t->deadline_ns = deadline_ns;
	t->is_set = true;
	for (at = l->timers.prev; at != &l->timers; at = at->prev)
		if (list_entry(at, struct loop_timer, node)->deadline_ns <= deadline_ns)
			break;
	list_add_between(&t->node, at, at->next);
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	if (!t->is_set)
		return;
	list_del(&t->node);
	t->is_set = false;
}

void loop_post(struct loop *l, struct loop_msg *m)
{
	uint64_t one = 1;
	struct loop_msg *head = atomic_load_explicit(&l->posted, memory_order_relaxed);

	do {
		m->next = head;
		/* release: the message's content is seen by who takes the list */
	} while (!atomic_compare_exchange_weak_explicit(&l->posted, &head, m, memory_order_release,
							memory_order_relaxed));
	if (!head && write(l->wake_fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN); /* already readable */
}

static void run_posted(struct loop *l)
{
	struct loop_msg *m = atomic_exchange_explicit(&l->posted, NULL, memory_order_acquire);
	struct loop_msg *first = NULL;

	while (m) {
		struct loop_msg *next = m->next;

		m->next = first;
		first = m;
		m = next;
	}
	while (first) {
		m = first;
		first = m->next;
		m->fn(m);
	}
}

static void run_timers(struct loop *l)
{
	uint64_t now_ns = clock_now_ns();

	while (!list_is_empty(&l->timers)) {
		struct loop_timer *t = list_entry(l->timers.next, struct loop_timer, node);

		if (t->deadline_ns > now_ns)
			return;
		loop_timer_cancel(l, t);
		t->fn(t);
	}
}

static int wait_ms(const struct loop *l, uint32_t max_wait_ms)
{
	const struct loop_timer *t;
	uint64_t now_ns, left_ms;

	if (list_is_empty(&l->timers))
		return (int)max_wait_ms;
	t = list_entry(l->timers.next, struct loop_timer, node);
	now_ns = clock_now_ns();
	if (t->deadline_ns <= now_ns)
		return 0;
	left_ms = (t->deadline_ns - now_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
	return (int)(left_ms < max_wait_ms ? left_ms : max_wait_ms);
}

void loop_turn(struct loop *l, uint32_t max_wait_ms)
{
	struct epoll_event ev;
	int n = epoll_wait(l->epoll_fd, &ev, 1, wait_ms(l, max_wait_ms));

	if (n == 1) {
		struct loop_fd *w = ev.data.ptr;

		w->fn(w, ev.events);
	}
	run_posted(l);
	run_timers(l);
}
