/* SPDX-License-Identifier: MIT */
/*
 * Control frames from a hostile client: any bytes, in any pieces. Then what the daemon's readers
 * make of the JSON inside: datastores, volumes, filters and whole plans.
 *
 * fuzz-units: ctl common plan
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_frame.h"
#include "json.h"
#include "plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The plan asks which backends there are; that is all it wants of them. */
const struct backend_ops *backend_find(const char *name)
{
	static const struct backend_ops dir = {.name = "dir"};

	return strcmp(name, "dir") == 0 || strcmp(name, "block") == 0 ? &dir : NULL;
}

static void read_body(const struct ctl_reader *r)
{
	struct err err = {0};
	cleanup_json json_t *j = json_parse(r->body, r->body_len, "fuzz", &err);
	struct plan_datastore *d;
	struct plan_volume *v;
	struct plan_filter f;
	struct plan p;

	if (!json_is_object(j))
		return;
	if (plan_datastore_from_json(j, &d, &err) == 0) {
		json_decref(plan_datastore_to_json(d));
		plan_datastore_free(d);
	}
	if (plan_volume_from_json(j, &v, &err) == 0) {
		json_decref(plan_volume_to_json(v));
		plan_volume_free(v);
	}
	if (plan_filter_from_json(j, &f, &err) == 0) {
		json_decref(plan_filter_to_json(&f));
		plan_filter_fini(&f);
	}
	plan_init(&p);
	if (plan_from_json(j, &p, &err) == 0)
		plan_fini(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_reader r;
	struct err err = {0};
	size_t piece = size ? 1 + data[0] % 64 : 1;
	int rc = 0;

	ctl_reader_init(&r);
	for (size_t at = 0; at < size && rc >= 0; at += piece) {
		const char *p = (const char *)data + at;
		size_t len = size - at < piece ? size - at : piece;

		while ((rc = ctl_reader_next(&r, &p, &len, &err)) == 1)
			read_body(&r);
		(void)ctl_reader_is_inside(&r);
	}
	ctl_reader_fini(&r);
	return 0;
}
