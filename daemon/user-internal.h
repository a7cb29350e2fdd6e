/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What user.c (the cache and its children) and user-lookup.c (what a child does) share. */

#include "user.h"

/* What a child is asked: name, or uid where name is NULL. */
typedef struct UserQuestion {
        uid_t uid;
        const char *name;
} UserQuestion;

/* Runs in a child, which ends when it returns: asks NSS, and writes one answer to fd. */
typedef void (*UserChild)(int fd, const UserQuestion *question);
void user_lookup(int fd, const UserQuestion *question);

/* An answer: what was found, or the digits where nobody was (*ret_known false). Believes nothing: the child has run strangers'
 * code. -EBADMSG: it is none. Otherwise the error that the child tells of. The strings are the caller's to free. */
int user_answer_decode(const void *data, size_t size, const UserQuestion *question, User *ret, bool *ret_known);
/* Writes one; for user_lookup(), and for tests. u NULL: error says why. */
int user_answer_encode(const User *u, bool known, int error, void **ret, size_t *ret_size);

#define USER_ANSWER_MAX (64U * 1024) /* and no more than a pipe holds: a child never waits for the daemon */

/* As user_cache_new(), for tests: another child, and another deadline. */
int user_cache_new_full(sd_event *event, UserChild child, uint64_t deadline_usec, UserCache **ret);
