/* SPDX-License-Identifier: MIT */
/*
 * filterctl.h - what the files of sluice-filterctl share: one connection, one request, one answer.
 *
 *   filterctl.c          command line and commands
 *   filterctl_build.c    arguments into requests
 *   filterctl_snapshot.c  both, of snapshots
 *   filterctl_print.c    answers into tables
 */
#ifndef FILTERD_FILTERCTL_H
#define FILTERD_FILTERCTL_H

#include <jansson.h>

#include "err.h"

/* Arguments after the command's words; NULL with err set. New reference. */
json_t *filterctl_build_datastore(int argc, char **argv, struct err *err);
/* NAME FILTER [parameter=value]... */
json_t *filterctl_build_group(int argc, char **argv, struct err *err);
/* VOLUME FILTER COMMAND [name=value]...; a value that is JSON (7, true) is taken as such. */
json_t *filterctl_build_command(int argc, char **argv, struct err *err);
json_t *filterctl_build_volume(int argc, char **argv, struct err *err);
/* "name[,param=value...][,on_failure=bypass|hold]"; a comma in a value is written "\\,". */
json_t *filterctl_build_filter(const char *spec, struct err *err);

json_t *filterctl_build_snapshot(int argc, char **argv, struct err *err);
json_t *filterctl_build_snapshot_list(int argc, char **argv, struct err *err);
json_t *filterctl_build_snapshot_named(int argc, char **argv, struct err *err);
json_t *filterctl_build_revert(int argc, char **argv, struct err *err);
json_t *filterctl_build_clone(int argc, char **argv, struct err *err);
json_t *filterctl_build_repair(int argc, char **argv, struct err *err);

void filterctl_print_held(const json_t *answer);
void filterctl_print_snapshots(const json_t *answer);
void filterctl_print_steps(const json_t *answer);
void filterctl_print_status(const json_t *answer);
void filterctl_print_filters(const json_t *answer);
void filterctl_print_groups(const json_t *answer);
void filterctl_print_events(const json_t *answer);
void filterctl_print_stats(const json_t *answer);
void filterctl_print_reply(const json_t *answer);
void filterctl_print_volume(const json_t *answer);

#endif
