/* SPDX-License-Identifier: MIT */
#include "requests_int.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "log.h"
#include "plugin.h"
#include "transfers.h"
#include "release.h"
#include "wire/ctl.h"

/* Of volumes and figures; so many still fit into one answer. */
#define REQUESTS_PAGE_DEFAULT 100u
#define REQUESTS_PAGE_MAX     200u

typedef void (*request_fn)(struct requests *c, struct ctl_call *call);

void requests_answered(void *ctx, const struct err *err, json_t *more)
{
	struct ctl_call *call = ctx;

	if (!err) {
		ctl_answer(call, more);
		return;
	}
	log_info("control: %s by uid %u refused: %s", call->request, call->uid, err->text);
	json_decref(more);
	ctl_answer_error(call, err);
}

void requests_refused(struct ctl_call *call, const struct err *err)
{
	requests_answered(call, err, NULL);
}

const char *requests_get_name(struct ctl_call *call)
{
	const char *name;
	struct err err;

	if (json_get_string(call->body, "name", &name, &err) < 0 ||
	    parse_name("name", name, &err) < 0) {
		requests_refused(call, &err);
		return NULL;
	}
	return name;
}

/* "uuid": the one that is meant. Names are given again, and a database may be older than what runs
 * here: nothing is written to or taken from another volume of the same name. */
static bool is_meant(const struct requests *c, struct ctl_call *call, const char *name) ON_MAIN
{
	const struct mvolume *mv = manager_find(c->manager, name);
	const char *uuid = NULL;
	char is[37];
	struct err err;

	if (json_opt_string(call->body, "uuid", &uuid, &err) < 0) {
		requests_refused(call, &err);
		return false;
	}
	if (!mv || !uuid)
		return true;
	parse_uuid_format(mv->plan->uuid, is);
	if (strcasecmp(is, uuid) == 0)
		return true;
	err_set(&err, ESTALE, "uuid",
		"volume %s is another one here: its UUID is %s, not %.40s; nothing was done", name,
		is, uuid);
	requests_refused(call, &err);
	return false;
}

bool requests_has_only(struct ctl_call *call, const char *one, const char *two)
{
	const char *keys[] = {"request", one ? one : "request", two ? two : "request", NULL};
	struct err err;

	if (json_only(call->body, keys, &err) == 0)
		return true;
	requests_refused(call, &err);
	return false;
}

json_t *requests_content(const struct ctl_call *call, const char *take_out)
{
	json_t *j = json_copy(call->body);

	json_object_del(j, "request");
	if (take_out)
		json_object_del(j, take_out);
	return j;
}

/* ---------------------------------------------------------------- questions */

static void do_hello(struct requests *c, struct ctl_call *call)
{
	ctl_answer(call, json_pack("{s:s, s:s, s:i, s:i}", "program", "sluice-filterd", "version",
				   SLUICE_VERSION, "protocol", (int)CTL_VERSION, "protocol_oldest",
				   (int)CTL_VERSION_OLDEST));
}

static void do_status(struct requests *c, struct ctl_call *call) ON_MAIN
{
	if (requests_has_only(call, NULL, NULL))
		ctl_answer(call, manager_status(c->manager));
}

static json_t *param_to_json(const struct sluice_param *p)
{
	static const char *const types[] = {"u64", "bool", "string", "enum"};
	json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "name", p->name, "type", types[p->type],
			      "unit", p->unit ? p->unit : "", "help", p->help ? p->help : "");
	json_t *choices;

	switch (p->type) {
	case SLUICE_TYPE_U64: /* as text: JSON's integers end at 2^63 */
		json_object_set_new(j, "min", json_sprintf("%llu", (unsigned long long)p->min));
		json_object_set_new(j, "max", json_sprintf("%llu", (unsigned long long)p->max));
		json_object_set_new(j, "default", json_sprintf("%llu", (unsigned long long)p->def));
		break;
	case SLUICE_TYPE_BOOL:
		json_object_set_new(j, "default", json_boolean(p->def));
		break;
	case SLUICE_TYPE_STRING:
		json_object_set_new(j, "min", json_sprintf("%llu", (unsigned long long)p->min));
		json_object_set_new(j, "max", json_sprintf("%llu", (unsigned long long)p->max));
		json_object_set_new(j, "default", json_string(p->def_string ? p->def_string : ""));
		break;
	case SLUICE_TYPE_ENUM:
		choices = json_array();
		for (uint32_t i = 0; p->choices && p->choices[i]; i++) {
			json_array_append_new(choices, json_string(p->choices[i]));
			if (i == p->def)
				json_object_set_new(j, "default", json_string(p->choices[i]));
		}
		json_object_set_new(j, "choices", choices);
		break;
	}
	return j;
}

static json_t *params_to_json(const struct sluice_param *table, uint32_t count)
{
	json_t *params = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(params, param_to_json(&table[i]));
	return params;
}

static void do_filters(struct requests *c, struct ctl_call *call)
{
	json_t *filters = json_array();

	for (uint32_t i = 0; i < plugin_count(); i++) {
		const struct sluice_filter_ops *ops = plugin_at(i);
		json_array_append_new(
		    filters,
		    json_pack("{s:s, s:s, s:s, s:i, s:b, s:o, s:o}", "filter", ops->name, "version",
			      ops->version ? ops->version : "", "help", ops->help ? ops->help : "",
			      "class", (int)ops->cls, "transparent",
			      (ops->flags & SLUICE_FILTER_TRANSPARENT) != 0, "params",
			      params_to_json(ops->params, ops->param_count), "group_params",
			      params_to_json(ops->group_params, ops->group_param_count)));
	}
	ctl_answer(call, json_pack("{s:o}", "filters", filters));
}

static void do_events(struct requests *c, struct ctl_call *call)
{
	uint64_t after = 0;
	struct err err;

	if (json_opt_u64(call->body, "after", 0, INT64_MAX, &after, &err) < 0)
		requests_refused(call, &err);
	else if (requests_has_only(call, "after", NULL))
		ctl_answer(call,
			   json_pack("{s:o}", "events", events_to_json(c->manager->events, after)));
}

static void do_stats(struct requests *c, struct ctl_call *call) ON_MAIN
{
	const char *name = NULL;
	struct err err;

	if (json_opt_string(call->body, "name", &name, &err) < 0)
		requests_refused(call, &err);
	else if (requests_has_only(call, "name", NULL))
		manager_stats(c->manager, name, requests_answered, call);
}

static void do_list(struct requests *c, struct ctl_call *call, enum manager_page what) ON_MAIN
{
	const char *after = "";
	uint64_t limit = REQUESTS_PAGE_DEFAULT;
	struct err err;

	if (json_opt_string(call->body, "after", &after, &err) < 0 ||
	    json_opt_u64(call->body, "limit", 1, REQUESTS_PAGE_MAX, &limit, &err) < 0)
		requests_refused(call, &err);
	else if (requests_has_only(call, "after", "limit"))
		manager_list(c->manager, what, after, (uint32_t)limit, requests_answered, call);
}

static void do_volumes(struct requests *c, struct ctl_call *call) ON_MAIN
{
	do_list(c, call, MANAGER_BRIEF);
}

static void do_figures(struct requests *c, struct ctl_call *call) ON_MAIN
{
	do_list(c, call, MANAGER_FIGURES);
}

static void do_shutdown(struct requests *c, struct ctl_call *call)
{
	if (!requests_has_only(call, NULL, NULL))
		return;
	log_info("control: shutdown by uid %u", call->uid);
	ctl_answer(call, NULL);
	c->shutdown(c->ctx);
}

/* ---------------------------------------------------------------- volumes */

static void do_volume_create(struct requests *c, struct ctl_call *call) ON_MAIN
{
	cleanup_json json_t *j = requests_content(call, "full");
	struct plan_volume *v = NULL;
	bool is_full = false, has_image = false;
	struct err err;

	json_object_del(j, "has_image");
	if (json_opt_bool(call->body, "full", &is_full, &err) < 0 ||
	    json_opt_bool(call->body, "has_image", &has_image, &err) < 0 ||
	    plan_volume_from_json(j, &v, &err) < 0)
		requests_refused(call, &err);
	else
		manager_create_volume(c->manager, v,
				      has_image ? MANAGER_IMAGE_THERE
				      : is_full ? MANAGER_IMAGE_FULL
						: MANAGER_IMAGE_SPARSE,
				      requests_answered, call);
}

static void by_name(struct requests *c, struct ctl_call *call,
		    void (*fn)(struct manager *m, const char *name, manager_fn done, void *ctx))
{
	const char *name = requests_get_name(call);

	if (name && requests_has_only(call, "name", NULL))
		fn(c->manager, name, requests_answered, call);
}

static void do_volume_open(struct requests *c, struct ctl_call *call)
{
	by_name(c, call, manager_open_volume);
}

static void do_volume_close(struct requests *c, struct ctl_call *call)
{
	by_name(c, call, manager_close_volume);
}

static void do_volume_delete(struct requests *c, struct ctl_call *call) ON_MAIN
{
	const char *name = requests_get_name(call);

	if (name && requests_has_only(call, "name", "uuid") && is_meant(c, call, name))
		manager_delete_volume(c->manager, name, requests_answered, call);
}

static void do_volume_flush(struct requests *c, struct ctl_call *call)
{
	by_name(c, call, manager_flush_volume);
}

static void do_volume_show(struct requests *c, struct ctl_call *call)
{
	by_name(c, call, manager_show_volume);
}

static void do_volume_grow(struct requests *c, struct ctl_call *call) ON_MAIN
{
	const char *name = requests_get_name(call);
	uint64_t size_bytes = 0;
	struct err err;

	if (!name)
		return;
	if (json_get_u64(call->body, "size_bytes", 1, PLAN_SIZE_MAX, &size_bytes, &err) < 0)
		requests_refused(call, &err);
	else if (requests_has_only(call, "name", "size_bytes"))
		manager_grow_volume(c->manager, name, size_bytes, requests_answered, call);
}

/* ---------------------------------------------------------------- filters */

static void put_filter(struct requests *c, struct ctl_call *call,
		       void (*fn)(struct manager *m, const char *name, struct plan_filter *f,
				  manager_fn done, void *ctx))
{
	cleanup_json json_t *j = requests_content(call, "name");
	const char *name = requests_get_name(call);
	struct plan_filter f;
	struct err err;

	if (!name)
		return;
	if (plan_filter_from_json(j, &f, &err) < 0)
		requests_refused(call, &err);
	else
		fn(c->manager, name, &f, requests_answered, call);
}

static void do_filter_attach(struct requests *c, struct ctl_call *call)
{
	put_filter(c, call, manager_attach_filter);
}

static void do_filter_set(struct requests *c, struct ctl_call *call)
{
	put_filter(c, call, manager_set_filter);
}

static void do_filter_detach(struct requests *c, struct ctl_call *call) ON_MAIN
{
	const char *name = requests_get_name(call), *filter;
	struct err err;

	if (!name)
		return;
	if (json_get_string(call->body, "filter", &filter, &err) < 0 ||
	    parse_name("filter", filter, &err) < 0)
		requests_refused(call, &err);
	else if (requests_has_only(call, "name", "filter"))
		manager_detach_filter(c->manager, name, filter, requests_answered, call);
}

static void do_filter_command(struct requests *c, struct ctl_call *call) ON_MAIN
{
	static const char *const keys[] = {"request", "name", "filter", "command", "args", NULL};
	const char *name = requests_get_name(call), *filter, *command;
	cleanup_json json_t *none = json_object();
	json_t *args;
	struct err err;

	if (!name)
		return;
	args = json_object_get(call->body, "args");
	if (json_get_string(call->body, "filter", &filter, &err) < 0 ||
	    parse_name("filter", filter, &err) < 0 ||
	    json_get_string(call->body, "command", &command, &err) < 0 ||
	    parse_name("command", command, &err) < 0 || json_only(call->body, keys, &err) < 0)
		requests_refused(call, &err);
	else if (args && !json_is_object(args))
		requests_refused(call, (err_set(&err, EINVAL, "args", "args is no object"), &err));
	else
		manager_command(c->manager, name, filter, command, args ? args : none, &call->fd,
				requests_answered, call);
}

/* ---------------------------------------------------------------- transfers */

static void do_transfer_start(struct requests *c, struct ctl_call *call) ON_MAIN
{
	static const char *const keys[] = {"request",    "name", "direction",
					   "size_bytes", "uuid", NULL};
	const char *name = requests_get_name(call), *direction;
	uint64_t size_bytes = 0, id;
	struct err err;

	if (!name || !is_meant(c, call, name))
		return;
	if (json_get_string(call->body, "direction", &direction, &err) < 0 ||
	    json_opt_u64(call->body, "size_bytes", 0, PLAN_SIZE_MAX, &size_bytes, &err) < 0 ||
	    json_only(call->body, keys, &err) < 0 ||
	    transfers_start(c->manager, name, direction, size_bytes, &call->fd, &id, &err) < 0)
		requests_refused(call, &err);
	else
		ctl_answer(call, json_pack("{s:I}", "transfer", (json_int_t)id));
}

static bool get_transfer(struct ctl_call *call, uint64_t *id)
{
	struct err err;

	if (json_get_u64(call->body, "transfer", 1, INT64_MAX, id, &err) < 0) {
		requests_refused(call, &err);
		return false;
	}
	return requests_has_only(call, "transfer", NULL);
}

static void do_transfer_show(struct requests *c, struct ctl_call *call) ON_MAIN
{
	struct err err;
	uint64_t id;
	json_t *j;

	if (!get_transfer(call, &id))
		return;
	j = transfers_show(c->manager, id, &err);
	if (j)
		ctl_answer(call, j);
	else
		requests_refused(call, &err);
}

static void do_transfer_cancel(struct requests *c, struct ctl_call *call) ON_MAIN
{
	struct err err;
	uint64_t id;

	if (!get_transfer(call, &id))
		return;
	if (transfers_cancel(c->manager, id, &err) < 0)
		requests_refused(call, &err);
	else
		ctl_answer(call, NULL);
}

/* ---------------------------------------------------------------- dispatch */

static const struct {
	const char *name;
	request_fn fn;
} requests[] = {
    {"hello", do_hello},
    {"status", do_status},
    {"filters", do_filters},
    {"events", do_events},
    {"stats", do_stats},
    {"volumes", do_volumes},
    {"figures", do_figures},
    {"shutdown", do_shutdown},
    {"datastore.add", requests_datastore_add},
    {"datastore.remove", requests_datastore_remove},
    {"datastore.filters", requests_datastore_filters},
    {"datastore.filter.set", requests_datastore_filter_set},
    {"volume.create", do_volume_create},
    {"volume.open", do_volume_open},
    {"volume.close", do_volume_close},
    {"volume.delete", do_volume_delete},
    {"volume.grow", do_volume_grow},
    {"volume.flush", do_volume_flush},
    {"volume.show", do_volume_show},
    {"snapshot.create", requests_snapshot_create},
    {"snapshot.delete", requests_snapshot_delete},
    {"snapshot.delete_cancel", requests_snapshot_delete_cancel},
    {"snapshot.revert", requests_snapshot_revert},
    {"snapshot.clone", requests_snapshot_clone},
    {"snapshot.list", requests_snapshot_list},
    {"snapshot.repair", requests_snapshot_repair},
    {"transfer.start", do_transfer_start},
    {"transfer.show", do_transfer_show},
    {"transfer.cancel", do_transfer_cancel},
    {"filter.attach", do_filter_attach},
    {"filter.detach", do_filter_detach},
    {"filter.set", do_filter_set},
    {"filter.command", do_filter_command},
    {"peer.identity", requests_peer_identity},
    {"peer.list", requests_peer_list},
    {"peer.offer", requests_peer_offer},
    {"peer.withdraw", requests_peer_withdraw},
    {"peer.join", requests_peer_join},
    {"peer.set", requests_peer_set},
    {"peer.forget", requests_peer_forget},
    {"peer.call", requests_peer_call},
    {"peer.take", requests_peer_take},
    {"peer.answer", requests_peer_answer},
    {"witness.list", requests_witness_list},
    {"witness.forget", requests_witness_forget},
};

void requests_handle(void *control, struct ctl_call *call)
{
	struct err err;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (strcmp(requests[i].name, call->request) == 0) {
			requests[i].fn(control, call);
			return;
		}
	}
	err_set(&err, ENOSYS, "request", "there is no request '%.60s' in protocol version %u",
		call->request, CTL_VERSION);
	requests_refused(call, &err);
}
