/* SPDX-License-Identifier: MIT */
/*
 * lab_path.h - an I/O's way through scheduler and controller in the lab: the part that stands for
 * the plug-in's glue; and the properties that hold after every event.
 */
#ifndef SIM_IO_CONTROL_LAB_PATH_H
#define SIM_IO_CONTROL_LAB_PATH_H

#include "lab.h"

void lab_path_submit(struct lab *lab, struct lab_io *io);
void lab_path_done(struct lab *lab, struct lab_io *io);
void lab_path_pump(struct lab *lab);
void lab_path_tick(struct lab *lab);
void lab_path_drain(struct lab *lab);
void lab_path_check(struct lab *lab);

#endif
