/* SPDX-License-Identifier: MIT */
/*
 * plugin.c - finding and loading filters, and the list of those loaded.
 *
 * Objects are bound completely when loaded, so a missing symbol is a refusal now and not a crash
 * under I/O, and locally, so that two filters cannot use each other's symbols by chance. They are
 * never unloaded: chains point into them.
 *
 * Thread: main, before the workers start and between their turns; readers see an entry only after
 * it is complete.
 */
#include "plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"

#define PLUGINS_MAX 64u

struct loaded {
	const struct sluice_filter_ops *ops;
	char *path;
};

static struct loaded table[PLUGINS_MAX];
static uint32_t table_count;

static const struct loaded *find(const char *name)
{
	for (uint32_t i = 0; i < table_count; i++) {
		if (strcmp(table[i].ops->name, name) == 0)
			return &table[i];
	}
	return NULL;
}

static int add(const struct sluice_filter_ops *ops, const char *path, struct err *err)
{
	const struct loaded *other = find(ops->name);

	if (other)
		return err_set(err, EEXIST, "name", "a filter '%s' is loaded already, from %s",
			       ops->name, other->path);
	if (table_count == PLUGINS_MAX)
		return err_set(err, ENOSPC, NULL, "%u filters are loaded, that is the limit",
			       PLUGINS_MAX);
	table[table_count].path = strdup(path);
	if (!table[table_count].path)
		return err_set(err, ENOMEM, NULL, "no memory to load a filter");
	table[table_count++].ops = ops;
	return 0;
}

/* The object's table, by its one symbol. */
static const struct sluice_filter_ops *entry(void *object)
{
	const struct sluice_filter_ops *(*fn)(void) = NULL;
	void *symbol = dlsym(object, "sluice_filter_entry");

	/* A data pointer holds the function's address here; ISO C has no cast for it. */
	memcpy(&fn, &symbol, sizeof(fn));
	return fn ? fn() : NULL;
}

static int load_object(void *object, const char *path, struct err *err)
{
	const struct sluice_filter_ops *ops = entry(object);
	int r;

	if (!ops)
		return err_set(err, ENOEXEC, NULL,
			       "it exports no sluice_filter_entry(), so it is not a filter");
	r = plugin_check(ops, err);
	return r < 0 ? r : add(ops, path, err);
}

int plugin_load(const char *path, struct err *err)
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int r;

	if (!object) {
		const char *why = dlerror();

		return err_set(err, ENOEXEC, "path", "cannot load a filter: %.300s",
			       why ? why : path);
	}
	r = load_object(object, path, err);
	if (r < 0) {
		err_prefix(err, "%.200s", path);
		dlclose(object);
	}
	return r;
}

static int is_object(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 3 && strcmp(d->d_name + n - 3, ".so") == 0;
}

static bool load_named(const char *dir, const char *file)
{
	cleanup_free char *path = NULL;
	struct err err;

	if (asprintf(&path, "%s/%s", dir, file) < 0) {
		path = NULL;
		return false;
	}
	if (plugin_load(path, &err) < 0) {
		log_warn("filter left out: %s", err.text);
		return false;
	}
	return true;
}

int plugin_load_dir(const char *dir, struct err *err)
{
	struct dirent **files = NULL;
	int n = scandir(dir, &files, is_object, alphasort);
	int loaded = 0;

	if (n < 0)
		return err_set(err, errno, "filters_dir", "cannot read the filters' folder %s: %s",
			       dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		loaded += load_named(dir, files[i]->d_name);
		free(files[i]);
	}
	free(files);
	return loaded;
}

const struct sluice_filter_ops *plugin_find(const char *name)
{
	const struct loaded *l = find(name);

	return l ? l->ops : NULL;
}

uint32_t plugin_count(void)
{
	return table_count;
}

const struct sluice_filter_ops *plugin_at(uint32_t index)
{
	return index < table_count ? table[index].ops : NULL;
}
