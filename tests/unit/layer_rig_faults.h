/* SPDX-License-Identifier: MIT */
/* layer_rig_faults.h - between a rig's env and the volumes on it; what it does then layer_rig.h
 * tells. */
#ifndef TESTS_LAYER_RIG_FAULTS_H
#define TESTS_LAYER_RIG_FAULTS_H

struct env;

/* Nothing fails, nothing is seen until a test asks for it. One env at a time. */
void layer_rig_faults_on(struct env *e);
void layer_rig_faults_off(struct env *e);

#endif
