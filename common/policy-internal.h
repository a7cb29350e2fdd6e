/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the files of mxc-policy share and nobody else sees. One file per type:
 * value (sizes, spans), path, parse*, json (canonical form), meet, within, allows, bind. */

#include "array.h"
#include "cleanup.h"
#include "json.h"
#include "policy.h"
#include "value.h"

DEFINE_CLEANUP(Policy *, policy_unref);

/* policy.c: words of the enums, in their order */
extern const char *const containment_words[_CONTAINMENT_MAX];
extern const char *const workspace_mode_words[_WORKSPACE_MAX];
extern const char *const verdict_words[2];
extern const char *const audit_level_words[_AUDIT_LEVEL_MAX];
extern const char *const violation_action_words[_VIOLATION_ACTION_MAX];
extern const char *const clipboard_words[_CLIPBOARD_MAX];
extern const char *const dns_words[_DNS_ANSWERS_MAX];
extern const char *const handoff_words[2]; /* indexed by handoff_allowed */
extern const char *const resource_keys[_RESOURCE_MAX];

typedef enum EgressLimit { EGRESS_BYTES_IN, EGRESS_BYTES_OUT, EGRESS_CONNECTION_RATE, EGRESS_CONNECTIONS, _EGRESS_LIMIT_MAX } EgressLimit;
extern const char *const egress_limit_keys[_EGRESS_LIMIT_MAX];
uint64_t *policy_egress_limit(Policy *p, EgressLimit which);
uint64_t policy_egress_limit_get(const Policy *p, EgressLimit which);

/* policy.c: a policy that allows nothing, and a deep copy. Both unsealed: n_ref is 1, the digest is not made. */
int policy_new(Policy **ret);
int policy_copy(const Policy *p, const Policy *origin, Policy **ret);
/* Sorts, checks every limit (-E2BIG) and makes the digest. Nothing may change afterwards. */
int policy_seal(Policy *p);
/* "NAME#clause" where the clause has no name yet and origin has one; origin may be NULL. NULL when out of memory. */
char *clause_in(const Policy *origin, const char *clause);

/* policy-path.c */
const char *path_complaint(const char *path);       /* NULL when a policy may name it, else what is wrong: "is not absolute" */
const char *bound_path_complaint(const char *path); /* same, variables not allowed */
bool path_covers(const char *ancestor, const char *path); /* is it or is above it */
const PathRule *paths_find(const PathRule *paths, size_t n, const char *path); /* the entry that decides; paths sorted */
PathAccess paths_access(const PathRule *paths, size_t n, const char *path);
int paths_add(PathRule **paths, size_t *n, const char *path, PathAccess access, const char *clause);
void paths_free(PathRule *paths, size_t n);
/* Sorts; of entries for one path the strictest stays. */
void paths_sort(PathRule *paths, size_t *n);
int paths_meet(const Policy *a, const Policy *b, PathRule **ret, size_t *ret_n);

int strings_add(char ***strings, size_t *n, const char *s);
void strings_free(char **strings, size_t n);
void strings_sort(char **strings, size_t *n); /* and unique */
bool strings_has(char *const *strings, size_t n, const char *s);
bool exec_covers(char *const *exec, size_t n, const char *path);
void exec_reduce(char **exec, size_t *n); /* sorts; drops what an ancestor implies */
bool exec_is_all(char *const *exec, size_t n);
int exec_add_all(char ***exec, size_t *n);

/* policy-env.c */
int env_add(EnvVar **vars, size_t *n, const char *name, const char *value);
void env_free(EnvVar *vars, size_t n);
void env_sort(EnvVar *vars, size_t n);
const char *env_get(const EnvVar *vars, size_t n, const char *name);
bool env_allows(const Policy *p, const char *name, const char *value);
int env_meet(const Policy *a, const Policy *b, Policy *m);

/* policy-net-meet.c. origin: whose clauses they are, see clause_in() */
int net_rules_append(const Policy *origin, const NetRule *rules, size_t n, NetRule **ret, size_t *ret_n);
int net_direction_meet(const Policy *pa, const NetDirection *a, const Policy *pb, const NetDirection *b, NetDirection *ret);
/* What a allows, and until then what b's rules allow; nothing that one of the three denies by a rule. */
int net_direction_join(const NetDirection *a, const NetDirection *b, uint64_t until, const NetDirection *denies, NetDirection *ret);
/* One after the other what of a is not within b, by *i and *budget, which begin as 0 and LIMIT_POLICY_PAIRS. False: there is no more; else
 * *ret_clause (borrowed from a) and *ret_why (static). */
bool net_direction_beyond(const NetDirection *a, const NetDirection *b, const char *where, size_t *i, uint64_t *budget,
                const char **ret_clause, const char **ret_why);

/* policy-publish.c: the same of what is published */
int publish_append(const Policy *origin, const NetPublish *list, size_t n, NetPublish **ret, size_t *ret_n);
int publish_meet(const Policy *a, const Policy *b, Policy *m);
const NetPublish *publish_beyond(const Policy *a, const Policy *b, size_t *i); /* of a, one after the other by *i; NULL: there is no more */
int parse_publish(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata);

/* The reading of one document onto what it extends. */
typedef struct Parse {
        Policy *policy;
        bool extended;       /* policy began as a copy of a base, not as nothing */
        PathRule *paths;     /* of this document */
        size_t n_paths;
} Parse;

/* policy-parse-*.c: sections; userdata is the Parse */
int parse_filesystem(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata);
int parse_process(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata);
int parse_network(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata);
int parse_resources(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata);
/* An address or a block. */
int read_cidr(const JsonSource *source, const JsonPlace *place, json_t *value, NetCidr *ret);
/* A JSON number of bytes or a string with a unit; "infinity". */
int read_size(const JsonSource *source, const JsonPlace *place, json_t *value, uint64_t min, uint64_t *ret);
/* A whole number, or "infinity". */
int read_count(const JsonSource *source, const JsonPlace *place, json_t *value, uint64_t min, uint64_t max, uint64_t *ret);
/* A span longer than nothing. */
int read_span(const JsonSource *source, const JsonPlace *place, json_t *value, uint64_t *ret);
