/* SPDX-License-Identifier: MIT */
/* requests_datastore.c - what is asked of datastores. Thread: main. */
#include "json.h"
#include "requests_int.h"

void requests_datastore_add(struct requests *c, struct ctl_call *call)
{
	cleanup_json json_t *j = requests_content(call, NULL);
	struct plan_datastore *d = NULL;
	struct err err;

	if (plan_datastore_from_json(j, &d, &err) < 0 ||
	    manager_add_datastore(c->manager, d, &err) < 0)
		requests_refused(call, &err);
	else
		ctl_answer(call, NULL);
}

void requests_datastore_remove(struct requests *c, struct ctl_call *call)
{
	const char *name = requests_get_name(call);
	struct err err;

	if (!name || !requests_has_only(call, "name", NULL))
		return;
	if (manager_remove_datastore(c->manager, name, &err) < 0)
		requests_refused(call, &err);
	else
		ctl_answer(call, NULL);
}

void requests_datastore_filters(struct requests *c, struct ctl_call *call)
{
	const char *name = requests_get_name(call);

	if (name && requests_has_only(call, "name", NULL))
		manager_show_groups(c->manager, name, requests_answered, call);
}

void requests_datastore_filter_set(struct requests *c, struct ctl_call *call)
{
	cleanup_json json_t *j = requests_content(call, "name");
	const char *name = requests_get_name(call);
	struct plan_filter f;
	struct err err;

	if (!name)
		return;
	if (plan_group_from_json(j, &f, &err) < 0)
		requests_refused(call, &err);
	else
		manager_set_group(c->manager, name, &f, requests_answered, call);
}
