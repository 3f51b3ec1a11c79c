/* SPDX-License-Identifier: MIT */
#include "tls_pipe.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define IN_BYTES (128u << 10)

/* ---------------------------------------------------------------- OpenSSL's side */

static int bio_write(BIO *bio, const char *data, int len)
{
	struct tls_pipe *p = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (p->out_first == p->out_end)
		p->out_first = p->out_end = 0;
	if ((uint32_t)len > p->out_bytes - p->out_end && p->out_first) {
		memmove(p->out, p->out + p->out_first, p->out_end - p->out_first);
		p->out_end -= p->out_first;
		p->out_first = 0;
	}
	if ((uint32_t)len > p->out_bytes - p->out_end) {
		BIO_set_retry_write(bio);
		return -1;
	}
	memcpy(p->out + p->out_end, data, (size_t)len);
	p->out_end += (uint32_t)len;
	p->records++;
	return len;
}

static int bio_read(BIO *bio, char *data, int len)
{
	struct tls_pipe *p = BIO_get_data(bio);
	uint32_t there = p->in_end - p->in_first;

	BIO_clear_retry_flags(bio);
	if (there == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if ((uint32_t)len > there)
		len = (int)there;
	memcpy(data, p->in + p->in_first, (size_t)len);
	p->in_first += (uint32_t)len;
	return len;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
	static _Atomic(BIO_METHOD *) method; /* one for all workers, never freed */
	BIO_METHOD *m = atomic_load(&method), *none = NULL;

	if (m)
		return m;
	m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice");
	if (!m)
		return NULL;
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_ctrl(m, bio_ctrl);
	if (!atomic_compare_exchange_strong(&method, &none, m)) {
		BIO_meth_free(m); /* another worker was faster */
		return none;
	}
	return m;
}

int tls_pipe_init(struct tls_pipe *p, SSL *ssl, uint32_t out_bytes)
{
	BIO_METHOD *method = bio_method();
	BIO *bio = method ? BIO_new(method) : NULL;

	p->out_bytes = out_bytes;
	p->out = malloc(out_bytes);
	p->in = malloc(IN_BYTES);
	if (!bio || !p->out || !p->in) {
		BIO_free(bio);
		tls_pipe_fini(p);
		return -ENOMEM;
	}
	BIO_set_data(bio, p);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	return 0;
}

void tls_pipe_fini(struct tls_pipe *p)
{
	free(p->out);
	free(p->in);
	p->out = p->in = NULL;
}

/* ---------------------------------------------------------------- the socket's side */

int tls_pipe_push(struct tls_pipe *p, int fd)
{
	while (p->out_first < p->out_end) {
		ssize_t n =
		    send(fd, p->out + p->out_first, p->out_end - p->out_first, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		p->sends++;
		p->out_first += (uint32_t)n;
	}
	return 0;
}

ssize_t tls_pipe_fetch(struct tls_pipe *p, int fd)
{
	ssize_t n;

	if (p->in_first) { /* at most a piece of a record is left */
		memmove(p->in, p->in + p->in_first, p->in_end - p->in_first);
		p->in_end -= p->in_first;
		p->in_first = 0;
	}
	do {
		n = recv(fd, p->in + p->in_end, IN_BYTES - p->in_end, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -ENODATA;
	p->recvs++;
	p->in_end += (uint32_t)n;
	return n;
}
