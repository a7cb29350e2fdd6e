/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Notices when something may have changed below directories that may not exist yet. Knows names only: whether a change was
 * one is for the load to tell. */

#include <stdbool.h>

typedef struct ConfigWatch ConfigWatch;
int config_watch_new(ConfigWatch **ret);
ConfigWatch *config_watch_free(ConfigWatch *w);
/* name: one file in dir that matters; NULL: each that config_set_load() would look at. */
int config_watch_add(ConfigWatch *w, const char *dir, const char *name);
/* (Re-)places the watches; to be called once after the last add. What changed before is not told. */
int config_watch_arm(ConfigWatch *w);
int config_watch_fd(const ConfigWatch *w);
/* Takes everything that was told. True where something that matters may have changed; directories that came or went are followed
 * first, so that a load after this sees whatever happened before and hears of whatever happens later. */
bool config_watch_drain(ConfigWatch *w);
