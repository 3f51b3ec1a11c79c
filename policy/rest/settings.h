/* SPDX-License-Identifier: MIT */
/* settings.h - what other resources ask of the settings. */
#ifndef REST_SETTINGS_H
#define REST_SETTINGS_H

#include <jansson.h>

#include "store.h"

/* As it was set; else what the machine is called. New reference. */
json_t *settings_appliance_name(struct store *store);

#endif
