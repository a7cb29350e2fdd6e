/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the files of mxc-request share: each makes a section of the policy. */

#include "json-text.h"
#include "mxc-request.h"

typedef struct Draft {
        const MxcConfig *config;
        const MxcCaller *caller;
        MxcStrings warnings;
        MxcError *error;
        bool names_loopback; /* of network_make(): MxcRequest's */
} Draft;

typedef enum Grant { GRANT_DENIED, GRANT_READONLY, GRANT_READWRITE, _GRANT_MAX } Grant; /* ordered: of two the stricter is the lesser */

typedef struct GrantedPath {
        char *path;      /* absolute, normal */
        Grant grant;
        const char *said; /* the configuration's own spelling, borrowed; NULL: of the system, which is there for every sandbox */
} GrantedPath;
typedef struct Grants {
        GrantedPath *items;
        size_t n;
} Grants;
void grants_clear(Grants *g);
/* The lists and the system's paths, one entry a path, each object under its strictest, and what is given checked to be the caller's. */
int grants_make(Draft *d, Grants *ret);
/* What decides of a path: the deepest that is it or above it. */
Grant grants_of(const Grants *g, const char *path);
/* A directory that is there because something below it was given, and that was not denied. */
bool grants_lead_through(const Grants *g, const char *path);
void grants_write(const Grants *g, JsonText *to); /* the section filesystem */
/* An absolute path without ".", ".." and empty components, as far as they exist through links. -EINVAL: it is not absolute. */
int path_make_normal(const char *path, char **ret);
/* Where an absolute path leads, also if that is not there yet: through each link on the way, the last included; what is not there stays as text. -ELOOP,
 * -ENAMETOOLONG. A directory that cannot be searched is one where nothing is there: who asks has to find that out. */
int path_find_target(const char *path, char **ret);

/* The section network. */
int network_make(Draft *d, JsonText *to);
/* Where the sandbox finds it. Borrowed. */
const char *network_proxy_host(const MxcProxy *proxy);
/* What the sandbox knows a proxy by: "http://10.0.2.2:8080". NULL when out of memory. */
char *network_proxy_url(const MxcProxy *proxy);

/* env of the request, and the section process of a policy that lets it in. */
int environment_make(Draft *d, char ***ret_env, JsonText *to);
