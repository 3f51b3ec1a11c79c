/* SPDX-License-Identifier: MIT */
#include "key_state.h"

const char *key_state_word(enum key_state state)
{
	static const char *const words[] = {
	    [KEY_OK] = "ok",
	    [KEY_PENDING] = "pending",
	    [KEY_LOCKED] = "locked",
	    [KEY_UNREACHABLE] = "unreachable",
	    [KEY_REFUSED] = "refused",
	    [KEY_REVOKED] = "revoked",
	    [KEY_DESTROYED] = "destroyed",
	    [KEY_UNKNOWN] = "missing",
	    [KEY_FAILED] = "failed",
	};

	return words[state];
}
