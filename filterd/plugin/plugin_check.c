/* SPDX-License-Identifier: MIT */
/*
 * plugin_check.c - what makes a filter's table acceptable. Pure: it can be tested without an object
 * file.
 *
 * The order matters: nothing behind abi and struct_bytes is looked at before these two agree.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "plugin.h"

#define NAME_MAX_CHARS   32u
#define IO_CTX_MAX_BYTES (64u << 10)
#define PARAMS_MAX       64u

static bool is_name(const char *s)
{
	uint32_t n = 0;

	if (!s)
		return false;
	for (; s[n]; n++) {
		if (n == NAME_MAX_CHARS || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_", s[n]))
			return false;
	}
	return n > 0;
}

static bool is_class(enum sluice_class cls)
{
	switch (cls) {
	case SLUICE_CLASS_INSPECTION:
	case SLUICE_CLASS_REPLICATION:
	case SLUICE_CLASS_COMPRESSION:
	case SLUICE_CLASS_ENCRYPTION:
	case SLUICE_CLASS_CACHE:
	case SLUICE_CLASS_DATA_PROVIDER:
	case SLUICE_CLASS_DATA_CAPTURE:
	case SLUICE_CLASS_IO_CONTROL:
		return true;
	}
	return false;
}

static bool ends_in(const char *name, const char *unit)
{
	size_t n = strlen(name), u = strlen(unit);

	return u <= n && strcmp(name + n - u, unit) == 0;
}

static const char *u64_fault(const struct sluice_param *p)
{
	if (p->min > p->max)
		return "its min is above its max";
	if (p->def < p->min || p->def > p->max)
		return "its default is outside min to max";
	return ends_in(p->name, p->unit) ? NULL : "its name does not end in its unit";
}

static const char *string_fault(const struct sluice_param *p)
{
	if (p->min > p->max)
		return "its min is above its max";
	if (p->def_string && strlen(p->def_string) > p->max)
		return "its default is longer than its max";
	return NULL;
}

static const char *enum_fault(const struct sluice_param *p)
{
	uint64_t n = 0;

	if (!p->choices)
		return "it has no choices";
	while (p->choices[n])
		n++;
	return p->def < n ? NULL : "its default is not the index of a choice";
}

static const char *param_fault(const struct sluice_param *p)
{
	if (!p->help)
		return "it has no help";
	if (!p->unit)
		return "it has no unit; say \"\" for none";
	switch (p->type) {
	case SLUICE_TYPE_U64:
		return u64_fault(p);
	case SLUICE_TYPE_BOOL:
		return p->def <= 1 ? NULL : "its default is neither 0 nor 1";
	case SLUICE_TYPE_STRING:
		return string_fault(p);
	case SLUICE_TYPE_ENUM:
		return enum_fault(p);
	}
	return "its type is unknown";
}

static int check_param(const char *filter, const struct sluice_param *table, uint32_t i,
		       struct err *err)
{
	const struct sluice_param *p = &table[i];
	const char *fault;

	if (!is_name(p->name))
		return err_set(err, EINVAL, "params",
			       "filter '%s': parameter %u has no name of [a-z0-9_]{1,32}", filter,
			       i);
	for (uint32_t j = 0; j < i; j++) {
		if (strcmp(table[j].name, p->name) == 0)
			return err_set(err, EINVAL, p->name,
				       "filter '%s' declares parameter %s twice", filter, p->name);
	}
	fault = param_fault(p);
	if (fault)
		return err_set(err, EINVAL, p->name, "filter '%s', parameter %s: %s", filter,
			       p->name, fault);
	return 0;
}

/* field: "params" or "group_params", whose table it is. */
static int check_params(const char *filter, const char *field, const struct sluice_param *table,
			uint32_t count, struct err *err)
{
	int r = 0;

	if (count > PARAMS_MAX || (count > 0 && !table))
		return err_set(err, EINVAL, field, "filter '%s' declares %u parameters %s", filter,
			       count, table ? "; 64 is the limit" : "without a table");
	for (uint32_t i = 0; i < count && r == 0; i++)
		r = check_param(filter, table, i, err);
	return r;
}

static int check_group(const struct sluice_filter_ops *ops, struct err *err)
{
	unsigned there = !!ops->group_create + !!ops->group_destroy + !!ops->group_reconfigure +
			 !!ops->group_status;

	if (there == 0 && (ops->group_params || ops->group_param_count > 0))
		return err_set(err, EINVAL, "group_params",
			       "filter '%s' declares parameters of a group that it does not have",
			       ops->name);
	if (there != 0 && there != 4)
		return err_set(err, EINVAL, "group_create",
			       "filter '%s' has %u of group_create, group_destroy, "
			       "group_reconfigure and group_status; have all four, or none",
			       ops->name, there);
	return check_params(ops->name, "group_params", ops->group_params, ops->group_param_count,
			    err);
}

static int check_abi(const struct sluice_filter_ops *ops, struct err *err)
{
	if (ops->abi != SLUICE_SDK_ABI)
		return err_set(
		    err, EPROTO, "abi",
		    "the filter was built for SDK ABI %u, this filterd has %u; build it again",
		    ops->abi, SLUICE_SDK_ABI);
	if (ops->struct_bytes != sizeof(*ops))
		return err_set(
		    err, EPROTO, "struct_bytes",
		    "the filter's table has %u bytes, this filterd's (SDK ABI %u) has %zu; build it again",
		    ops->struct_bytes, SLUICE_SDK_ABI, sizeof(*ops));
	return 0;
}

int plugin_check(const struct sluice_filter_ops *ops, struct err *err)
{
	int r = check_abi(ops, err);

	if (r < 0)
		return r;
	if (!is_name(ops->name))
		return err_set(err, EINVAL, "name",
			       "the filter's name '%.40s' is not [a-z0-9_]{1,32}",
			       ops->name ? ops->name : "");
	if (!ops->version || !ops->help)
		return err_set(err, EINVAL, ops->version ? "help" : "version",
			       "filter '%s' has no %s", ops->name,
			       ops->version ? "help" : "version");
	if (!is_class(ops->cls))
		return err_set(err, EINVAL, "cls", "filter '%s' has class %u, which is none",
			       ops->name, (unsigned)ops->cls);
	if (ops->op_mask == 0 || (ops->op_mask & ~SLUICE_OPS_ALL))
		return err_set(err, EINVAL, "op_mask",
			       "filter '%s' declares ops 0x%x; there are 0x%x", ops->name,
			       ops->op_mask, SLUICE_OPS_ALL);
	if (ops->flags & ~SLUICE_FILTER_TRANSPARENT)
		return err_set(err, EINVAL, "flags", "filter '%s' has unknown flags 0x%x",
			       ops->name, ops->flags & ~SLUICE_FILTER_TRANSPARENT);
	if (ops->settle && (ops->flags & SLUICE_FILTER_TRANSPARENT))
		return err_set(err, EINVAL, "settle",
			       "filter '%s' keeps dirty data, so it is not transparent: without it "
			       "that data would be lost",
			       ops->name);
	if (ops->io_ctx_bytes > IO_CTX_MAX_BYTES)
		return err_set(err, EINVAL, "io_ctx_bytes",
			       "filter '%s' wants %u bytes per I/O; %u is the limit", ops->name,
			       ops->io_ctx_bytes, IO_CTX_MAX_BYTES);
	r = check_params(ops->name, "params", ops->params, ops->param_count, err);
	return r < 0 ? r : check_group(ops, err);
}
