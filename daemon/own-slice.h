/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The slice that a user's default agent and the further ones stand in, mxc-uUID-own.slice, in the owner's slice and beside what administrators have
 * registered for that owner: all of them together have what the host's ceiling lets user-UID have, however many they are. PID 1 is asked what
 * the slice has, and told what it is to have, each time that a scope in it begins, before that, and when the ceiling becomes another; while it is not known to be
 * bound by the ceiling of now, nothing is spawned into any of these scopes. What an administrator's file says of it stays where it is stricter. */

#include "manager.h"

typedef struct OwnSlice {
        LIST_ENTRY(OwnSlice) entries;
        Manager *manager;   /* not owned */
        uid_t owner;
        char *unit;
        size_t n_users;     /* scopes, and who tells them */
        char held_to[65];   /* digest of the ceiling that it has the limits of; "": not known */
        char asked[65];     /* of that which it is being given */
        const char *cause;  /* a literal */
        sd_bus_slot *call;
} OwnSlice;

/* That of an owner, made as an object if need be. */
int own_slice_hold(Manager *m, uid_t owner, OwnSlice **ret);
void own_slice_release(OwnSlice *o);

bool own_slice_is_bound(const OwnSlice *o);
/* Asks PID 1, unless that is under way, and then calls scope_slice_told() for every scope in it; perhaps before this returns. The cause is a word for
 * the record of what has to be changed. */
void own_slice_bind(OwnSlice *o, const char *cause);
/* Those that something runs in, where the ceiling has become another. */
void own_slices_follow(Manager *m, const char *cause);
