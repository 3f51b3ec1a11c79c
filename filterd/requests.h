/* SPDX-License-Identifier: MIT */
/*
 * requests.h - what each request of the control socket means: fields checked, the manager asked.
 *
 * Thread: main.
 */
#ifndef FILTERD_REQUESTS_H
#define FILTERD_REQUESTS_H

#include "ctl_server.h"
#include "manager.h"

struct net;

struct requests {
	struct manager *manager;
	struct net *net; /* NULL: there is none */
	void (*shutdown)(void *ctx);
	void *ctx;
};

/* A ctl_handler_fn; ctx is a struct requests. */
void requests_handle(void *control, struct ctl_call *call);

#endif
