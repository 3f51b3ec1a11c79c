/* SPDX-License-Identifier: MIT */
#include "kmip_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"
#include "ctl_client.h"
#include "fd.h"
#include "json.h"
#include "kmip_message.h"
#include "kmip_tls.h"

#define EGRESS_MS                                                                                  \
	3000u /* for egressd's own answers: it does nothing for them but look at a list            \
	       */
#define LINE_BYTES 1024u

struct kmip_link {
	struct kmip_link_cfg cfg;
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	uint64_t deadline_ns; /* of the step under way */
};

static void step_begin(struct kmip_link *l)
{
	ERR_clear_error(); /* what is left of another connection is not this one's */
	l->deadline_ns = clock_now_ns() + l->cfg.timeout_ms * CLOCK_NS_PER_MS;
}

/* Until the descriptor is ready, time is up, or policyd ends. */
static enum key_state wait_for(struct kmip_link *l, short events, struct err *err)
{
	struct pollfd p[2] = {{.fd = l->fd, .events = events},
			      {.fd = l->cfg.stop_fd, .events = POLLIN}};
	uint64_t now_ns = clock_now_ns();
	int n = 0;

	if (now_ns < l->deadline_ns)
		n = poll(p, 2, (int)((l->deadline_ns - now_ns) / CLOCK_NS_PER_MS) + 1);
	if (p[1].revents) {
		err_set(err, ECANCELED, "", "sluice-policyd is ending");
		return KEY_UNREACHABLE;
	}
	if (n > 0 || (n < 0 && errno == EINTR))
		return KEY_OK;
	err_set(err, ETIMEDOUT, "", "the key server %s did not answer within %u ms", l->cfg.server,
		l->cfg.timeout_ms);
	return KEY_UNREACHABLE;
}

/* ---------------------------------------------------------------- egressd */

/* Which errors of egressd a person has to do something about. */
static enum key_state state_of(const struct err *err)
{
	return err->code == EACCES || err->code == EINVAL ? KEY_REFUSED : KEY_UNREACHABLE;
}

static enum key_state ask_egress(struct kmip_link *l, int far, struct err *err)
{
	struct ctl_client egress;
	cleanup_json json_t *allow = NULL, *connect = NULL, *told = NULL, *answer = NULL;
	char url[320];

	if (ctl_client_init(&egress, l->cfg.egress_socket, "sluice-egressd", EGRESS_MS, err) < 0)
		return KEY_FAILED;
	snprintf(url, sizeof(url), "kmip://%s", l->cfg.server);
	allow = json_pack("{s:s, s:O}", "request", "allow", "hosts", l->cfg.allowed);
	connect = json_pack("{s:s, s:s, s:i}", "request", "connect", "server", url, "timeout_ms",
			    (int)l->cfg.timeout_ms);
	if (allow && connect)
		told = ctl_client_ask(&egress, allow, -1, err);
	else
		err_set(err, EINVAL, "servers", "the key server's name is not UTF-8");
	answer = told ? ctl_client_ask(&egress, connect, far, err) : NULL;
	ctl_client_fini(&egress);
	if (answer)
		return KEY_OK;
	/* its absence is no refusal, whatever the number */
	return told ? state_of(err) : KEY_UNREACHABLE;
}

/* What egressd says of the connection; byte by byte, since what follows is TLS's. */
static enum key_state read_line(struct kmip_link *l, char line[LINE_BYTES], struct err *err)
{
	size_t used = 0;
	enum key_state state;
	ssize_t n;

	for (;;) {
		n = recv(l->fd, line + used, 1, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			state = wait_for(l, POLLIN, err);
			if (state != KEY_OK)
				return state;
			continue;
		}
		if (n <= 0 || (line[used] != '\n' && used == LINE_BYTES - 1)) {
			err_set(err, ECONNRESET, "", "sluice-egressd gave the connection up");
			return KEY_UNREACHABLE;
		}
		if (line[used++] == '\n')
			break;
	}
	line[used - 1] = '\0';
	return KEY_OK;
}

static enum key_state connected(struct kmip_link *l, struct err *err)
{
	cleanup_json json_t *said = NULL;
	const char *code, *text;
	const json_t *error;
	char line[LINE_BYTES];
	enum key_state state = read_line(l, line, err);

	if (state != KEY_OK)
		return state;
	said = json_parse(line, strlen(line), "sluice-egressd's answer", err);
	if (!said)
		return KEY_FAILED;
	error = json_object_get(said, "error");
	if (!error)
		return KEY_OK;
	code = json_string_value(json_object_get(error, "code"));
	text = json_string_value(json_object_get(error, "text"));
	err_set(err, code ? ctl_errno_from_name(code) : EIO, "servers", "%s", text ? text : "");
	return state_of(err);
}

static enum key_state reach(struct kmip_link *l, struct err *err)
{
	int pair[2];
	enum key_state state;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		err_set(err, errno, "", "no socket pair for a key server: %s", strerror(errno));
		return KEY_FAILED;
	}
	l->fd = pair[0];
	state = ask_egress(l, pair[1], err);
	fd_close(&pair[1]);
	return state == KEY_OK ? connected(l, err) : state;
}

/* ---------------------------------------------------------------- TLS */

/* The host of "host:port", without an IPv6 address's brackets. */
static void host_of(const char *server, char *host, size_t size)
{
	size_t len = strlen(server);
	const char *port = strrchr(server, ':');

	if (server[0] == '[') {
		server++;
		len = strcspn(server, "]");
	} else if (port) {
		len = (size_t)(port - server);
	}
	snprintf(host, size, "%.*s", (int)len, server);
}

static bool set_name(struct kmip_link *l)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(l->ssl);
	char host[280];
	struct in6_addr address;

	if (l->cfg.server_name && l->cfg.server_name[0])
		snprintf(host, sizeof(host), "%s", l->cfg.server_name);
	else
		host_of(l->cfg.server, host, sizeof(host));
	if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
	       SSL_set_tlsext_host_name(l->ssl, host) == 1;
}

/* What is to be done after an SSL call that did not succeed. KEY_OK: it is to be called again. */
static enum key_state again(struct kmip_link *l, int rc, struct err *err)
{
	int result = SSL_get_error(l->ssl, rc);

	if (result == SSL_ERROR_WANT_READ)
		return wait_for(l, POLLIN, err);
	if (result == SSL_ERROR_WANT_WRITE)
		return wait_for(l, POLLOUT, err);
	return kmip_tls_fault(l->ssl, result, l->cfg.server, err);
}

static enum key_state shake_hands(struct kmip_link *l, struct err *err)
{
	enum key_state state = KEY_OK;
	int rc = 0;

	l->context = kmip_tls_context(l->cfg.ca_pem, l->cfg.certificate_pem, l->cfg.key_pem, err);
	if (!l->context)
		return KEY_REFUSED;
	l->ssl = SSL_new(l->context);
	if (!l->ssl || SSL_set_fd(l->ssl, l->fd) != 1 || !set_name(l)) {
		err_set(err, ENOMEM, "", "OpenSSL gives no TLS connection");
		return KEY_FAILED;
	}
	while (state == KEY_OK && (rc = SSL_connect(l->ssl)) != 1)
		state = again(l, rc, err);
	return state;
}

static enum key_state send_all(struct kmip_link *l, const uint8_t *data, size_t len,
			       struct err *err)
{
	enum key_state state = KEY_OK;
	int rc;

	/* a whole message is one write: SSL_write() takes all or nothing */
	while (state == KEY_OK && (rc = SSL_write(l->ssl, data, (int)len)) <= 0)
		state = again(l, rc, err);
	return state;
}

static enum key_state read_all(struct kmip_link *l, uint8_t *data, size_t len, struct err *err)
{
	enum key_state state = KEY_OK;
	size_t used = 0;

	while (state == KEY_OK && used < len) {
		int rc = SSL_read(l->ssl, data + used, (int)(len - used));

		if (rc > 0)
			used += (size_t)rc;
		else
			state = again(l, rc, err);
	}
	/* within an answer it is no longer an idle connection that was closed */
	if (state != KEY_OK && used > 0 && err->code == ECONNRESET)
		err->code = EPROTO;
	return state;
}

/* ---------------------------------------------------------------- open, exchange, close */

enum key_state kmip_link_open(const struct kmip_link_cfg *cfg, struct kmip_link **out,
			      struct err *err)
{
	struct kmip_link *l = calloc(1, sizeof(*l));
	enum key_state state;

	*out = NULL;
	if (!l) {
		err_set(err, ENOMEM, "", "no memory for a connection");
		return KEY_FAILED;
	}
	l->cfg = *cfg;
	l->fd = -1;
	step_begin(l);
	state = reach(l, err);
	if (state == KEY_OK) {
		step_begin(l);
		state = shake_hands(l, err);
	}
	if (state != KEY_OK) {
		kmip_link_close(l);
		return state;
	}
	*out = l;
	return KEY_OK;
}

enum key_state kmip_link_exchange(struct kmip_link *l, uint8_t *data, size_t room, size_t *len,
				  struct err *err)
{
	enum key_state state;
	long all;

	step_begin(l);
	state = send_all(l, data, *len, err);
	secret_wipe(data, *len);
	if (state == KEY_OK)
		state = read_all(l, data, TTLV_HEAD_BYTES, err);
	if (state != KEY_OK)
		return state;
	all = ttlv_message_bytes(data, KMIP_RESPONSE_TAG);
	if (all < 0 || (size_t)all > room) {
		err_set(err, EPROTO, "", "the key server %s answers something else than KMIP",
			l->cfg.server);
		return KEY_UNREACHABLE;
	}
	*len = (size_t)all;
	state = read_all(l, data + TTLV_HEAD_BYTES, *len - TTLV_HEAD_BYTES, err);
	if (state != KEY_OK && err->code == ECONNRESET)
		err->code = EPROTO;
	return state;
}

void kmip_link_close(struct kmip_link *l)
{
	if (!l)
		return;
	if (l->ssl && SSL_is_init_finished(l->ssl))
		SSL_shutdown(l->ssl);
	SSL_free(l->ssl);
	SSL_CTX_free(l->context);
	fd_close(&l->fd);
	free(l);
}

int kmip_link_check(const char *ca_pem, const char *certificate_pem, const char *key_pem,
		    struct err *err)
{
	SSL_CTX *c = kmip_tls_context(ca_pem, certificate_pem, key_pem, err);

	SSL_CTX_free(c);
	return c ? 0 : -EINVAL;
}
