// SPDX-License-Identifier: MIT
// lab_path.c - see lab_path.h.
#include <assert.h>

#include "lab_path.h"

#define NS_PER_S 1000000000.0

static bool is_throttling(const struct lab *lab)
{
	return lab->control.state == CONTROL_THROTTLING;
}

static void leak(double *level, double *worst, double rate, double cost, double seconds)
{
	*level -= rate * seconds;
	if (*level < 0)
		*level = 0;
	*level += cost;
	if (*level > *worst)
		*worst = *level;
}

/* A bucket that leaks at the limit's rate: what is in it at most is what the limit let through too
 * early, over any interval. */
static void note_limits(struct lab_client *c, uint64_t len_bytes, uint64_t now_ns)
{
	const struct mclock_config *q = &c->spec->qos;
	double seconds = (double)(now_ns - c->limit_at_ns) / NS_PER_S;
	double ios = q->is_limit_normalised ? (double)latency_units(len_bytes) : 1;

	c->limit_at_ns = now_ns;
	leak(&c->limit_level[0], &c->limit_worst[0], (double)q->limit_iops, ios, seconds);
	leak(&c->limit_level[1], &c->limit_worst[1], (double)q->limit_bytes_per_s,
	     (double)len_bytes, seconds);
}

static void dispatch(struct lab *lab, struct lab_io *io)
{
	struct lab_client *c = io->client;
	uint64_t waited_ns = lab->now_ns - io->arrived_ns;

	io->dispatched_ns = lab->now_ns;
	c->dispatched++;
	if (waited_ns > c->longest_wait_ns)
		c->longest_wait_ns = waited_ns;
	if (!lab->is_draining)
		note_limits(c, io->request.len_bytes, lab->now_ns);
	lab->in_flight++;
	if (!lab->spec.is_unfiltered)
		control_dispatched(&lab->control, lab->now_ns);
	device_submit(&lab->device, &io->device, lab->now_ns);
}

void lab_path_submit(struct lab *lab, struct lab_io *io)
{
	struct lab_client *c = io->client;

	if (lab->spec.is_unfiltered ||
	    (c->waiting == 0 &&
	     mclock_pass(lab->mclock, c->mclock, io->request.len_bytes, lab->now_ns,
			 control_has_room(&lab->control), is_throttling(lab)))) {
		dispatch(lab, io);
		return;
	}
	c->delayed++;
	c->waiting++;
	mclock_push(lab->mclock, c->mclock, &io->request, lab->now_ns);
	lab_path_pump(lab);
}

void lab_path_done(struct lab *lab, struct lab_io *io)
{
	assert(lab->in_flight > 0);
	lab->in_flight--;
	if (!lab->spec.is_unfiltered)
		control_done(&lab->control, lab->now_ns - io->dispatched_ns, io->request.len_bytes,
			     false, lab->now_ns);
}

void lab_path_pump(struct lab *lab)
{
	struct mclock_request *q;
	enum mclock_why why;
	uint64_t next_ns;

	if (mclock_queued(lab->mclock) == 0)
		return;
	while ((q = mclock_pop(lab->mclock, lab->now_ns, control_has_room(&lab->control),
			       is_throttling(lab), &why))) {
		struct lab_io *io = (struct lab_io *)q; /* its first member */

		io->client->waiting--;
		dispatch(lab, io);
	}
	next_ns = mclock_next_ns(lab->mclock, lab->now_ns);
	if (next_ns == UINT64_MAX || next_ns >= lab->wake_ns)
		return;
	if (next_ns <= lab->now_ns)
		next_ns = lab->now_ns + 1;
	lab->wake_ns = next_ns;
	events_put(&lab->events, next_ns, EVENT_WAKE, NULL);
}

void lab_path_tick(struct lab *lab)
{
	enum control_news news;

	if (lab->spec.is_unfiltered)
		return;
	news = control_tick(&lab->control, mclock_queued(lab->mclock), lab->now_ns);
	lab->news[news]++;
	lab->news_ns[news] = lab->now_ns;
	lab_path_pump(lab);
}

/* As the glue does: cancel what waits, client by client, and let it go. */
void lab_path_drain(struct lab *lab)
{
	for (uint32_t chunk = 0; chunk < lab->io_chunks; chunk++)
		for (uint32_t i = 0; i < 1024; i++) {
			struct lab_io *io = &lab->all_ios[chunk][i];

			if (!io->client || io->dispatched_ns || !io->request.client)
				continue;
			mclock_cancel(lab->mclock, &io->request, lab->now_ns);
			io->client->waiting--;
			dispatch(lab, io);
		}
}

void lab_path_check(struct lab *lab)
{
	if (lab->spec.is_unfiltered)
		return;
	assert(lab->control.in_flight == lab->in_flight);
	if (lab->in_flight)
		return;
	for (uint32_t i = 0; i < lab->spec.clients; i++) {
		const struct mclock_config *q = &lab->client[i].spec->qos;

		if (lab->client[i].waiting && !q->limit_iops && !q->limit_bytes_per_s)
			lab->idle_with_work++;
	}
}
