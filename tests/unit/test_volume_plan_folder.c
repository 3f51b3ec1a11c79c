/* SPDX-License-Identifier: MIT */
/* The plan on disk: the same after a restart, written for what has changed alone, and a damaged
 * file is put aside with a sentence and takes nothing else with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "json.h"
#include "plan.h"
#include "plan_file.h"

static char state[64], folder[80], former[80];
static struct err err;
static uint32_t damaged;
static char damaged_what[160], damaged_text[sizeof(err.text)];

static void note_damaged(void *ctx, const char *kind, const char *name, const char *text)
{
	damaged++;
	snprintf(damaged_what, sizeof(damaged_what), "%s %s", kind, name);
	snprintf(damaged_text, sizeof(damaged_text), "%s", text);
}

static const struct plan_listener listener = {.damaged = note_damaged};

/* ---------------------------------------------------------------- what stands around it */

static int set_up(void **ctx)
{
	snprintf(state, sizeof(state), "/tmp/sluice-plan-XXXXXX");
	assert_non_null(mkdtemp(state));
	snprintf(folder, sizeof(folder), "%s/plan", state);
	snprintf(former, sizeof(former), "%s/plan.json", state);
	damaged = 0;
	return 0;
}

static const char *in_folder(const char *file)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	return path;
}

static size_t count(const char *folder_of, const char *pattern, bool removes)
{
	char full[200];
	size_t n = 0;
	glob_t g;

	snprintf(full, sizeof(full), "%s/%s", folder_of, pattern);
	if (glob(full, 0, NULL, &g) == 0) {
		n = g.gl_pathc;
		for (size_t i = 0; removes && i < n; i++)
			remove(g.gl_pathv[i]);
		globfree(&g);
	}
	return n;
}

static int tear_down(void **ctx)
{
	count(folder, "*", true);
	count(state, "*", true);
	rmdir(state);
	return 0;
}

static const char example[] =
    "{\"version\": 1,"
    " \"datastores\": [{\"name\": \"d0\", \"type\": \"dir\", \"path\": \"/srv/d0\", \"worker\": 1, \"buffered\": true},"
    "                {\"name\": \"b0\", \"type\": \"block\", \"path\": \"/dev/vdb\"}],"
    " \"volumes\": [{\"name\": \"vm1\", \"datastore\": \"d0\", \"uuid\": \"01234567-89ab-4def-8123-456789abcdef\","
    "   \"size_bytes\": 1099511627776, \"block_bytes\": 4096, \"write_cache\": \"volatile\", \"shared\": true,"
    "   \"filters\": [{\"filter\": \"delay\", \"params\": {\"read_us\": \"100\", \"jitter_pct\": 5}, \"on_failure\": \"bypass\"},"
    "               {\"filter\": \"trace\", \"position\": 150}]},"
    "  {\"name\": \"vm2\", \"datastore\": \"b0\", \"uuid\": \"11234567-89ab-4def-8123-456789abcdef\", \"open\": false}]}";

static void from_example(struct plan *p)
{
	cleanup_json json_t *j = json_parse(example, strlen(example), "test", &err);

	plan_init(p);
	assert_int_equal(plan_from_json(j, p, &err), 0);
}

static void load(struct plan *p)
{
	assert_int_equal(plan_load(folder, former, p, &listener, &err), 0);
}

/* The example on disk, and in p as a restart reads it. */
static void saved(struct plan *p)
{
	struct plan made;

	load(&made);
	plan_fini(&made);
	from_example(&made);
	assert_int_equal(plan_save(folder, &made, &err), 0);
	plan_fini(&made);
	load(p);
}

static void assert_is_example(const struct plan *p)
{
	struct plan e;
	struct list_node *n;

	from_example(&e);
	list_for_each (n, &e.volumes) {
		struct plan_volume *v = list_entry(n, struct plan_volume, node);
		cleanup_json json_t *want = plan_volume_to_json(v);
		cleanup_json json_t *is = NULL;

		assert_non_null(plan_find_volume(p, v->name));
		is = plan_volume_to_json(plan_find_volume(p, v->name));
		assert_true(json_equal(want, is));
	}
	list_for_each (n, &e.datastores) {
		struct plan_datastore *d = list_entry(n, struct plan_datastore, node);
		cleanup_json json_t *want = plan_datastore_to_json(d);
		cleanup_json json_t *is = NULL;

		assert_non_null(plan_find_datastore(p, d->name));
		is = plan_datastore_to_json(plan_find_datastore(p, d->name));
		assert_true(json_equal(want, is));
	}
	plan_fini(&e);
}

static struct timespec time_of(const char *file)
{
	struct stat st;

	assert_int_equal(stat(in_folder(file), &st), 0);
	return st.st_mtim;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* ---------------------------------------------------------------- cases */

static void plan_is_the_same_after_save_and_load(void **ctx)
{
	struct plan p;

	saved(&p);
	assert_is_example(&p);
	assert_int_equal(count(folder, "*", false), 4);
	assert_int_equal(damaged, 0);
	plan_fini(&p);
}

static void absent_plan_is_an_empty_one(void **ctx)
{
	struct plan p;

	load(&p);
	assert_true(list_is_empty(&p.volumes) && list_is_empty(&p.datastores));
	assert_int_equal(damaged, 0);
	plan_fini(&p);
}

static void only_what_has_changed_is_written(void **ctx)
{
	struct timespec vm1, vm2, d0;
	struct plan_filter trace = {.name = "trace"};
	struct plan p;

	saved(&p);
	vm1 = time_of("volume-vm1.json");
	vm2 = time_of("volume-vm2.json");
	d0 = time_of("datastore-d0.json");
	usleep(20000);
	plan_set_open(plan_find_volume(&p, "vm2"), false); /* as it is */
	plan_set_size(plan_find_volume(&p, "vm2"), 0);
	assert_int_equal(plan_save(folder, &p, &err), 0);
	assert_true(is_same_time(vm2, time_of("volume-vm2.json")));
	plan_set_open(plan_find_volume(&p, "vm2"), true);
	assert_int_equal(plan_save(folder, &p, &err), 0);
	assert_false(is_same_time(vm2, time_of("volume-vm2.json")));
	assert_true(is_same_time(vm1, time_of("volume-vm1.json")));
	assert_int_equal(plan_put_filter(plan_find_volume(&p, "vm1"), &trace, &err), 0);
	assert_int_equal(plan_put_group(plan_find_datastore(&p, "d0"), &trace, &err), 0);
	assert_int_equal(plan_save(folder, &p, &err), 0);
	assert_false(is_same_time(vm1, time_of("volume-vm1.json")));
	assert_false(is_same_time(d0, time_of("datastore-d0.json")));
	plan_fini(&p);
	load(&p);
	assert_true(plan_find_volume(&p, "vm2")->is_open);
	assert_int_equal(plan_find_volume(&p, "vm1")->filters[1].position, 0);
	assert_non_null(plan_find_group(plan_find_datastore(&p, "d0"), "trace"));
	plan_drop_filter(plan_find_volume(&p, "vm1"), "trace");
	plan_drop_group(plan_find_datastore(&p, "d0"), "trace");
	plan_set_size(plan_find_volume(&p, "vm1"), 4096);
	assert_int_equal(plan_save(folder, &p, &err), 0);
	plan_fini(&p);
	load(&p);
	assert_int_equal(plan_find_volume(&p, "vm1")->filter_count, 1);
	assert_int_equal(plan_find_volume(&p, "vm1")->size_bytes, 4096);
	assert_null(plan_find_group(plan_find_datastore(&p, "d0"), "trace"));
	plan_fini(&p);
}

static void what_is_removed_is_gone_and_its_name_is_free(void **ctx)
{
	struct plan p;
	struct plan_volume *v, *again;

	saved(&p);
	v = plan_find_volume(&p, "vm1");
	again = plan_volume_copy(v);
	assert_non_null(again);
	plan_forget_volume(&p, v);
	plan_forget_volume(&p, v);
	plan_remove_volume(&p, v);
	assert_int_equal(plan_save(folder, &p, &err), 0);
	assert_int_equal(access(in_folder("volume-vm1.json"), F_OK), -1);
	again->size_bytes = 8192;
	assert_int_equal(plan_add_volume(&p, again, &err), 0);
	plan_remove_volume(&p, plan_find_volume(&p, "vm2"));
	plan_remove_datastore(&p, plan_find_datastore(&p, "b0"));
	assert_int_equal(plan_save(folder, &p, &err), 0);
	plan_fini(&p);
	load(&p);
	assert_int_equal(plan_find_volume(&p, "vm1")->size_bytes, 8192);
	assert_null(plan_find_volume(&p, "vm2"));
	assert_null(plan_find_datastore(&p, "b0"));
	plan_fini(&p);
}

/* Removed and made again before a save came between. */
static void the_later_of_one_name_counts(void **ctx)
{
	struct plan p;
	struct plan_volume *again;

	saved(&p);
	again = plan_volume_copy(plan_find_volume(&p, "vm1"));
	again->size_bytes = 8192;
	plan_remove_volume(&p, plan_find_volume(&p, "vm1"));
	assert_int_equal(plan_add_volume(&p, again, &err), 0);
	assert_int_equal(plan_save(folder, &p, &err), 0);
	plan_fini(&p);
	load(&p);
	assert_int_equal(plan_find_volume(&p, "vm1")->size_bytes, 8192);
	plan_fini(&p);
}

/* Bytes changed, one after the other, and cuts: each is found. */
static void a_damaged_file_is_put_aside_alone(void **ctx)
{
	char *text = NULL;
	size_t len = 0;
	struct plan p;

	saved(&p);
	plan_fini(&p);
	assert_int_equal(durable_read(in_folder("volume-vm1.json"), 1 << 20, &text, &len, &err), 0);
	for (size_t i = 0; i < 2 * len; i += 7) {
		if (i < len) {
			text[i] ^= 1;
			assert_int_equal(
			    durable_write(in_folder("volume-vm1.json"), text, len, &err), 0);
			text[i] ^= 1;
		} else {
			assert_int_equal(
			    durable_write(in_folder("volume-vm1.json"), text, i - len, &err), 0);
		}
		damaged = 0;
		load(&p);
		assert_int_equal(damaged, 1);
		assert_string_equal(damaged_what, "volume vm1");
		assert_non_null(strstr(damaged_text, "put aside"));
		assert_null(plan_find_volume(&p, "vm1"));
		assert_non_null(plan_find_volume(&p, "vm2"));
		assert_int_equal(access(in_folder("volume-vm1.json"), F_OK), -1);
		assert_int_equal(count(folder, "*damaged*", true), 1);
		plan_fini(&p);
	}
	free(text);
}

static void what_lay_on_a_damaged_datastore_is_put_aside_with_it(void **ctx)
{
	struct plan p;

	saved(&p);
	plan_fini(&p);
	assert_int_equal(durable_write(in_folder("datastore-d0.json"), "{}\n", 3, &err), 0);
	load(&p);
	assert_int_equal(damaged, 2);
	assert_string_equal(damaged_what, "volume vm1");
	assert_non_null(strstr(damaged_text, "there is no datastore d0"));
	assert_int_equal(count(folder, "*damaged*", false), 2);
	assert_non_null(plan_find_volume(&p, "vm2"));
	plan_fini(&p);
}

static void a_file_that_describes_another_object_is_put_aside(void **ctx)
{
	struct plan p;
	char from[200];

	saved(&p);
	plan_fini(&p);
	snprintf(from, sizeof(from), "%s", in_folder("volume-vm2.json"));
	assert_int_equal(rename(from, in_folder("volume-vm3.json")), 0);
	load(&p);
	assert_int_equal(damaged, 1);
	assert_string_equal(damaged_what, "volume vm3");
	assert_non_null(strstr(damaged_text, "describes volume vm2"));
	plan_fini(&p);
}

static void a_save_that_fails_leaves_the_old_state_and_is_made_up_for(void **ctx)
{
	struct plan p, q;

	saved(&p);
	plan_set_size(plan_find_volume(&p, "vm1"), 4096);
	/* in the way of the temporary file */
	assert_int_equal(mkdir(in_folder("volume-vm1.json.new"), 0700), 0);
	assert_true(plan_save(folder, &p, &err) < 0);
	assert_true(err.text[0]);
	load(&q);
	assert_int_equal(plan_find_volume(&q, "vm1")->size_bytes, 1099511627776);
	plan_fini(&q);
	assert_int_equal(rmdir(in_folder("volume-vm1.json.new")), 0);
	plan_set_open(plan_find_volume(&p, "vm2"), true);
	assert_int_equal(plan_save(folder, &p, &err), 0);
	plan_fini(&p);
	load(&p);
	assert_int_equal(plan_find_volume(&p, "vm1")->size_bytes, 4096);
	assert_true(plan_find_volume(&p, "vm2")->is_open);
	plan_fini(&p);
}

/* ... and keeps nothing else from the disk. */
static void one_that_cannot_be_saved_stops_no_other(void **ctx)
{
	struct plan p;

	saved(&p);
	plan_set_size(plan_find_volume(&p, "vm1"), 4096);
	plan_set_open(plan_find_volume(&p, "vm2"), true);
	assert_int_equal(mkdir(in_folder("volume-vm1.json.new"), 0700), 0);
	assert_true(plan_save(folder, &p, &err) < 0);
	assert_non_null(strstr(err.text, "volume-vm1.json.new"));
	assert_true(plan_find_volume(&p, "vm1")->is_changed);
	assert_false(plan_find_volume(&p, "vm2")->is_changed);
	plan_fini(&p);
	assert_int_equal(rmdir(in_folder("volume-vm1.json.new")), 0);
	load(&p);
	assert_true(plan_find_volume(&p, "vm2")->is_open);
	plan_fini(&p);
}

/* A removal that is made up for must not take the file of the one that came after. */
static void a_name_that_is_there_again_is_not_removed_later(void **ctx)
{
	struct plan p;
	struct plan_volume *again;
	char file[200];

	saved(&p);
	snprintf(file, sizeof(file), "%s", in_folder("volume-vm1.json"));
	again = plan_volume_copy(plan_find_volume(&p, "vm1"));
	plan_remove_volume(&p, plan_find_volume(&p, "vm1"));
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0700), 0); /* which cannot be unlinked */
	assert_true(plan_save(folder, &p, &err) < 0);
	assert_false(list_is_empty(&p.gone));
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(plan_add_volume(&p, again, &err), 0);
	assert_true(list_is_empty(&p.gone));
	assert_int_equal(plan_save(folder, &p, &err), 0);
	assert_int_equal(plan_save(folder, &p, &err), 0);
	plan_fini(&p);
	load(&p);
	assert_non_null(plan_find_volume(&p, "vm1"));
	plan_fini(&p);
}

static void write_former(void)
{
	cleanup_json json_t *j = json_parse(example, strlen(example), "test", &err);

	assert_int_equal(plan_file_write(former, j, &err), 0);
}

static void the_one_file_of_before_is_taken_over(void **ctx)
{
	struct plan p;

	write_former();
	load(&p);
	assert_is_example(&p);
	assert_int_equal(access(former, F_OK), -1);
	plan_fini(&p);
	load(&p);
	assert_is_example(&p);
	plan_fini(&p);
}

/* Cut off before it was removed: it still is what counts. */
static void a_take_over_is_begun_again(void **ctx)
{
	struct plan p;

	saved(&p);
	plan_set_size(plan_find_volume(&p, "vm1"), 4096);
	assert_int_equal(plan_save(folder, &p, &err), 0);
	plan_fini(&p);
	write_former();
	load(&p);
	plan_fini(&p);
	load(&p);
	assert_is_example(&p);
	plan_fini(&p);
}

/* Whole, and wrong: no reason not to start. */
static void a_file_of_before_that_contradicts_itself_is_put_aside(void **ctx)
{
	static const char text[] = "{\"version\": 1, \"volumes\": [{\"name\": \"v\", "
				   "\"datastore\": \"none\", \"size_bytes\": 512}]}";
	cleanup_json json_t *j = json_parse(text, strlen(text), "test", &err);
	struct plan p;

	assert_int_equal(plan_file_write(former, j, &err), 0);
	load(&p);
	assert_int_equal(damaged, 1);
	assert_non_null(strstr(damaged_text, "there is no datastore none"));
	assert_true(list_is_empty(&p.volumes));
	assert_int_equal(access(former, F_OK), -1);
	plan_fini(&p);
}

static void a_damaged_file_of_before_is_put_aside(void **ctx)
{
	struct plan p;

	assert_int_equal(durable_write(former, example, strlen(example), &err), 0);
	load(&p);
	assert_int_equal(damaged, 1);
	assert_true(list_is_empty(&p.volumes));
	assert_int_equal(count(state, "plan.json.damaged-*", false), 1);
	plan_fini(&p);
	from_example(&p);
	assert_int_equal(plan_save(folder, &p, &err), 0);
	plan_fini(&p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(plan_is_the_same_after_save_and_load),
	    T(absent_plan_is_an_empty_one),
	    T(only_what_has_changed_is_written),
	    T(what_is_removed_is_gone_and_its_name_is_free),
	    T(the_later_of_one_name_counts),
	    T(a_damaged_file_is_put_aside_alone),
	    T(what_lay_on_a_damaged_datastore_is_put_aside_with_it),
	    T(a_file_that_describes_another_object_is_put_aside),
	    T(a_save_that_fails_leaves_the_old_state_and_is_made_up_for),
	    T(one_that_cannot_be_saved_stops_no_other),
	    T(a_name_that_is_there_again_is_not_removed_later),
	    T(the_one_file_of_before_is_taken_over),
	    T(a_take_over_is_begun_again),
	    T(a_damaged_file_of_before_is_put_aside),
	    T(a_file_of_before_that_contradicts_itself_is_put_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
