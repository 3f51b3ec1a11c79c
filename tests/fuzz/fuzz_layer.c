/* SPDX-License-Identifier: MIT */
/*
 * fuzz_layer.c - hostile bytes in a volume's manifest and in the map of a layer.
 *
 * The first byte says what the rest is: a manifest as a whole, the body of one whose checksum is
 * made right, or a pair of slots. What is accepted is printed and read again, and must be the same.
 *
 * fuzz-units: layer backend env common
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "json.h"
#include "manifest.h"
#include "slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_text(const char *text, size_t len)
{
	struct manifest *m, *again;
	struct err err = {0};
	size_t printed = 0;
	char *out;

	m = manifest_parse(text, len, "the file", &err);
	if (!m) {
		assert(err.code > 0 && err.text[0]);
		return;
	}
	assert(manifest_layer(m, m->head));
	out = manifest_print(m, &printed);
	assert(out);
	again = manifest_parse(out, printed, "the file", &err);
	assert(again && again->layer_count == m->layer_count && again->head == m->head);
	manifest_free(again);
	manifest_free(m);
	free(out);
}

static void try_body(const char *text, size_t len)
{
	json_t *body = json_parse(text, len, "a body", NULL), *whole;
	char *plain = body ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL, *out;

	if (!plain) {
		json_decref(body);
		return;
	}
	whole = json_pack("{s:s, s:i, s:I, s:o}", "format", "sluice-layers", "version", 1, "crc32c",
			  (json_int_t)crc32c(0, plain, strlen(plain)), "body", body);
	out = json_dumps(whole, JSON_COMPACT);
	try_text(out, strlen(out));
	free(out);
	free(plain);
	json_decref(whole);
}

static void try_slots(const uint8_t *data, size_t size)
{
	static uint8_t pair[SLOT_PAIR];
	static struct slot_page page;

	memset(pair, 0, sizeof(pair));
	memcpy(pair, data, size < sizeof(pair) ? size : sizeof(pair));
	if (slot_decode(pair, 2, 0, &page))
		return;
	for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS; i++)
		assert(page.state[i] <= SLOT_ZERO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] % 3 == 0)
		try_text((const char *)data + 1, size - 1);
	else if (data[0] % 3 == 1)
		try_body((const char *)data + 1, size - 1);
	else
		try_slots(data + 1, size - 1);
	return 0;
}
