/* SPDX-License-Identifier: MIT */
/*
 * sdk_rlog.c - a filter's record logs: filterd/log on an env of the filter's own (rlog_env.c).
 *
 * Filters call the log library's sluice_rlog_*() directly. chain_link_logs() keeps all of them in a
 * program that does not call them itself, since the plug-ins that it loads do.
 */
#include <stdio.h>

#include "chain_int.h"
#include "rlog_open.h"

typedef void (*symbol)(void);

void chain_link_logs(void)
{
	static volatile symbol symbols[] = {
	    (symbol)sluice_rlog_close,          (symbol)sluice_rlog_remove,
	    (symbol)sluice_rlog_append,         (symbol)sluice_rlog_flush,
	    (symbol)sluice_rlog_lookup,         (symbol)sluice_rlog_read,
	    (symbol)sluice_rlog_destage,        (symbol)sluice_rlog_replay_journal,
	    (symbol)sluice_rlog_drop,           (symbol)sluice_rlog_stats,
	    (symbol)sluice_rlog_on_want_space,  (symbol)sluice_rlog_erase,
	    (symbol)sluice_rlog_refuse_waiting,
	};

	(void)symbols[0];
}

struct sluice_rlog *sluice_rlog_open(struct sluice_filter *f, const struct sluice_rlog_cfg *cfg,
				     void (*fn)(void *ctx, const struct sluice_rlog_opened *how),
				     void *ctx, struct sluice_error *err)
{
	struct env *env = rlog_env_of(f);

	if (env)
		return rlog_open_env(env, cfg, fn, ctx, err);
	snprintf(err->text, sizeof(err->text), "no memory for the log %s", cfg->path);
	return NULL;
}
