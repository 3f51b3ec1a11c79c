/* SPDX-License-Identifier: MIT */
#include "net.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "durable.h"
#include "log.h"
#include "net_int.h"

void net_event(struct net *n, const char *kind, const char *fmt, ...)
{
	char text[320];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_info("peers: %s: %s", kind, text);
	if (n->cfg.event)
		n->cfg.event(n->cfg.ctx, kind, text);
}

/* ---------------------------------------------------------------- made and ended */

static int make_paths(struct net *n, struct err *err)
{
	char *dir = NULL;
	int rc = 0;

	if (asprintf(&dir, "%s/net", n->cfg.state_dir) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	rc = durable_mkdir(dir, err);
	if (rc == 0 && (asprintf(&n->key_path, "%s/identity.pem", dir) < 0 ||
			asprintf(&n->pins_path, "%s/peers.json", dir) < 0 ||
			asprintf(&n->book_path, "%s/witness.json", dir) < 0))
		rc = err_set(err, ENOMEM, "", "no memory");
	free(dir);
	return rc;
}

int net_create(const struct net_cfg *cfg, struct net **out, struct err *err)
{
	struct net *n = calloc(1, sizeof(*n));
	int rc;

	if (!n)
		return err_set(err, ENOMEM, "", "no memory");
	n->cfg = *cfg;
	pthread_mutex_init(&n->lock, NULL);
	list_init(&n->links);
	list_init(&n->dials);
	link_end_host(n);
	rc = make_paths(n, err);
	if (rc == 0)
		rc = credential_load_or_make(n->key_path, &n->own, err);
	if (rc == 0)
		rc = tls_init(&n->tls, &n->own, err);
	if (rc == 0)
		rc = pins_load(&n->pins, n->pins_path, err);
	if (rc == 0)
		rc = rpc_create(n, err);
	if (rc == 0)
		rc = calls_create(n, err);
	if (rc == 0)
		rc = witness_book_open(n, err);
	if (rc) {
		net_stop(n);
		net_free(n);
		return rc;
	}
	*out = n;
	return 0;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return 0;
	return ntohs(at.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&at)->sin6_port
					      : ((const struct sockaddr_in *)&at)->sin_port);
}

int net_listen(struct net *n, const int *fds, uint32_t count, struct err *err)
{
	if (count == 0)
		return 0;
	n->port = port_of(fds[0]);
	return listener_create(n, fds, count, &n->listener, err);
}

void net_stop(struct net *n)
{
	n->is_stopped = true;
	listener_free(n->listener);
	n->listener = NULL;
	pairing_stop(n);
	dial_stop(n);
	calls_stop(n);
	rpc_stop(n);
}

void net_free(struct net *n)
{
	if (!n)
		return;
	loop_turn(n->cfg.loop, 0); /* what workers posted at their end */
	dial_stop(n);
	calls_free(n);
	witness_book_close(n);
	rpc_free(n);
	pins_fini(&n->pins);
	tls_fini(&n->tls);
	credential_fini(&n->own);
	pthread_mutex_destroy(&n->lock);
	free(n->key_path);
	free(n->pins_path);
	free(n->book_path);
	free(n);
}

const struct net_host *net_host(struct net *n)
{
	return &n->host;
}

/* ---------------------------------------------------------------- peers */

json_t *net_identity(const struct net *n)
{
	char uuid[37], fingerprint[65];

	parse_uuid_format(n->own.uuid, uuid);
	pins_fingerprint_format(n->own.fingerprint, fingerprint);
	return json_pack("{s:s, s:s, s:i}", "uuid", uuid, "fingerprint", fingerprint, "port",
			 (int)n->port);
}

json_t *net_peers(struct net *n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < n->pins.count; i++) {
		json_t *one = pins_to_json(&n->pins.peers[i]);

		json_object_set_new(one, "links", dial_links_json(n, n->pins.peers[i].name));
		json_array_append_new(list, one);
	}
	return json_pack("{s:o, s:o}", "peers", list, "offer", pairing_json(n));
}

int net_set_peer(struct net *n, const char *name, const struct net_change *c, struct err *err)
{
	struct pin peer;
	int rc = 0;

	if (!pins_by_name(&n->pins, name, &peer))
		return err_set(err, ENOENT, "name", "no peer named '%.80s' is paired", name);
	if (c->address && !c->address[0])
		peer.address[0] = '\0';
	else if (c->address)
		rc = pins_parse_address(c->address, peer.address, err);
	if (rc == 0 && c->port >= 0)
		peer.port = (uint16_t)c->port;
	if (rc == 0 && c->dials)
		rc = pins_parse_dials(c->dials, &peer.dials, err);
	if (rc == 0)
		rc = pins_put(&n->pins, &peer, err);
	if (rc)
		return rc;
	if (c->address || c->port >= 0) /* whether it is right shows now, not at the next cut */
		link_end_break_all(n, name, "the peer's address was changed");
	dial_peer_changed(n, name);
	rpc_peer_changed(n, name);
	return 0;
}

int net_forget_peer(struct net *n, const char *name, struct err *err)
{
	int rc = pins_remove(&n->pins, name, err);

	if (rc)
		return rc;
	link_end_break_all(n, name, "the peer is not paired any more");
	dial_peer_changed(n, name);
	rpc_peer_changed(n, name);
	net_event(n, "peer_forgotten", "appliance '%s' is not paired any more", name);
	return 0;
}
