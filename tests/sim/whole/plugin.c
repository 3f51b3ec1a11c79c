// SPDX-License-Identifier: MIT
/* plugin.c - in each of the simulator's plug-ins, so that none is taken for the product's. */
extern const char sim_whole_plugin[];
const char sim_whole_plugin[] = "a plug-in of sim_whole, with the product's sources";
