// SPDX-License-Identifier: MIT
// setup.c - see setup.h.
#include "setup.h"

struct device_spec setup_array(double capacity_iops)
{
	return (struct device_spec){.model = DEVICE_FIXED,
				    .servers = 16,
				    .spread_pct = 50,
				    .service_us = 16e6 / capacity_iops};
}

struct control_config setup_manual(uint32_t threshold_us)
{
	return (struct control_config){
	    .is_enabled = true, .threshold_us = threshold_us, .peak_pct = 90};
}

void setup_clients(struct lab_spec *s, uint32_t clients, uint32_t qd)
{
	s->clients = clients;
	for (uint32_t i = 0; i < clients; i++)
		s->client[i] =
		    (struct lab_client_spec){.qos = {.shares = 1000}, .qd = qd, .len_bytes = 16384};
}

void setup_run(struct lab *lab, struct lab_spec *s, bool with_control, uint64_t until_ms)
{
	s->is_unfiltered = !with_control;
	lab_init(lab, s);
	lab_run(lab, until_ms);
}
