/* SPDX-License-Identifier: MIT */
/* filterctl_snapshot.c - snapshots on the command line: arguments into requests, answers into
 * tables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "filterctl.h"
#include "parse.h"

static json_t *refuse(json_t *j, struct err *err, const char *say)
{
	json_decref(j);
	err_set(err, EINVAL, "", "say: %s", say);
	return NULL;
}

static json_t *random_uuid(void)
{
	uint8_t uuid[16];
	char text[37];

	if (getrandom(uuid, sizeof(uuid), 0) != (ssize_t)sizeof(uuid))
		return NULL;
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* version 4: random */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	parse_uuid_format(uuid, text);
	return json_string(text);
}

/* ---------------------------------------------------------------- requests */

/* "VOLUME" or "VOLUME:UUID". */
static json_t *member(const char *text, const char *name)
{
	const char *colon = strchr(text, ':');
	cleanup_free char *volume = colon ? strndup(text, (size_t)(colon - text)) : strdup(text);

	return json_pack("{s:s, s:o, s:s}", "volume", volume ? volume : "", "snapshot",
			 colon ? json_string(colon + 1) : random_uuid(), "name", name);
}

json_t *filterctl_build_snapshot(int argc, char **argv, struct err *err)
{
	static const char say[] = "snapshot create VOLUME[:UUID]... --name NAME [--group UUID]";
	json_t *members = json_array(), *j = json_pack("{s:o}", "members", members);
	const char *name = NULL;
	int volumes = 1;

	while (volumes < argc && argv[volumes][0] != '-')
		volumes++;
	for (int i = volumes; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--name") == 0)
			name = argv[i + 1];
		else if (strcmp(argv[i], "--group") == 0)
			json_object_set_new(j, "group", json_string(argv[i + 1]));
		else
			return refuse(j, err, say);
	}
	if (!name || volumes == 1 || (argc - volumes) % 2)
		return refuse(j, err, say);
	for (int i = 1; i < volumes; i++)
		json_array_append_new(members, member(argv[i], name));
	if (volumes > 2 && !json_object_get(j, "group"))
		json_object_set_new(j, "group", random_uuid());
	return j;
}

json_t *filterctl_build_snapshot_list(int argc, char **argv, struct err *err)
{
	return argc == 2 ? json_pack("{s:s}", "volume", argv[1])
			 : refuse(NULL, err, "snapshot list VOLUME");
}

json_t *filterctl_build_snapshot_named(int argc, char **argv, struct err *err)
{
	if (argc == 3)
		return json_pack("{s:s, s:s}", "volume", argv[1], "snapshot", argv[2]);
	return refuse(NULL, err, "snapshot delete|delete-cancel VOLUME SNAPSHOT");
}

json_t *filterctl_build_revert(int argc, char **argv, struct err *err)
{
	if (argc == 4 && strcmp(argv[3], "--yes") == 0)
		return json_pack("{s:s, s:s}", "volume", argv[1], "snapshot", argv[2]);
	return refuse(NULL, err,
		      "snapshot revert VOLUME SNAPSHOT --yes; it gives up what was written since");
}

json_t *filterctl_build_clone(int argc, char **argv, struct err *err)
{
	bool is_full = argc == 5 && strcmp(argv[4], "--full") == 0;

	if (argc != 4 && !is_full)
		return refuse(NULL, err, "snapshot clone VOLUME SNAPSHOT NEW-VOLUME [--full]");
	return json_pack("{s:s, s:s, s:s, s:b}", "volume", argv[1], "snapshot", argv[2], "image",
			 argv[3], "is_linked", !is_full);
}

json_t *filterctl_build_repair(int argc, char **argv, struct err *err)
{
	bool is_apply = argc == 3 && strcmp(argv[2], "--apply") == 0;

	if (argc != 2 && !is_apply)
		return refuse(NULL, err, "snapshot repair VOLUME [--apply]");
	return json_pack("{s:s, s:b}", "volume", argv[1], "apply", is_apply);
}

/* ---------------------------------------------------------------- answers */

static const char *text(const json_t *j, const char *key, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : otherwise;
}

static const char *size_text(const json_t *j, const char *key, char buf[32])
{
	parse_size_format((uint64_t)json_integer_value(json_object_get(j, key)), buf, 32);
	return buf;
}

void filterctl_print_held(const json_t *answer)
{
	printf("I/O was held for %lld us\n",
	       (long long)json_integer_value(json_object_get(answer, "held_us")));
}

static void print_clones(const json_t *clones)
{
	size_t i;
	json_t *clone;

	json_array_foreach(clones, i, clone)
	{
		printf("%s%s", i ? ", " : "", json_string_value(clone));
	}
	printf("%s\n", json_array_size(clones) ? "" : "-");
}

void filterctl_print_snapshots(const json_t *answer)
{
	const json_t *head = json_object_get(answer, "head");
	char own[32], size[32];
	size_t i;
	json_t *s;

	if (json_is_true(json_object_get(answer, "is_degraded")))
		printf("degraded: %s\n", text(answer, "problem", "?"));
	printf("%-36s  %-20s  %-36s  %10s  %10s  %-9s  %s\n", "SNAPSHOT", "NAME", "PARENT", "OWN",
	       "SIZE", "STATE", "CLONES");
	json_array_foreach(json_object_get(answer, "items"), i, s)
	{
		printf("%-36s  %-20s  %-36s  %10s  %10s  %-9s  ", text(s, "snapshot", "?"),
		       text(s, "name", ""), text(s, "parent", "-"), size_text(s, "own_bytes", own),
		       size_text(s, "size_bytes", size), text(s, "state", "?"));
		print_clones(json_object_get(s, "clones"));
	}
	printf("%-36s  %-20s  %-36s  %10s  %10s\n", "(the volume)", "", text(head, "parent", "-"),
	       size_text(head, "own_bytes", own), size_text(head, "size_bytes", size));
}

void filterctl_print_steps(const json_t *answer)
{
	const json_t *steps = json_object_get(answer, "steps");
	size_t i;
	json_t *step;

	json_array_foreach(steps, i, step)
	{
		puts(json_string_value(step));
	}
	if (json_array_size(steps) == 0)
		puts("nothing is to be done");
}
