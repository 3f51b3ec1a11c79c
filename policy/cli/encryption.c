/* SPDX-License-Identifier: MIT */
/* encryption.c - sluice encryption show; a file of its own, since the filter's answer may have to
 * be waited for. */
#include <string.h>

#include "json.h"
#include "print.h"
#include "run.h"

int encryption_show_run(struct cli *c, const struct call *call)
{
	cleanup_json json_t *encryption = NULL;
	int rc = CLI_REFUSED;

	encryption = run_get_known(c, call->path + strlen("/api/v1"), &rc);
	if (!encryption)
		return rc;
	if (c->is_json)
		print_json(c->out, encryption);
	else if (json_is_null(json_object_get(encryption, "filter")))
		print_line(c->out, "Volume %s has no encryption.", call->name);
	else
		print_object(c->out, encryption);
	return CLI_OK;
}
