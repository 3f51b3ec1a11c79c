/* SPDX-License-Identifier: MIT */
/* rtpg.h - the one target port group; what INQUIRY page 83h says of it must be the same. */
#ifndef FILTERD_SCSI_RTPG_H
#define FILTERD_SCSI_RTPG_H

#define RTPG_GROUP 1u
#define RTPG_PORT  1u

#endif
