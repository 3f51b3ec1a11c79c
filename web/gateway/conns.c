/* SPDX-License-Identifier: MIT */
#include "conns.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "request.h"

enum MHD_Result conns_accept(void *cls, const struct sockaddr *address, socklen_t len)
{
	struct gateway *g = cls;
	struct ratelimit_key key = ratelimit_key_of(address);
	const struct list_node *n;
	uint32_t count = 0;
	uint64_t wait_ns;

	list_for_each (n, &g->conns) {
		const struct conn *c = list_entry(n, struct conn, node);

		count += memcmp(&c->key, &key, sizeof(key)) == 0;
	}
	/* A handshake costs more than most requests, so it counts as one. */
	if (count < g->cfg.connections_per_address_max && g->conn_count < g->cfg.connections_max &&
	    ratelimit_take(g->requests, &key, clock_now_ns(), &wait_ns))
		return MHD_YES;
	if (log_limit_pass(&g->refusals, 2))
		log_warn("a connection was refused: its address has %u of %u, all have %u of %u, "
			 "or they come too fast",
			 count, g->cfg.connections_per_address_max, g->conn_count,
			 g->cfg.connections_max);
	return MHD_NO;
}

static void address_text(const struct sockaddr *address, char text[INET6_ADDRSTRLEN])
{
	struct ratelimit_key key = ratelimit_key_of(address);
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		inet_ntop(AF_INET, key.bytes + 12, text, INET6_ADDRSTRLEN);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
			inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, INET6_ADDRSTRLEN);
		else
			inet_ntop(AF_INET6, &v6.sin6_addr, text, INET6_ADDRSTRLEN);
	}
}

/* A client whose machine is gone sends no end; the kernel has to find out. */
static void notice_silence(int fd)
{
	const int on = 1, idle_s = 30, every_s = 10, count = 3;
	const unsigned unheard_ms = GATEWAY_IDLE_S * 1000;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard_ms, sizeof(unheard_ms));
}

static struct conn *conn_new(struct gateway *g, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *address, *fd;
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	address = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	c->fd = fd ? fd->connect_fd : -1;
	notice_silence(c->fd);
	if (address) {
		c->key = ratelimit_key_of(address->client_addr);
		address_text(address->client_addr, c->address);
	}
	c->deadline_ns = clock_now_ns() + g->cfg.header_timeout_ms * CLOCK_NS_PER_MS;
	list_push_back(&g->conns, &c->node);
	g->conn_count++;
	return c;
}

void conns_notify(void *cls, struct MHD_Connection *mhd, void **context,
		  enum MHD_ConnectionNotificationCode code)
{
	struct gateway *g = cls;
	struct conn *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = conn_new(g, mhd);
	} else if (c) {
		list_del(&c->node);
		g->conn_count--;
		free(c);
		*context = NULL;
	}
}

struct conn *conns_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* Whatever is under way on it fails. */
static void cut(struct conn *c)
{
	/* libmicrohttpd finds the end of the connection and lets go of it in its own order */
	shutdown(c->fd, SHUT_RDWR);
	c->deadline_ns = 0;
	if (c->request)
		request_drop(c->request);
}

static bool has_gone(const struct conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

void conns_tick(struct gateway *g, uint64_t now_ns)
{
	struct list_node *n, *next;

	list_for_each_safe (n, next, &g->conns) {
		struct conn *c = list_entry(n, struct conn, node);

		if (c->deadline_ns && c->deadline_ns <= now_ns)
			cut(c);
		else if (c->request && request_is_suspended(c->request) && has_gone(c))
			cut(c);
		else if (c->request)
			request_tick(c->request, now_ns);
	}
}

void conns_cut_all(struct gateway *g)
{
	struct list_node *n, *next;

	list_for_each_safe (n, next, &g->conns)
		cut(list_entry(n, struct conn, node));
}
