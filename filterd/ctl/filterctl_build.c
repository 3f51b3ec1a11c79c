/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "filterctl.h"
#include "json.h"
#include "parse.h"

#define SIZE_MAX_BYTES (1ull << 50)

/* Cuts the next part off at a comma that no backslash precedes, and takes the backslashes away. */
static char *next_part(char **rest)
{
	char *from = *rest, *to = *rest, *start = *rest;

	if (!start)
		return NULL;
	while (*from && *from != ',') {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from++;
	}
	*rest = *from ? from + 1 : NULL;
	*to = '\0';
	return start;
}

json_t *filterctl_build_filter(const char *spec, struct err *err)
{
	cleanup_free char *copy = strdup(spec);
	char *rest = copy, *part = copy ? next_part(&rest) : NULL;
	json_t *params = json_object();
	json_t *j = json_pack("{s:s, s:o}", "filter", part ? part : "", "params", params);

	if (parse_name("filter", part ? part : "", err) < 0)
		goto refuse;
	while ((part = next_part(&rest))) {
		char *eq = strchr(part, '=');

		if (!eq || eq == part) {
			err_set(err, EINVAL, "filter",
				"'%.80s' in '%.120s' is not written as parameter=value", part,
				spec);
			goto refuse;
		}
		*eq = '\0';
		if (strcmp(part, "on_failure") == 0)
			json_object_set_new(j, "on_failure", json_string(eq + 1));
		else if (strcmp(part, "position") == 0)
			json_object_set_new(j, "position",
					    json_integer((json_int_t)strtoll(eq + 1, NULL, 10)));
		else
			json_object_set_new(params, part, json_string(eq + 1));
	}
	return j;
refuse:
	json_decref(j);
	return NULL;
}

json_t *filterctl_build_group(int argc, char **argv, struct err *err)
{
	json_t *params, *j;

	if (argc < 3) {
		err_set(err, EINVAL, "",
			"say: datastore filter-set NAME FILTER [parameter=value]...");
		return NULL;
	}
	params = json_object();
	j = json_pack("{s:s, s:s, s:o}", "name", argv[1], "filter", argv[2], "params", params);
	for (int i = 3; i < argc; i++) {
		const char *eq = strchr(argv[i], '=');
		cleanup_free char *name =
		    eq && eq != argv[i] ? strndup(argv[i], (size_t)(eq - argv[i])) : NULL;

		if (!name || json_object_set_new(params, name, json_string(eq + 1)) < 0) {
			err_set(err, EINVAL, "filter", "'%.80s' is not written as parameter=value",
				argv[i]);
			json_decref(j);
			return NULL;
		}
	}
	return j;
}

json_t *filterctl_build_command(int argc, char **argv, struct err *err)
{
	json_t *args, *j;

	if (argc < 4) {
		err_set(err, EINVAL, "",
			"say: filter command VOLUME FILTER COMMAND [name=value]...");
		return NULL;
	}
	args = json_object();
	j = json_pack("{s:s, s:s, s:s, s:o}", "name", argv[1], "filter", argv[2], "command",
		      argv[3], "args", args);
	for (int i = 4; i < argc; i++) {
		const char *eq = strchr(argv[i], '=');
		cleanup_free char *name =
		    eq && eq != argv[i] ? strndup(argv[i], (size_t)(eq - argv[i])) : NULL;
		json_t *value = name ? json_loads(eq + 1, JSON_DECODE_ANY, NULL) : NULL;

		if (!name || json_object_set_new(args, name, value ? value : json_string(eq + 1))) {
			err_set(err, EINVAL, "args", "'%.80s' is not written as name=value",
				argv[i]);
			json_decref(j);
			return NULL;
		}
	}
	return j;
}

enum { OPT_TYPE = 256, OPT_PATH, OPT_WORKER, OPT_BUFFERED };

json_t *filterctl_build_datastore(int argc, char **argv, struct err *err)
{
	static const struct option options[] = {
	    {"type", required_argument, NULL, OPT_TYPE},
	    {"path", required_argument, NULL, OPT_PATH},
	    {"worker", required_argument, NULL, OPT_WORKER},
	    {"buffered", no_argument, NULL, OPT_BUFFERED},
	    {NULL, 0, NULL, 0},
	};
	json_t *j = json_pack("{s:s}", "request", "datastore.add");
	uint64_t number;
	int opt;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_TYPE:
			json_object_set_new(j, "type", json_string(optarg));
			break;
		case OPT_PATH:
			json_object_set_new(j, "path", json_string(optarg));
			break;
		case OPT_WORKER:
			if (parse_u64("--worker", optarg, 0, 255, &number, err) < 0)
				goto refuse;
			json_object_set_new(j, "worker", json_integer((json_int_t)number));
			break;
		case OPT_BUFFERED:
			json_object_set_new(j, "buffered", json_true());
			break;
		default:
			err_set(err, EINVAL, "",
				"'%s' is not an option of datastore add, or misses its value",
				argv[optind - 1]);
			goto refuse;
		}
	}
	if (optind != argc - 1 || !json_object_get(j, "type")) {
		err_set(err, EINVAL, "",
			"say: datastore add NAME --type dir|block|mem [--path PATH]");
		goto refuse;
	}
	json_object_set_new(j, "name", json_string(argv[optind]));
	return j;
refuse:
	json_decref(j);
	return NULL;
}

enum {
	OPT_DATASTORE = 256,
	OPT_SIZE,
	OPT_FULL,
	OPT_WRITE_CACHE,
	OPT_BLOCK,
	OPT_SHARED,
	OPT_READONLY,
	OPT_UUID,
	OPT_FILTER,
	OPT_HAS_IMAGE,
	OPT_SNAPSHOT_OF
};

static int snapshot_of(json_t *j, const char *text, struct err *err)
{
	const char *colon = strchr(text, ':');
	cleanup_free char *volume = colon ? strndup(text, (size_t)(colon - text)) : NULL;

	if (!volume)
		return err_set(err, EINVAL, "", "--snapshot-of is VOLUME:SNAPSHOT, not '%.80s'",
			       text);
	return json_object_set_new(
	    j, "snapshot_of", json_pack("{s:s, s:s}", "volume", volume, "snapshot", colon + 1));
}

static int volume_option(json_t *j, int opt, const char *option, struct err *err)
{
	uint64_t number = 0;
	json_t *filter;

	switch (opt) {
	case OPT_DATASTORE:
		return json_object_set_new(j, "datastore", json_string(optarg));
	case OPT_SIZE:
		if (parse_size("--size", optarg, 1, SIZE_MAX_BYTES, &number, err) < 0)
			return -1;
		return json_object_set_new(j, "size_bytes", json_integer((json_int_t)number));
	case OPT_FULL:
		return json_object_set_new(j, "full", json_true());
	case OPT_WRITE_CACHE:
		return json_object_set_new(j, "write_cache", json_string(optarg));
	case OPT_BLOCK:
		if (parse_u64("--block-bytes", optarg, 512, 4096, &number, err) < 0)
			return -1;
		return json_object_set_new(j, "block_bytes", json_integer((json_int_t)number));
	case OPT_SHARED:
		return json_object_set_new(j, "shared", json_true());
	case OPT_READONLY:
		return json_object_set_new(j, "readonly", json_true());
	case OPT_UUID:
		return json_object_set_new(j, "uuid", json_string(optarg));
	case OPT_FILTER:
		filter = filterctl_build_filter(optarg, err);
		return filter ? json_array_append_new(json_object_get(j, "filters"), filter) : -1;
	case OPT_HAS_IMAGE:
		return json_object_set_new(j, "has_image", json_true());
	case OPT_SNAPSHOT_OF:
		return snapshot_of(j, optarg, err);
	default:
		return err_set(err, EINVAL, "",
			       "'%s' is not an option of volume create, or misses its value",
			       option);
	}
}

json_t *filterctl_build_volume(int argc, char **argv, struct err *err)
{
	static const struct option options[] = {
	    {"datastore", required_argument, NULL, OPT_DATASTORE},
	    {"size", required_argument, NULL, OPT_SIZE},
	    {"full", no_argument, NULL, OPT_FULL},
	    {"write-cache", required_argument, NULL, OPT_WRITE_CACHE},
	    {"block-bytes", required_argument, NULL, OPT_BLOCK},
	    {"shared", no_argument, NULL, OPT_SHARED},
	    {"readonly", no_argument, NULL, OPT_READONLY},
	    {"uuid", required_argument, NULL, OPT_UUID},
	    {"filter", required_argument, NULL, OPT_FILTER},
	    {"has-image", no_argument, NULL, OPT_HAS_IMAGE},
	    {"snapshot-of", required_argument, NULL, OPT_SNAPSHOT_OF},
	    {NULL, 0, NULL, 0},
	};
	json_t *j = json_pack("{s:s, s:[]}", "request", "volume.create", "filters");
	int opt;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (volume_option(j, opt, argv[optind - 1], err) < 0)
			goto refuse;
	if (optind != argc - 1 || !json_object_get(j, "datastore")) {
		err_set(err, EINVAL, "", "say: volume create NAME --datastore NAME [--size 10G]");
		goto refuse;
	}
	json_object_set_new(j, "name", json_string(argv[optind]));
	return j;
refuse:
	json_decref(j);
	return NULL;
}
