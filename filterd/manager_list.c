/* SPDX-License-Identifier: MIT */
/*
 * manager_list.c - questions about all volumes, a page at a time, in the order of names.
 *
 * Each volume of the page is asked on its worker; the answers are put where they belong, and the
 * last one to come back sends the page. A volume that goes meanwhile leaves no gap.
 *
 * Thread: main; a volume's own part on its worker.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "errand.h"
#include "hist.h"
#include "ring_listener.h"

struct page {
	uint32_t missing;
	uint32_t count;
	enum manager_page what;
	bool is_last;
	char last[PARSE_NAME_MAX + 1];
	manager_fn fn;
	void *ctx;
	json_t *answers[]; /* [count], by place */
};

static int by_name(const void *a, const void *b)
{
	const struct mvolume *const *x = a, *const *y = b;

	return strcmp((*x)->plan->name, (*y)->plan->name);
}

/* Those after "after", sorted; their number in *count. Owned by the caller. */
static struct mvolume **sorted_after(const struct manager *m, const char *after, uint32_t *count)
{
	struct mvolume **all;
	struct list_node *n;
	uint32_t room = 0, k = 0;

	list_for_each (n, &m->volumes) {
		room++;
	}
	all = calloc(room ? room : 1, sizeof(struct mvolume *));
	if (!all)
		return NULL;
	list_for_each (n, &m->volumes) {
		struct mvolume *mv = list_entry(n, struct mvolume, node);

		if (strcmp(mv->plan->name, after) > 0)
			all[k++] = mv;
	}
	if (k)
		qsort(all, k, sizeof(struct mvolume *), by_name);
	*count = k;
	return all;
}

/* Bucket's lower ends, so that nobody else needs to know how they are cut. */
static json_t *bucket_floors(void)
{
	json_t *a = json_array();

	for (uint32_t i = 0; i <= HIST_BUCKETS; i++)
		json_array_append_new(a, json_integer((json_int_t)hist_floor_ns(i)));
	return a;
}

static void page_ended(struct page *p)
{
	json_t *volumes, *answer;

	if (--p->missing > 0)
		return;
	volumes = json_array();
	for (uint32_t i = 0; i < p->count; i++)
		if (p->answers[i])
			json_array_append_new(volumes, p->answers[i]);
	answer = json_pack("{s:o, s:o}", "volumes", volumes, "next",
			   p->is_last ? json_null() : json_string(p->last));
	if (p->what == MANAGER_FIGURES)
		json_object_set_new(answer, "bucket_floors_ns", bucket_floors());
	p->fn(p->ctx, NULL, answer);
	free(p);
}

static void run_brief(struct errand *j) ON_WORKER
{
	j->json = volume_brief(j->mv->volume);
	json_object_set_new(j->json, "allocated_bytes",
			    json_integer((json_int_t)space_allocated_bytes(&j->mv->datastore->space,
									   j->mv->plan->name)));
	errand_ended(j, 0, NULL);
}

static void run_figures(struct errand *j) ON_WORKER
{
	j->json = volume_figures(j->mv->volume);
	errand_ended(j, 0, NULL);
}

static void back_one(struct errand *j)
{
	struct page *p = j->ctx;

	if (j->json && p->what == MANAGER_BRIEF)
		json_object_set_new(j->json, "is_open", json_boolean(j->mv->plan->is_open));
	p->answers[j->number] = json_incref(j->json);
	page_ended(p);
}

void manager_list(struct manager *m, enum manager_page what, const char *after, uint32_t limit,
		  manager_fn fn, void *ctx)
{
	uint32_t count = 0;
	struct mvolume **all = sorted_after(m, after, &count);
	uint32_t n = count < limit ? count : limit;
	struct page *p = all ? calloc(1, sizeof(*p) + n * sizeof(json_t *)) : NULL;
	struct err err;

	if (!p) {
		free(all);
		err_set(&err, ENOMEM, "", "no memory for a list of volumes");
		fn(ctx, &err, NULL);
		return;
	}
	*p = (struct page){
	    .missing = 1, .count = n, .what = what, .is_last = n == count, .fn = fn, .ctx = ctx};
	for (uint32_t i = 0; i < n; i++) {
		struct errand *j = errand_make(
		    all[i], what == MANAGER_BRIEF ? run_brief : run_figures, back_one, NULL, p);

		if (!j)
			continue;
		j->number = i;
		p->missing++;
		errand_start(j);
	}
	if (n)
		memcpy(p->last, all[n - 1]->plan->name, sizeof(p->last));
	free(all);
	page_ended(p);
}
