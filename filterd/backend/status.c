/* SPDX-License-Identifier: MIT */
#include "status.h"

#include <errno.h>

enum sluice_status status_of(int result)
{
	switch (-result) {
	case 0:
		return SLUICE_OK;
	case ENOSPC:
	case EDQUOT:
		return SLUICE_ERR_NO_SPACE;
	case EAGAIN:
	case EINTR:
	case ENOMEM:
	case EBUSY:
		return SLUICE_ERR_BUSY;
	case ECANCELED:
		return SLUICE_ERR_ABORTED;
	case ENODEV:
	case ENXIO:
	case ESTALE:
	case ENOTCONN:
	case ETIMEDOUT:
	case EHOSTDOWN:
	case EHOSTUNREACH:
		return SLUICE_ERR_NOT_READY;
	case EROFS:
	case EACCES:
	case EPERM:
		return SLUICE_ERR_READ_ONLY;
	case EOPNOTSUPP:
	case ENOSYS:
		return SLUICE_ERR_UNSUPPORTED;
	default:
		return SLUICE_ERR_IO;
	}
}
