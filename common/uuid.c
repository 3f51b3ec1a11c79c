/* SPDX-License-Identifier: MIT */
#include "uuid.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "parse.h"

int uuid_make(char text[37], struct err *err)
{
	uint8_t uuid[16];

	if (getrandom(uuid, sizeof(uuid), 0) != (ssize_t)sizeof(uuid))
		return err_set(err, EIO, "", "the system gave no random bytes: %s",
			       strerror(errno));
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* version 4 */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	parse_uuid_format(uuid, text);
	return 0;
}
