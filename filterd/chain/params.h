/* SPDX-License-Identifier: MIT */
/*
 * params.h - a filter's parameters: text to values by its table, and back. Pure.
 *
 * A filter has two tables: its own, one set of values for each volume, and its group's, one set for
 * each datastore.
 */
#ifndef FILTERD_CHAIN_PARAMS_H
#define FILTERD_CHAIN_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "sluice/filter.h"

struct params_table {
	const char *filter; /* its name, for sentences */
	const struct sluice_param *params;
	uint32_t count;
};

static inline struct params_table params_of_filter(const struct sluice_filter_ops *ops)
{
	return (struct params_table){ops->name, ops->params, ops->param_count};
}

static inline struct params_table params_of_group(const struct sluice_filter_ops *ops)
{
	return (struct params_table){ops->name, ops->group_params, ops->group_param_count};
}

/*
 * What is not named gets its default; a string whose default is too short for its own range must be
 * named. U64 in bytes takes "64KiB" and the like. Owns: *out, with its strings, until
 * params_free(). Errors: -EINVAL unknown or repeated name, not a value of its type; -ERANGE;
 * -ENOMEM
 */
int must_check params_parse(const struct params_table *t, const char *const *names,
			    const char *const *values, uint32_t count, union sluice_value **out,
			    struct err *err);
void params_free(const struct params_table *t, union sluice_value *values);
/* As params_parse() would take it. */
void params_format(const struct sluice_param *p, union sluice_value value, char *text,
		   size_t size_bytes);

#endif
