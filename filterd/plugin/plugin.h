/* SPDX-License-Identifier: MIT */
/*
 * plugin.h - filters as shared objects: found, loaded RTLD_NOW, checked, named.
 *
 * Thread: main.
 */
#ifndef FILTERD_PLUGIN_H
#define FILTERD_PLUGIN_H

#include <stdint.h>

#include "err.h"
#include "sluice/filter.h"

/* Loads every *.so of dir that is a filter of our ABI; the others are logged with the reason and
 * left out. Returns how many were loaded, or -errno. */
int plugin_load_dir(const char *dir, struct err *err);
/* One file. -ENOEXEC: not a filter; -EPROTO: other ABI, both versions in the text; -EEXIST: name
 * taken; -EINVAL: an inconsistent table, the fault named. */
int must_check plugin_load(const char *path, struct err *err);
const struct sluice_filter_ops *plugin_find(const char *name);
uint32_t plugin_count(void);
const struct sluice_filter_ops *plugin_at(uint32_t index);

/* Pure: what plugin_load() checks of a table. */
int must_check plugin_check(const struct sluice_filter_ops *ops, struct err *err);

#endif
