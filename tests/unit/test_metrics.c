/* SPDX-License-Identifier: MIT */
/* /metrics: well-formed whatever names there are, units in the base unit, an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "metrics.h"

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("there is no '%s' in:\n%s", line, text);
}

static void nothing_known_is_still_a_document(void **state)
{
	cleanup_json json_t *facts = json_object();
	cleanup_free char *text = metrics_write(facts);

	assert_has(text, "# TYPE sluice_volume_read_iops gauge\n");
	assert_has(text, "sluice_daemon_up{daemon=\"filterd\"} 0\n");
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

static void labels_are_escaped(void **state)
{
	cleanup_json json_t *facts =
	    json_pack("{s:[{s:s, s:i, s:s}]}", "volumes", "name", "a\"b\\c\nd", "size_bytes", 512,
		      "running_state", "online");
	cleanup_free char *text = metrics_write(facts);

	assert_has(text, "sluice_volume_size_bytes{volume=\"a\\\"b\\\\c\\nd\"} 512\n");
	assert_has(text, "sluice_volumes{state=\"online\"} 1\n");
}

static void values_are_in_base_units(void **state)
{
	cleanup_json json_t *facts = json_pack(
	    "{s:{s:[{s:s, s:i, s:[{s:s, s:f, s:f}]}]}, s:{s:{s:b}, s:i}}", "figures", "volumes",
	    "name", "v0", "read_p99_us", 1500000, "layers", "layer", "delay", "latency_share_pct",
	    25.0, "cpu_pct", 12.5, "health", "filterd", "is_up", 1, "pending", 3);
	cleanup_free char *text = metrics_write(facts);

	assert_has(text, "# UNIT sluice_volume_read_latency_p99_seconds seconds\n");
	assert_has(text, "sluice_volume_read_latency_p99_seconds{volume=\"v0\"} 1.5\n");
	assert_has(text, "sluice_volume_layer_latency_ratio{volume=\"v0\",layer=\"delay\"} 0.25\n");
	assert_has(text, "sluice_volume_layer_cpu_ratio{volume=\"v0\",layer=\"delay\"} 0.125\n");
	assert_has(text, "sluice_daemon_up{daemon=\"filterd\"} 1\n");
	assert_has(text, "sluice_pending_steps 3\n");
}

static void cache_and_throttle_are_told_where_they_are(void **state)
{
	cleanup_json json_t *facts =
	    json_pack("{s:{s:[{s:s, s:f, s:i, s:i, s:s, s:s}, {s:s, s:n, s:i, s:i, s:n, s:n}]}}",
		      "figures", "volumes", "name", "v0", "read_hit_pct", 75.0, "dirty_bytes", 4096,
		      "lag_ms", 1500, "throttle", "dirty", "state", "degraded", "name", "v1",
		      "read_hit_pct", "dirty_bytes", 0, "lag_ms", 0, "throttle", "state");
	cleanup_free char *text = metrics_write(facts);

	assert_has(text, "sluice_volume_read_hit_ratio{volume=\"v0\"} 0.75\n");
	assert_has(text, "sluice_volume_dirty_bytes{volume=\"v0\"} 4096\n");
	assert_has(text, "sluice_volume_lag_seconds{volume=\"v0\"} 1.5\n");
	assert_has(text, "sluice_volume_throttled{volume=\"v0\",by=\"dirty\"} 1\n");
	assert_has(text, "sluice_volume_filter_state{volume=\"v0\",state=\"degraded\"} 1\n");
	assert_has(text, "sluice_volume_dirty_bytes{volume=\"v1\"} 0\n");
	assert_null(strstr(text, "sluice_volume_read_hit_ratio{volume=\"v1\""));
	assert_null(strstr(text, "sluice_volume_throttled{volume=\"v1\""));
}

static void big_numbers_are_whole(void **state)
{
	cleanup_json json_t *facts = json_pack("{s:[{s:s, s:I}]}", "datastores", "name", "d",
					       "used_bytes", (json_int_t)1125899906842624);
	cleanup_free char *text = metrics_write(facts);

	assert_has(text, "sluice_datastore_used_bytes{datastore=\"d\"} 1125899906842624\n");
}

static void every_number_of_a_filter_is_there(void **state)
{
	cleanup_json json_t *facts = json_pack(
	    "{s:{s:[{s:s, s:{s:i, s:s, s:b}}]}, s:{s:{s:{s:f, s:{s:i}}}}}", "datastore_filters",
	    "fast", "filter", "share", "status", "latency_us", 1200, "state", "free", "enabled", 1,
	    "chains", "v1", "share", "share_pct", 12.5, "tags", "limit_us", 7);
	cleanup_free char *text = metrics_write(facts);

	assert_has(text, "sluice_datastore_filter{datastore=\"fast\",filter=\"share\",figure="
			 "\"latency_us\"} 1200\n");
	assert_has(text, "sluice_volume_filter{volume=\"v1\",filter=\"share\",figure="
			 "\"share_pct\"} 12.5\n");
	assert_has(text, "sluice_volume_filter{volume=\"v1\",filter=\"share\",figure="
			 "\"tags.limit_us\"} 7\n");
	assert_null(strstr(text, "figure=\"state\""));
	assert_null(strstr(text, "figure=\"enabled\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_known_is_still_a_document),
	    cmocka_unit_test(labels_are_escaped),
	    cmocka_unit_test(values_are_in_base_units),
	    cmocka_unit_test(cache_and_throttle_are_told_where_they_are),
	    cmocka_unit_test(big_numbers_are_whole),
	    cmocka_unit_test(every_number_of_a_filter_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
