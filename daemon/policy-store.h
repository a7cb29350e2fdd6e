/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The policies of the host: MXC_LIBDIR/policies < /etc/mxc/policies < /run/mxc/policies (NAME.json, the last one wins; a symlink to
 * /dev/null masks), and beside them ceiling.json, handoff.json and upstream.json. Everything is read through descriptors, must be a
 * regular file that root owns and nobody else may write, and is parsed strictly. A file that is not good is refused with
 * its error, and the last good policy of that name stays in force for as long as the file is bad (a bad one that never
 * was good is no policy at all). Loads are whole: a new generation is built beside the old one and then swapped.
 *
 * A file NAME.json holds one policy whose "name" is NAME. It may extend others of the store: of these, what is in force counts (the
 * last good one where the file is bad). ceiling.json (name "ceiling") extends nothing, is found as the policy
 * "ceiling", and no file in policies/ can have that name. Files beyond LIMIT_POLICIES are refused. A directory that others than root
 * can write is no layer to leave out (it could hide a stricter policy): the whole load is refused then. */

#include <stdbool.h>
#include <stddef.h>

#include "handoff.h"
#include "policy.h"
#include "upstream-file.h"

typedef struct StoredPolicy {
        char *name;
        char *file;          /* where it came from */
        char *error;         /* NULL when the file is good; otherwise what is wrong with it: "FILE:LINE:COLUMN: /pointer: sentence" */
        Policy *policy;      /* the last good one; NULL when there never was one */
} StoredPolicy;

typedef struct PolicyStore PolicyStore;

/* What changed in a load, for the audit and for Reload's answer. */
typedef struct PolicyChange {
        const char *file;    /* borrowed during the call */
        const char *name;     /* "handoff" for the handoff list and "upstream" for the host's proxy, which are no policies: policy is always NULL */
        const Policy *policy; /* in force now; NULL: gone */
        const char *digest;   /* of the policy, or of that file's text, in force now; NULL: gone, or never good */
        const char *error;   /* NULL: good */
        bool changed;        /* against the last load */
} PolicyChange;
typedef void (*PolicyChanged)(const PolicyChange *change, void *userdata);

/* dirs: lowest precedence first, each has policies/, ceiling.json, handoff.json; NULL-terminated. Nothing is read yet. */
int policy_store_new(const char *const *dirs, PolicyStore **ret);
PolicyStore *policy_store_free(PolicyStore *s);

/* Reads everything again; calls changed (optional) for each file that is there or went. -ENODATA when there is no good ceiling or
 * handoff list at all: nothing can be decided then, and the daemon does not start. -EPERM and the like: a directory is not to be trusted or
 * cannot be read; changed is called once with its path as file and as name, and nothing else is touched. */
int policy_store_load(PolicyStore *s, PolicyChanged changed, void *userdata);

/* The descriptor of an inotify instance that becomes readable when a file may have changed: watch it, drain it, and where that says
 * true, load; soon, but not at once (some 100 ms), because changes come in swarms. Directories that do not exist yet are noticed
 * when they come. Works from policy_store_new() on. */
int policy_store_watch_fd(const PolicyStore *s);
bool policy_store_drain(PolicyStore *s);

const Policy *policy_store_find(const PolicyStore *s, const char *name); /* borrowed; NULL: none. Take a ref to keep it. */
const Policy *policy_store_ceiling(const PolicyStore *s);
const Handoff *policy_store_handoff(const PolicyStore *s); /* borrowed until the next load */
/* The host's proxy, which may be none: borrowed as well. *ret_number is another one when it is another. */
const Upstream *policy_store_upstream(const PolicyStore *s, uint64_t *ret_number);
const StoredPolicy *policy_store_list(const PolicyStore *s, size_t *ret_n); /* sorted by name; ceiling included as "ceiling" */
/* For policy_parse(): documents of callers may extend what is in the store. userdata is the store. */
json_t *policy_store_lookup(const char *name, void *userdata);
