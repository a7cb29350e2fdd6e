/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A Spawn, room by room (architecture.md): who and may are behind it when it comes here (act.h); then book, rule, plan, record, yard. Also
 * CreateSandbox, which is the same without a command, Plan, which stops before the record, and Exec. */

#include "act.h"

extern const ActKind act_spawn, act_create_sandbox, act_plan, act_exec;

/* A sandbox that the launcher knows from before (ADOPT), with its record; fds as LaunchDone. */
void spawn_adopt(Manager *m, const LaunchReport *report, const json_t *record, int *fds, size_t n_fds);

/* The two of a request and what it is bound by, found by name: for Spawn, Plan and Explain. *ret is a new reference; *ret_stored says
 * whether it is the store's (then stored policies' literal paths are the administrator's word). -ENOENT, or -EINVAL with
 * *ret_sentence. */
int spawn_find_policy(Manager *m, const char *name_or_document, Policy **ret, bool *ret_stored, char **ret_sentence);
