/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What NSS says of a uid: name, home, groups. NSS can block for ever (LDAP, a dead network) and loads strangers' code, so it runs in
 * a child with a deadline, and the answer is remembered for USER_CACHE_USEC (that nobody is known: for USER_UNKNOWN_USEC, because a
 * directory that is away says the same). The daemon's loop never waits; at most LIMIT_USER_LOOKUPS children run at once, the others
 * wait for their turn, and lookups of one uid share one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define USER_CACHE_USEC (UINT64_C(300) * 1000000)
#define USER_UNKNOWN_USEC (UINT64_C(10) * 1000000)
#define USER_LOOKUP_USEC (UINT64_C(10) * 1000000) /* of one child, from its start */

typedef struct User {
        uid_t uid;
        bool is_known;        /* to NSS */
        gid_t gid;            /* 65534 (nogroup) where NSS knows nobody: its number is somebody's group */
        char *name;           /* the uid in digits where NSS knows nobody */
        char *home;           /* absolute and normal, not "/" (which is no home, but everything), or NULL: policies that name ${home} then
                               * have no such entries */
        gid_t *groups;        /* gid among them; at most LIMIT_PLAN_GROUPS, who has more cannot be looked up (-E2BIG) */
        size_t n_groups;
} User;

int user_copy(const User *u, User *ret); /* of one that is borrowed; user_clear() it */
void user_clear(User *u);

typedef struct UserCache UserCache;
int user_cache_new(sd_event *event, UserCache **ret);
UserCache *user_cache_free(UserCache *c); /* who waits is told -ESHUTDOWN */
void user_cache_flush(UserCache *c);

/* done() is called exactly once, perhaps before this returns (a remembered answer). user is borrowed: copy what must stay. NULL
 * and a negative errno: the lookup itself failed or took too long (-ETIMEDOUT); refuse. An unknown uid is not a failure. Where
 * user_cache_get() or user_cache_find() is negative, done() is not called. */
typedef void (*UserDone)(const User *user, int error, void *userdata);
int user_cache_get(UserCache *c, uid_t uid, UserDone done, void *userdata);
/* The uid of a name, for registrations. -ENOENT when nobody has it. */
typedef void (*UserNameDone)(uid_t uid, int error, void *userdata);
int user_cache_find(UserCache *c, const char *name, UserNameDone done, void *userdata);
