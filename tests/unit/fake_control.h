/* SPDX-License-Identifier: MIT */
/*
 * fake_control.h - sluice-filterd's control socket on a thread, with datastores and volumes in
 * memory, as far as the reconciler speaks with it.
 *
 * Thread: the test's; the fake has its own.
 */
#ifndef TESTS_FAKE_CONTROL_H
#define TESTS_FAKE_CONTROL_H

#include <jansson.h>
#include <stdint.h>

struct fake_control;

struct fake_control *fake_control_start(const char *path, int incarnation);
void fake_control_stop(struct fake_control *f); /* frees */

/* This request is refused with this code and text; NULL: none any more. */
void fake_control_refuse(struct fake_control *f, const char *request, int code, const char *text);
/* This request about this volume is not answered until it is released; NULL: none any more. */
void fake_control_hold(struct fake_control *f, const char *request, const char *volume);
/* filterd's volume or datastore of this name, or NULL. New reference. */
json_t *fake_control_volume(struct fake_control *f, const char *name);
json_t *fake_control_datastore(struct fake_control *f, const char *name);
void fake_control_add_volume(struct fake_control *f, const char *name, const char *uuid);
/* A filter in its chain; the one called "cache" is a cache with 4096 dirty bytes. */
void fake_control_set_filter(struct fake_control *f, const char *volume, const char *filter);
void fake_control_drop_volume(struct fake_control *f, const char *name);
/* What its snapshots are; members set here show in the answers. See fake_snapshots.h. */
void fake_control_snapshots(struct fake_control *f, void (*fn)(json_t *snapshots, void *ctx),
			    void *ctx);
/* How often request was asked. */
int fake_control_asked(struct fake_control *f, const char *request);

#endif
