/* SPDX-License-Identifier: MIT */
/*
 * bad_plugin.c - objects that must not be loaded, one fault each, chosen when compiling:
 *   BAD_ABI another SDK; BAD_ENTRY no entry; BAD_SYMBOL needs what nobody has; BAD_NULL no table
 */
#include "sluice/filter.h"

static const struct sluice_filter_ops ops = {
    .abi = SLUICE_SDK_ABI + BAD_ABI,
    .struct_bytes = sizeof(ops),
    .name = "bad",
    .version = "1",
    .help = "Must not be loaded.",
    .cls = SLUICE_CLASS_INSPECTION,
    .op_mask = SLUICE_OPS_ALL,
};

#if BAD_ENTRY
SLUICE_EXPORT const struct sluice_filter_ops *other_entry(void);
const struct sluice_filter_ops *other_entry(void)
{
	return &ops;
}
#else
#if BAD_SYMBOL
void sluice_of_the_future(const struct sluice_filter_ops *o);
#endif

const struct sluice_filter_ops *sluice_filter_entry(void)
{
#if BAD_SYMBOL
	sluice_of_the_future(&ops);
#endif
	return BAD_NULL ? (void *)0 : &ops;
}
#endif
