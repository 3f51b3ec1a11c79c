/* SPDX-License-Identifier: MIT */
/*
 * fuzz_kmip.c - a key server's answer, whatever it is: read as an answer to each operation, and the
 * head of a keystore file. The first byte chooses.
 *
 * fuzz-units: kmip common
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keystore_box.h"
#include "kmip_message.h"

static void read_payload(enum kmip_operation operation, const struct kmip_answer *a)
{
	char id[KMIP_ID_MAX + 1], missing[120], vendor[100];
	uint8_t key[SECRET_KEY_BYTES];
	struct kmip_version version;
	enum kmip_state state;
	int rc = 0;

	switch (operation) {
	case KMIP_GET:
		rc = kmip_answer_key(a, key, NULL);
		break;
	case KMIP_GET_ATTRIBUTES:
		rc = kmip_answer_state(a, &state, NULL);
		break;
	case KMIP_DISCOVER_VERSIONS:
		rc = kmip_answer_version(a, &version, NULL);
		break;
	case KMIP_QUERY:
		kmip_answer_server(a, missing, sizeof(missing), vendor, sizeof(vendor));
		break;
	case KMIP_LOCATE:
		rc = kmip_answer_located(a, id, NULL);
		break;
	default:
		rc = kmip_answer_id(a, id, NULL);
		if (rc == 0 && strlen(id) > KMIP_ID_MAX)
			abort();
	}
	(void)rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum kmip_operation operations[] = {KMIP_CREATE, KMIP_LOCATE,
							 KMIP_GET,    KMIP_GET_ATTRIBUTES,
							 KMIP_QUERY,  KMIP_DISCOVER_VERSIONS};
	struct kmip_answer a;
	enum box_kdf kdf;
	uint8_t *copy;

	if (size == 0)
		return 0;
	copy =
	    malloc(size - 1 ? size - 1
			    : 1); /* its very end is the heap's, so that one byte too far shows */
	memcpy(copy, data + 1, size - 1);
	if (data[0] == 0xff) {
		(void)!box_kdf_of(BOX_STORE, copy, size - 1, &kdf, NULL);
	} else {
		enum kmip_operation operation = operations[data[0] % 6];

		if (kmip_parse(copy, size - 1, operation, &a, NULL) == 0 && !a.has_failed)
			read_payload(operation, &a);
	}
	free(copy);
	return 0;
}
