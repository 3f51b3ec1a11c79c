/* SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "cert.h"
#include "clock.h"
#include "conns.h"
#include "forward.h"
#include "redirect.h"
#include "request.h"

#define CONNECTION_MEMORY_BYTES                                                                    \
	(48u << 10) /* headers, address and buffers; larger heads get 431                          \
		     */
#define RATE_ENTRIES 4096u
#define TLS_PRIORITIES                                                                             \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-AES-128-CBC:-AES-256-CBC:"      \
	"-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:-SHA1:%SERVER_PRECEDENCE"

/* What clients do wrong is no error of ours. */
static void message(void *cls, const char *fmt, va_list args)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("http: %s", text);
}

/* libmicrohttpd is asked to go on in every turn anyway; waking up is all that is needed. */
static void wake(struct loop_fd *w, uint32_t events) {}

static int watch(struct gateway *g, struct MHD_Daemon *d, struct loop_fd *w, struct err *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD);

	w->fd = info ? info->epoll_fd : -1;
	w->fn = wake;
	if (w->fd < 0 || loop_add(g->cfg.loop, w, EPOLLIN) < 0)
		return err_set(err, EIO, "", "libmicrohttpd has no epoll descriptor");
	return 0;
}

static int start_https(struct gateway *g, struct err *err)
{
	g->https = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
	    conns_accept, g, request_handle, g, MHD_OPTION_EXTERNAL_LOGGER, message, g,
	    MHD_OPTION_LISTEN_SOCKET, g->cfg.https_fd, MHD_OPTION_HTTPS_CERT_CALLBACK,
	    cert_retrieve, MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES, MHD_OPTION_URI_LOG_CALLBACK,
	    request_first_line, g, MHD_OPTION_NOTIFY_COMPLETED, request_completed, g,
	    MHD_OPTION_NOTIFY_CONNECTION, conns_notify, g, MHD_OPTION_CONNECTION_LIMIT,
	    g->cfg.connections_max, MHD_OPTION_CONNECTION_TIMEOUT, GATEWAY_IDLE_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!g->https)
		return err_set(err, EIO, "", "HTTPS cannot be started: libmicrohttpd refuses");
	return watch(g, g->https, &g->https_watch, err);
}

static int start_http(struct gateway *g, struct err *err)
{
	if (g->cfg.http_fd < 0)
		return 0;
	g->http = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, conns_accept, g, redirect_handle, g,
	    MHD_OPTION_EXTERNAL_LOGGER, message, g, MHD_OPTION_LISTEN_SOCKET, g->cfg.http_fd,
	    MHD_OPTION_URI_LOG_CALLBACK, redirect_first_line, g, MHD_OPTION_NOTIFY_COMPLETED,
	    redirect_completed, g, MHD_OPTION_NOTIFY_CONNECTION, conns_notify, g,
	    MHD_OPTION_CONNECTION_LIMIT, g->cfg.connections_max, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!g->http)
		return err_set(err, EIO, "", "HTTP cannot be started: libmicrohttpd refuses");
	return watch(g, g->http, &g->http_watch, err);
}

static void tick(struct loop_timer *t)
{
	struct gateway *g = t->ctx;
	uint64_t now_ns = clock_now_ns();

	conns_tick(g, now_ns);
	cert_tick(now_ns);
	loop_timer_set(g->cfg.loop, t, now_ns + CLOCK_NS_PER_S);
}

static int make_limits(struct gateway *g, struct err *err)
{
	struct ratelimit_cfg requests = {.token_ns = CLOCK_NS_PER_S / g->cfg.requests_per_s,
					 .burst = 3 * g->cfg.requests_per_s,
					 .entries = RATE_ENTRIES};
	struct ratelimit_cfg attempts = {.token_ns = 60 * CLOCK_NS_PER_S / g->cfg.attempts_per_min,
					 .burst = g->cfg.attempts_per_min,
					 .entries = RATE_ENTRIES};

	if (gnutls_rnd(GNUTLS_RND_NONCE, &requests.seed, sizeof(requests.seed)) < 0 ||
	    gnutls_rnd(GNUTLS_RND_NONCE, &attempts.seed, sizeof(attempts.seed)) < 0)
		return err_set(err, EIO, "", "there are no random numbers");
	g->requests = ratelimit_create(&requests);
	g->attempts = ratelimit_create(&attempts);
	return g->requests && g->attempts ? 0 : err_set(err, ENOMEM, "", "no memory for limits");
}

int gateway_create(const struct gateway_cfg *cfg, struct gateway **out, struct err *err)
{
	struct gateway *g = calloc(1, sizeof(*g));
	int rc;

	if (!g)
		return err_set(err, ENOMEM, "", "no memory");
	g->cfg = *cfg;
	list_init(&g->conns);
	list_init(&g->eased);
	g->tick = (struct loop_timer){.fn = tick, .ctx = g};
	rc = make_limits(g, err);
	if (rc == 0)
		rc = curl_loop_create(cfg->loop, forward_ended, g, &g->curl, err);
	if (rc == 0)
		rc = start_https(g, err);
	if (rc == 0)
		rc = start_http(g, err);
	if (rc < 0) {
		gateway_free(g);
		return rc;
	}
	loop_timer_set(cfg->loop, &g->tick, clock_now_ns() + CLOCK_NS_PER_S);
	*out = g;
	return 0;
}

static void shorten(struct MHD_Daemon *d, uint32_t *wait_ms)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (d && MHD_get_timeout(d, &ms) == MHD_YES && ms < *wait_ms)
		*wait_ms = (uint32_t)ms;
}

static void run(struct gateway *g)
{
	forward_ease_all(g);
	if (g->https)
		MHD_run(g->https);
	if (g->http)
		MHD_run(g->http);
}

void gateway_turn(struct gateway *g)
{
	uint32_t wait_ms = 1000;

	shorten(g->https, &wait_ms);
	shorten(g->http, &wait_ms);
	if (!list_is_empty(&g->eased))
		wait_ms = 0;
	loop_turn(g->cfg.loop, wait_ms);
	run(g);
}

/* libmicrohttpd must not be stopped while a connection is suspended. */
static void end_connections(struct gateway *g)
{
	uint64_t until_ns = clock_now_ns() + CLOCK_NS_PER_S;

	conns_cut_all(g);
	while (g->conn_count && clock_now_ns() < until_ns) {
		conns_cut_all(g);
		loop_turn(g->cfg.loop, 10);
		run(g);
	}
}

void gateway_free(struct gateway *g)
{
	struct MHD_Daemon *const daemons[] = {g->https, g->http};
	struct loop_fd *const watches[] = {&g->https_watch, &g->http_watch};

	g->is_ending = true;
	for (int i = 0; i < 2; i++)
		if (daemons[i])
			MHD_quiesce_daemon(daemons[i]);
	end_connections(g);
	for (int i = 0; i < 2; i++) {
		loop_remove(g->cfg.loop, watches[i]);
		if (daemons[i])
			MHD_stop_daemon(daemons[i]);
	}
	loop_timer_cancel(g->cfg.loop, &g->tick);
	curl_loop_free(g->curl);
	ratelimit_free(g->requests);
	ratelimit_free(g->attempts);
	free(g);
}
