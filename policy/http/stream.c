/* SPDX-License-Identifier: MIT */
/*
 * stream.c - bodies that are not JSON. The data flows between the client and a pipe or socket of
 * filterd; whichever side is slower is waited for with the connection suspended, never by blocking.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fd.h"
#include "server_int.h"

#define BLOCK_BYTES (64u << 10)

static void on_stream(struct loop_fd *w, uint32_t events)
{
	struct carrier *c = w->ctx;

	loop_remove(c->x.app->loop, w);
	carrier_resume(c);
}

/* Waits for body_fd. false: it cannot be waited for. */
static bool wait_for(struct carrier *c, uint32_t events)
{
	c->stream = (struct loop_fd){.fd = c->x.r.body_fd, .fn = on_stream, .ctx = c};
	if (loop_add(c->x.app->loop, &c->stream, events) < 0)
		return false;
	carrier_suspend(c);
	return true;
}

void stream_end(struct carrier *c, bool is_whole)
{
	if (c->is_ended || c->x.r.body_fd < 0)
		return;
	c->is_ended = true;
	loop_remove(c->x.app->loop, &c->stream);
	fd_close(&c->x.r.body_fd);
	exchange_streamed(&c->x, is_whole);
}

bool stream_in(struct carrier *c, const char *upload, size_t *upload_bytes)
{
	size_t taken = 0;

	while (taken < *upload_bytes) {
		ssize_t n = write(c->x.r.body_fd, upload + taken, *upload_bytes - taken);

		if (n > 0) {
			taken += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && wait_for(c, EPOLLOUT))
			break;
		return false;
	}
	c->streamed_bytes += taken;
	*upload_bytes -= taken;
	return true;
}

static ssize_t read_stream(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct carrier *c = cls;
	uint64_t wanted = c->x.r.body_bytes;
	ssize_t n;

	if (c->listener->server->is_stopping)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (wanted != UINT64_MAX && max > wanted - c->streamed_bytes)
		max = (size_t)(wanted - c->streamed_bytes);
	do
		n = read(c->x.r.body_fd, buf, max);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		c->streamed_bytes += (uint64_t)n;
		return n;
	}
	if (n < 0 && errno == EAGAIN && wait_for(c, EPOLLIN))
		return 0;
	if (n < 0 || (wanted != UINT64_MAX && c->streamed_bytes != wanted))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	c->is_whole = true;
	return MHD_CONTENT_READER_END_OF_STREAM;
}

struct MHD_Response *stream_out(struct carrier *c)
{
	uint64_t bytes = c->x.r.body_bytes;

	return MHD_create_response_from_callback(bytes == UINT64_MAX ? MHD_SIZE_UNKNOWN : bytes,
						 BLOCK_BYTES, read_stream, c, NULL);
}

static ssize_t read_events(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct carrier *c = cls;
	ptrdiff_t n;

	if (c->listener->server->is_stopping)
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = sse_client_read(c->sse, buf, max);
	if (n < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0)
		carrier_suspend(c);
	return n;
}

struct MHD_Response *stream_sse(struct carrier *c)
{
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_events, c,
						 NULL);
}
