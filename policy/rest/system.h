/* SPDX-License-Identifier: MIT */
/*
 * system.h - how the appliance is, in one sentence with what to do about it.
 *
 * Thread: main.
 */
#ifndef REST_SYSTEM_H
#define REST_SYSTEM_H

#include <jansson.h>
#include <stdbool.h>

struct app;

/* For /readyz: the database answers, filterd and tgtd are reachable. causes: sentences of what is
 * not, [] when it is ready. New reference. */
bool system_ready(struct app *app, json_t **causes);

#endif
