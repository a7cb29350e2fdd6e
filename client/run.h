/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* mxcctl run: Spawn, and everything until its Exited. */

#include "command.h"
#include "limits.h"

extern const Verb verb_run_command;

typedef struct RunOptions {
        Command command;
        const char *agent;       /* "" for the caller's default agent */
        const char *policy;      /* as it was given: a name, or a file; or NULL */
        const char *workspace;   /* as it was given; or NULL: the current directory */
        const char *containment; /* or NULL */
        const char *labels[LIMIT_LABELS]; /* KEY=VALUE */
        size_t n_labels;
        uint64_t timeout;        /* microseconds; 0: none */
        bool clamp, dry_run;
} RunOptions;

/* Pure but for what it prints. 0; or negative: exit with *ret_status. */
int run_options_parse(const Verb *v, Options *o, RunOptions *ret, int *ret_status);

/* "policy.json", "./x", "-": a document, and not the name of a policy. */
bool policy_is_file(const char *policy);
/* The directory as an absolute path without links, NULL: the current one. 0 or a negative errno. The caller frees. */
int workspace_resolve(const char *dir, char **ret);
/* directory, where it is below the workspace: that is where a command is to begin. Else NULL. */
const char *cwd_within(const char *workspace, const char *directory);
