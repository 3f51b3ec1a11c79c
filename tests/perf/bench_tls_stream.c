/* SPDX-License-Identifier: MIT */
/*
 * bench_tls_stream.c - what a TLS 1.3 connection over loopback costs a sender that does nothing
 * else: the least that replication pays for a block of 4 KiB, however it is kept and checked.
 *
 * The sender has processor 0 and the receiver processor 1, as in bench_replication.sh's "apart".
 * All that keeps processor 0 from being idle counts, so that what TCP does in an interrupt is in
 * it: for a machine without other work. Prints microseconds for each 4 KiB, for writes that fill a
 * TLS record and for writes of 4 KiB; without TLS first.
 */
#include <err.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK_BYTES  4096u
#define RECORD_BYTES 16384u
#define SOURCE_BYTES (64u << 20) /* more than any cache: what is replicated comes from memory */
#define SEND_BYTES   (2ull << 30)

static uint8_t *source;

static void run_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		err(1, "processor %d", processor);
}

/* Of processor 0, since the machine started. */
static double busy_us(void)
{
	uint64_t user, nice, system, idle, iowait, irq, softirq, steal;
	FILE *f = fopen("/proc/stat", "re");

	if (!f || fscanf(f,
			 "cpu %*[^\n] cpu0 %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			 " %" SCNu64 " %" SCNu64 " %" SCNu64,
			 &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal) != 8)
		errx(1, "/proc/stat cannot be read");
	fclose(f);
	return (double)(user + nice + system + irq + softirq + steal) * 1e6 /
	       (double)sysconf(_SC_CLK_TCK);
}

/* ---------------------------------------------------------------- the two ends */

static SSL_CTX *server_context(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *x = X509_new();

	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_sign(x, key, EVP_sha256());
	if (!c || SSL_CTX_use_certificate(c, x) != 1 || SSL_CTX_use_PrivateKey(c, key) != 1)
		errx(1, "no certificate can be made");
	return c;
}

static void receive(int listener, bool has_tls)
{
	static uint8_t buf[256u << 10];
	int fd = accept(listener, NULL, NULL);
	SSL *ssl;

	if (fd < 0)
		err(1, "accept");
	if (!has_tls) {
		while (read(fd, buf, sizeof(buf)) > 0) {
		}
		return;
	}
	ssl = SSL_new(server_context());
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) != 1)
		errx(1, "TLS: the receiver's handshake failed");
	while (SSL_read(ssl, buf, sizeof(buf)) > 0) {
	}
}

static void send_all(int fd, const uint8_t *from, size_t left)
{
	while (left > 0) {
		ssize_t n = write(fd, from, left);

		if (n < 0)
			err(1, "write");
		from += n;
		left -= (size_t)n;
	}
}

static double send_much(int fd, SSL *ssl, size_t at_once_bytes)
{
	double begin_us = busy_us();
	uint64_t sent = 0;

	for (; sent < SEND_BYTES; sent += at_once_bytes) {
		const uint8_t *from = source + sent % SOURCE_BYTES;

		if (!ssl)
			send_all(fd, from, at_once_bytes);
		else if (SSL_write(ssl, from, (int)at_once_bytes) != (int)at_once_bytes)
			errx(1, "TLS: nothing can be sent");
	}
	return (busy_us() - begin_us) / (double)(sent / BLOCK_BYTES);
}

/* ---------------------------------------------------------------- one measurement */

static int listen_on_loopback(struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*to);

	*to =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)to, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)to, &len) < 0 || listen(fd, 1) < 0)
		err(1, "listening on loopback");
	return fd;
}

static void measure(bool has_tls, size_t at_once_bytes)
{
	struct sockaddr_in to;
	int listener = listen_on_loopback(&to), fd, one = 1;
	pid_t receiver = fork();
	SSL *ssl = NULL;

	if (receiver == 0) {
		run_on(1);
		receive(listener, has_tls);
		_exit(0);
	}
	run_on(0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (receiver < 0 || fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
		err(1, "connecting on loopback");
	if (has_tls) {
		ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
		SSL_set_fd(ssl, fd);
		if (SSL_connect(ssl) != 1 || SSL_version(ssl) != TLS1_3_VERSION)
			errx(1, "TLS: the sender's handshake failed");
	}
	printf("%-28s %6zu bytes at once: %5.2f us for each 4 KiB\n",
	       ssl ? SSL_get_cipher(ssl) : "no TLS", at_once_bytes,
	       send_much(fd, ssl, at_once_bytes));
	close(fd);
	close(listener);
	waitpid(receiver, NULL, 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	source = malloc(SOURCE_BYTES);
	if (!source)
		errx(1, "no memory");
	for (size_t i = 0; i < SOURCE_BYTES; i++)
		source[i] = (uint8_t)(i * 2654435761u >> 13);
	for (int has_tls = 0; has_tls < 2; has_tls++) {
		measure(has_tls, RECORD_BYTES);
		measure(has_tls, BLOCK_BYTES);
	}
	return 0;
}
