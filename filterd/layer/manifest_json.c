/* SPDX-License-Identifier: MIT */
/*
 * manifest_json.c - a manifest as text and back. The text may come from anywhere, so whatever the
 * code below relies on is checked here, once: numbers rise, parents are lower than their children
 * (so there is no circle), what is named exists.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "json.h"
#include "manifest.h"

#define FORMAT  "sluice-layers"
#define VERSION 1

/* ---------------------------------------------------------------- to text */

static json_t *layers_json(const struct manifest *m)
{
	json_t *a = json_array();

	for (uint32_t i = 0; i < m->layer_count; i++) {
		const struct manifest_layer *l = &m->layers[i];

		json_array_append_new(
		    a, json_pack("{s:I, s:I, s:I, s:I, s:b}", "number", (json_int_t)l->number,
				 "parent", (json_int_t)l->parent, "size_bytes",
				 (json_int_t)l->size_bytes, "own_blocks", (json_int_t)l->own_blocks,
				 "has_map", l->has_map));
	}
	return a;
}

static json_t *snapshot_json(const struct manifest_snapshot *s)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:b}", "uuid", s->uuid, "name", s->name, "layer",
			 (json_int_t)s->layer, "created_ms", (json_int_t)s->created_ms,
			 "is_deleting", s->is_deleting);
}

static json_t *body_json(const struct manifest *m)
{
	json_t *snapshots = json_array(), *holds = json_array(), *b;

	for (uint32_t i = 0; i < m->snapshot_count; i++)
		json_array_append_new(snapshots, snapshot_json(&m->snapshots[i]));
	for (uint32_t i = 0; i < m->hold_count; i++)
		json_array_append_new(holds, json_pack("{s:I, s:s}", "layer",
						       (json_int_t)m->holds[i].layer, "clone",
						       m->holds[i].path));
	b = json_pack("{s:I, s:I, s:o, s:o, s:o}", "head", (json_int_t)m->head, "next_number",
		      (json_int_t)m->next_number, "layers", layers_json(m), "snapshots", snapshots,
		      "holds", holds);
	if (b && m->origin_path[0])
		json_object_set_new(b, "origin",
				    json_pack("{s:s, s:I, s:b}", "image", m->origin_path, "layer",
					      (json_int_t)m->origin_layer, "is_full", m->is_full));
	if (b && m->pending_group[0])
		json_object_set_new(b, "pending",
				    json_pack("{s:s, s:I, s:o}", "group", m->pending_group, "head",
					      (json_int_t)m->pending_head, "snapshot",
					      snapshot_json(&m->pending)));
	if (b && m->merge_from)
		json_object_set_new(b, "merge",
				    json_pack("{s:I, s:I, s:I}", "from", (json_int_t)m->merge_from,
					      "to", (json_int_t)m->merge_to, "cursor",
					      (json_int_t)m->merge_cursor));
	return b;
}

char *manifest_print(const struct manifest *m, size_t *len_bytes)
{
	json_t *body = body_json(m), *whole;
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	if (!text) {
		json_decref(body);
		return NULL;
	}
	whole = json_pack("{s:s, s:i, s:I, s:o}", "format", FORMAT, "version", VERSION, "crc32c",
			  (json_int_t)crc32c(0, text, strlen(text)), "body", body);
	free(text);
	text = whole ? json_dumps(whole, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	json_decref(whole);
	*len_bytes = text ? strlen(text) : 0;
	return text;
}

/* ---------------------------------------------------------------- from text */

static int get_u32(const json_t *o, const char *key, uint32_t min, uint32_t *out, struct err *err)
{
	uint64_t v = 0;
	int rc = json_get_u64(o, key, min, INT32_MAX, &v, err);

	*out = (uint32_t)v;
	return rc;
}

static int get_text(const json_t *o, const char *key, char *out, size_t room, struct err *err)
{
	const char *s = NULL;
	int rc = json_get_string(o, key, &s, err);

	if (rc)
		return rc;
	if (strlen(s) >= room)
		return err_set(err, EINVAL, key, "%s has %zu characters; at most %zu may be", key,
			       strlen(s), room - 1);
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int get_bool(const json_t *o, const char *key, bool *out, struct err *err)
{
	return json_opt_bool(o, key, out, err);
}

static int layer_parse(struct manifest *m, const json_t *o, struct err *err)
{
	struct manifest_layer l = {0};
	uint32_t above = m->layer_count ? m->layers[m->layer_count - 1].number : 0;
	int rc;

	if ((rc = get_u32(o, "number", 1, &l.number, err)) ||
	    (rc = get_u32(o, "parent", 0, &l.parent, err)) ||
	    (rc = json_get_u64(o, "size_bytes", 1, INT64_MAX - (1u << 30), &l.size_bytes, err)) ||
	    (rc = json_get_u64(o, "own_blocks", 0, INT64_MAX, &l.own_blocks, err)) ||
	    (rc = get_bool(o, "has_map", &l.has_map, err)))
		return rc;
	if (l.number <= above || l.number >= m->next_number)
		return err_set(err, EINVAL, "number", "layer %u is out of order", l.number);
	if (l.parent && (l.parent >= l.number || !manifest_layer(m, l.parent)))
		return err_set(err, EINVAL, "parent", "layer %u stands on %u, which is not there",
			       l.number, l.parent);
	if (!l.has_map && l.number != 1)
		return err_set(err, EINVAL, "has_map", "layer %u has no map", l.number);
	if (m->layer_count >= LAYER_MAX)
		return err_set(err, E2BIG, "layers", "more than %u layers", LAYER_MAX);
	return manifest_add_layer(m, &l) ? 0 : err_set(err, ENOMEM, "", "out of memory");
}

static int snapshot_read(const struct manifest *m, const json_t *o, struct manifest_snapshot *s,
			 struct err *err)
{
	int rc;

	if ((rc = get_text(o, "uuid", s->uuid, sizeof(s->uuid), err)) ||
	    (rc = get_text(o, "name", s->name, sizeof(s->name), err)) ||
	    (rc = get_u32(o, "layer", 1, &s->layer, err)) ||
	    (rc = json_get_u64(o, "created_ms", 0, INT64_MAX, &s->created_ms, err)) ||
	    (rc = get_bool(o, "is_deleting", &s->is_deleting, err)))
		return rc;
	if (!manifest_layer(m, s->layer) || manifest_snapshot(m, s->uuid))
		return err_set(err, EINVAL, "layer",
			       "snapshot %s stands on layer %u, which is not "
			       "there, or is there twice",
			       s->uuid, s->layer);
	return 0;
}

static int snapshot_parse(struct manifest *m, const json_t *o, struct err *err)
{
	struct manifest_snapshot s = {0};
	int rc = snapshot_read(m, o, &s, err);

	if (rc == 0 && s.layer == m->head)
		rc = err_set(err, EINVAL, "layer", "snapshot %s stands on the head", s.uuid);
	if (rc == 0 && !manifest_add_snapshot(m, &s))
		rc = err_set(err, ENOMEM, "", "out of memory");
	return rc;
}

static int hold_parse(struct manifest *m, const json_t *o, struct err *err)
{
	char path[MANIFEST_PATH_MAX];
	uint32_t layer;
	int rc;

	if ((rc = get_u32(o, "layer", 1, &layer, err)) ||
	    (rc = get_text(o, "clone", path, sizeof(path), err)))
		return rc;
	if (!manifest_layer(m, layer) || m->hold_count >= MANIFEST_HOLDS_MAX)
		return err_set(err, EINVAL, "layer",
			       "a clone holds layer %u, which is not there, "
			       "or there are too many clones",
			       layer);
	return manifest_add_hold(m, layer, path) ? 0 : err_set(err, ENOMEM, "", "out of memory");
}

static int each(struct manifest *m, const json_t *body, const char *key,
		int (*parse)(struct manifest *m, const json_t *o, struct err *err), struct err *err)
{
	json_t *a = NULL, *o;
	size_t i;
	int rc = json_opt_array(body, key, &a, err);

	if (rc == 0 && !a)
		return err_set(err, EINVAL, key, "%s are missing", key);
	json_array_foreach(a, i, o)
	{
		if (rc == 0)
			rc = parse(m, o, err);
	}
	return rc;
}

static int extras_parse(struct manifest *m, const json_t *body, struct err *err)
{
	const json_t *origin = json_object_get(body, "origin");
	const json_t *pending = json_object_get(body, "pending");
	const json_t *merge = json_object_get(body, "merge");
	int rc = 0;

	if (origin &&
	    ((rc = get_text(origin, "image", m->origin_path, sizeof(m->origin_path), err)) ||
	     (rc = get_u32(origin, "layer", 1, &m->origin_layer, err)) ||
	     (rc = get_bool(origin, "is_full", &m->is_full, err))))
		return rc;
	if (pending &&
	    ((rc = get_text(pending, "group", m->pending_group, sizeof(m->pending_group), err)) ||
	     (rc = get_u32(pending, "head", 1, &m->pending_head, err)) ||
	     (rc = snapshot_read(m, json_object_get(pending, "snapshot"), &m->pending, err))))
		return rc;
	if (pending && (!m->pending_group[0] || strchr(m->pending_group, '/') ||
			m->pending.layer != m->head || m->pending_head >= m->next_number ||
			m->pending_head <= m->layers[m->layer_count - 1].number))
		return err_set(err, EINVAL, "pending", "what is pending does not fit the layers");
	if (merge && ((rc = get_u32(merge, "from", 1, &m->merge_from, err)) ||
		      (rc = get_u32(merge, "to", 1, &m->merge_to, err)) ||
		      (rc = json_get_u64(merge, "cursor", 0, INT64_MAX, &m->merge_cursor, err))))
		return rc;
	if (merge && (!manifest_layer(m, m->merge_from) || !manifest_layer(m, m->merge_to)))
		return err_set(err, EINVAL, "merge", "layers that are merged are not there");
	return 0;
}

static int body_parse(struct manifest *m, const json_t *body, struct err *err)
{
	int rc;

	if ((rc = get_u32(body, "next_number", 2, &m->next_number, err)) ||
	    (rc = get_u32(body, "head", 1, &m->head, err)) ||
	    (rc = each(m, body, "layers", layer_parse, err)))
		return rc;
	if (!manifest_layer(m, m->head) || m->layers[0].number != 1 || m->layers[0].parent != 0)
		return err_set(err, EINVAL, "head",
			       "the head is layer %u, which is not there, or "
			       "layer 1 is missing",
			       m->head);
	for (uint32_t i = 1; i < m->layer_count; i++)
		if (m->layers[i].parent == 0)
			return err_set(err, EINVAL, "parent", "layer %u stands on nothing",
				       m->layers[i].number);
	if ((rc = each(m, body, "snapshots", snapshot_parse, err)) ||
	    (rc = each(m, body, "holds", hold_parse, err)))
		return rc;
	return extras_parse(m, body, err);
}

static int whole_parse(struct manifest *m, const json_t *whole, struct err *err)
{
	const json_t *body = json_object_get(whole, "body");
	const char *format = NULL;
	uint64_t crc = 0, version = 0;
	char *text;
	bool is_right;
	int rc;

	if ((rc = json_get_string(whole, "format", &format, err)) ||
	    (rc = json_get_u64(whole, "version", 1, UINT32_MAX, &version, err)) ||
	    (rc = json_get_u64(whole, "crc32c", 0, UINT32_MAX, &crc, err)))
		return rc;
	if (strcmp(format, FORMAT) != 0 || version != VERSION)
		return err_set(err, EINVAL, "version",
			       "format '%.40s' version %llu; this program "
			       "reads %s version %d",
			       format, (unsigned long long)version, FORMAT, VERSION);
	text = json_is_object(body) ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (!text)
		return err_set(err, EINVAL, "body", "there is no body");
	is_right = crc32c(0, text, strlen(text)) == crc;
	free(text);
	if (!is_right)
		return err_set(err, EBADMSG, "crc32c", "its checksum is not that of its content");
	return body_parse(m, body, err);
}

struct manifest *manifest_parse(const char *text, size_t len_bytes, const char *path,
				struct err *err)
{
	json_t *whole = json_parse(text, len_bytes, "the manifest", err);
	struct manifest *m = manifest_new();
	int rc = whole ? 0 : -EBADMSG;

	if (rc == 0 && !m)
		rc = err_set(err, ENOMEM, "", "out of memory");
	if (rc == 0)
		rc = whole_parse(m, whole, err);
	json_decref(whole);
	if (rc == 0)
		return m;
	err_prefix(err, "%s is damaged", path);
	manifest_free(m);
	return NULL;
}
